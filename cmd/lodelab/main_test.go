package main

import (
	"flag"
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
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

// TestCommandReference fails if docs/lodelab.md differs from the help texts of the
// command. go generate rewrites the file.
func TestCommandReference(t *testing.T) {
	clitest.Reference{
		Program: "lodelab", Title: "The command lodelab", File: "../../docs/lodelab.md",
		Commands: []string{"", "bench", "report", "run", "merge", "propagation", "selfish", "completion", "version"},
	}.Check(t, run, *update)
}
