package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// deployDir has the files for clusters.
const deployDir = "../../deploy/lab"

// job is the part of a Job of Kubernetes that this test is about.
type job struct {
	Kind string
	Spec struct {
		CompletionMode string `yaml:"completionMode"`
		Completions    int
		Template       struct {
			Spec struct {
				Containers []struct {
					Command      []string
					VolumeMounts []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
				Volumes []struct{ Name string }
			}
		}
	}
}

func readJob(t *testing.T, name string) (found job) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployDir, name))
	if err != nil {
		t.Fatal(err)
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var j job
		err := in.Decode(&j)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if j.Kind == "Job" {
			found = j
		}
	}
}

// TestKubernetes runs the commands of the Jobs, with folders in the place of volumes. They
// give the files of one machine.
func TestKubernetes(t *testing.T) {
	for _, program := range []string{"sh", "seq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs ", program)
		}
	}
	dir := t.TempDir()
	for _, sub := range []string{"experiment", "results"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "experiment", "experiment.toml")
	if err := os.WriteFile(file, []byte("replicas = 8\nnodes = 10\nblocks = 30\ntopology.degree = 3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	runs, merge := readJob(t, "kubernetes.yaml"), readJob(t, "kubernetes-merge.yaml")
	if runs.Spec.CompletionMode != "Indexed" || runs.Spec.Completions < 2 {
		t.Fatalf("the Job is %+v", runs.Spec)
	}
	command := func(j job, index int) {
		t.Helper()
		c := j.Spec.Template.Spec.Containers[0]
		volumes := map[string]bool{}
		for _, v := range j.Spec.Template.Spec.Volumes {
			volumes[v.Name] = true
		}
		args := append([]string(nil), c.Command...)
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("there is no volume %s", m.Name)
			}
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], m.MountPath+"/", dir+m.MountPath+"/")
			}
		}
		execute(t, "JOB_COMPLETION_INDEX="+strconv.Itoa(index), args...)
	}
	for i := range runs.Spec.Completions {
		command(runs, i)
	}
	command(merge, 0)
	execute(t, "", "lodelab", "run", "--no-report", "--out", filepath.Join(dir, "whole"), file)
	for _, name := range []string{"results.csv", "summary.json"} {
		a, err1 := os.ReadFile(filepath.Join(dir, "whole", name))
		b, err2 := os.ReadFile(filepath.Join(dir, "results", "whole", name))
		if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs, error %v\n%s\n%s", name, err, a, b)
		}
	}
}

// execute runs a command. TestMain has put lodelab into the PATH.
func execute(t *testing.T, setting string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), setting)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}
