package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

//go:generate go test -run TestCommandReference -update

var update = flag.Bool("update", false, "rewrite the generated documentation")

// TestCommandReference keeps docs/commands.md equal to what the command says of
// itself.
func TestCommandReference(t *testing.T) {
	for _, setting := range os.Environ() { // so that help shows no value of this machine
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "LODE_") {
			t.Setenv(name, "") // restores it afterwards
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	var doc strings.Builder
	doc.WriteString("# The command line\n\nWritten by `go generate ./cmd/lode` from the command's own help.\n")
	for _, command := range []string{"", "node", "post", "key new", "key show", "grind", "verify", "kernels", "bench", "report", "version"} {
		var out bytes.Buffer
		args := append(strings.Fields(command), "--help")
		if code := run(t.Context(), args, std{in: strings.NewReader(""), out: &out, err: &out}); code != 0 {
			t.Fatalf("lode %s: exit status %d", strings.Join(args, " "), code)
		}
		doc.WriteString("\n## lode " + command + "\n\n```\n" + strings.TrimSpace(out.String()) + "\n```\n")
	}

	const file = "../../docs/commands.md"
	want := strings.ReplaceAll(doc.String(), "## lode \n", "## lode\n")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the command says of itself: run go generate ./cmd/lode", file)
	}
}
