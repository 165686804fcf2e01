package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
)

// manyPoints writes more about its progress than a pipe holds, so that a process whose
// messages are not read cannot end.
const manyPoints = "replicas = 2\nnodes = 3\nblocks = 3\ninterval = '1s..600s step 1s'\n" +
	"topology.shape = ['clique']\nlatency.law = ['uniform']\nlatency.spread = [0.5]\nrelay.mode = ['full']\nrelay.validation = ['1ms']\n" +
	"relay.block_bytes = [1000]\nrelay.block_bytes_law = ['constant']\ntie.rule = ['first-seen']\npower.zipf = [0.5]\n"

// startRun starts a process of lodelab and waits until some replicas have ended.
func startRun(t *testing.T, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "lodelab", args...)
	pipe, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(pipe)
	for line := ""; !strings.HasPrefix(line, "point "); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return c, lines
}

// A process that gets SIGINT keeps the replicas that have ended, and one that is killed does,
// too. Nobody else can write to the folder meanwhile. The resumed run has the same bytes as
// one that was not interrupted.
func TestProcess(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send an interrupt to another one")
	}
	if size := os.Getpagesize(); size > 16<<10 {
		t.Skipf("NOT TESTED: with pages of %d bytes a pipe holds all that a run says about its progress, so that the run ends before the signal is there", size)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("x.toml"), []byte(manyPoints), 0o666); err != nil {
		t.Fatal(err)
	}
	lodelab := func(args ...string) (exit int, messages string) {
		var errs bytes.Buffer
		exit = run(t.Context(), append([]string{"run", "--no-report"}, args...), cli.Std{Out: io.Discard, Err: &errs})
		return exit, errs.String()
	}
	execute(t, "", "lodelab", "run", "--no-report", "--out", at("whole"), at("x.toml"))
	for name, signal := range map[string]os.Signal{"interrupted": os.Interrupt, "killed": os.Kill} {
		part := at(name)
		c, lines := startRun(t, "run", "--no-report", "--out", part, at("x.toml"))
		for _, again := range [][]string{{"--out", part, at("x.toml")}, {"--resume", "--out", part, at("x.toml")}} {
			if exit, messages := lodelab(again...); exit != cli.ExitFailed || !strings.Contains(messages, "another process is writing to the folder "+part) {
				t.Errorf("%s: a second process has the exit status %d, and says\n%s", name, exit, messages)
			}
		}
		if err := c.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		said := ""
		for line, err := lines.ReadString('\n'); err == nil; line, err = lines.ReadString('\n') {
			said = line
			time.Sleep(time.Millisecond) // so that the run does not end before the signal is there
		}
		failed := (*exec.ExitError)(nil)
		if err := c.Wait(); !errors.As(err, &failed) {
			t.Fatalf("%s: error %v", name, err)
		}
		if status := failed.Sys().(syscall.WaitStatus); signal == os.Kill && status.Signal() != syscall.SIGKILL || signal == os.Interrupt &&
			(status.ExitStatus() != cli.ExitFailed || !strings.Contains(said, "interrupted: ") || !strings.Contains(said, "run the same command with --resume")) {
			t.Errorf("%s: %v, and the last words are\n%s", name, failed, said)
		}
		rows, err := os.ReadFile(filepath.Join(part, lab.ResultsFile))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(rows, []byte("\n")); n < 3 || n > 1199 {
			t.Errorf("%s: there are %d rows", name, n)
		}
		if _, err := os.Stat(filepath.Join(part, lab.LockFile)); (err == nil) != (signal == os.Kill) {
			t.Errorf("%s: the file of the lock: %v", name, err)
		}
		if exit, messages := lodelab("--resume", "--out", part, at("x.toml")); exit != 0 {
			t.Errorf("%s: exit status %d, and\n%s", name, exit, messages)
		}
		for _, file := range []string{lab.ResultsFile, lab.SummaryFile} {
			a, err1 := os.ReadFile(filepath.Join(part, file))
			b, err2 := os.ReadFile(filepath.Join(at("whole"), file))
			if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: %s differs, error %v", name, file, err)
			}
		}
		if _, err := os.Stat(filepath.Join(part, lab.LockFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the lock is left behind: %v", name, err)
		}
	}
}
