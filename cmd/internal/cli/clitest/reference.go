// Package clitest has checks that the tests of all commands share.
package clitest

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli"
)

// Reference is a page of documentation made of the help texts of a program.
type Reference struct {
	Program  string
	Title    string
	File     string
	Commands []string // "" is the program itself
}

// Check fails the test if the page differs from the help texts. With update it first
// rewrites the page.
func (r Reference) Check(t *testing.T, run func(context.Context, []string, cli.Std) int, update bool) {
	t.Helper()
	UnsetSettings(t)
	var doc strings.Builder
	doc.WriteString("# " + r.Title + "\n\nWritten by `go generate ./cmd/" + r.Program + "` from the command's own help.\n")
	for _, command := range r.Commands {
		var out bytes.Buffer
		args := append(strings.Fields(command), "--help")
		if code := run(t.Context(), args, cli.Std{In: strings.NewReader(""), Out: &out, Err: &out}); code != 0 {
			t.Fatalf("%s %s: exit status %d", r.Program, strings.Join(args, " "), code)
		}
		doc.WriteString("\n" + strings.TrimSpace("## "+r.Program+" "+command) + "\n\n```\n" + strings.TrimSpace(out.String()) + "\n```\n")
	}
	want := doc.String()
	if update {
		if err := os.WriteFile(r.File, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(r.File)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s differs from the help texts of the command: run go generate ./cmd/%s", r.File, r.Program)
	}
}

// UnsetSettings removes every LODE_ variable from the environment until the test
// ends, so that the help text does not show settings of this machine.
func UnsetSettings(t *testing.T) {
	t.Helper()
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "LODE_") {
			t.Setenv(name, "") // restores the variable when the test ends
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}
