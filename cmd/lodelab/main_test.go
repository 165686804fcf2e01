package main

import (
	"bytes"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lodepow/lode/cmd/internal/cli/clitest"
)

var update = flag.Bool("update", false, "rewrite the generated documentation")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lodelab": main})
}

// TestScripts runs the scripts in testdata/script, which call the command as a shell
// would.
func TestScripts(t *testing.T) {
	deploy, err := filepath.Abs(deployDir)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("DEPLOY", deploy)
			return nil
		},
		// Another program has the same name.
		Condition: func(name string) (bool, error) {
			if name != "gnu-parallel" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			out, err := exec.CommandContext(t.Context(), "parallel", "--version").Output()
			return err == nil && bytes.Contains(out, []byte("GNU parallel")), nil
		},
	})
}

// TestCommandReference fails if docs/lodelab.md differs from the help texts of the
// command. go generate rewrites the file.
func TestCommandReference(t *testing.T) {
	clitest.Reference{
		Program: "lodelab", Title: "The command lodelab", File: "../../docs/lodelab.md",
		Commands: []string{"", "bench", "report", "run", "merge", "propagation", "selfish", "doublespend", "partition", "difficulty", "validate", "completion", "version"},
	}.Check(t, run, *update)
}
