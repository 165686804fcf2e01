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

// unsetSettings removes every LODE_ variable from the environment until the test
// ends, so that the help text does not show settings of this machine.
func unsetSettings(t *testing.T) {
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

// TestCommandReference fails if docs/commands.md differs from the help texts of
// the command. go generate rewrites the file.
func TestCommandReference(t *testing.T) {
	unsetSettings(t)
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
		t.Errorf("%s differs from the help texts of the command: run go generate ./cmd/lode", file)
	}
}

// TestNodeFlagGroups checks that lode node --help lists each of its flags once,
// under the heading where a reader looks for it.
func TestNodeFlagGroups(t *testing.T) {
	unsetSettings(t)
	var out bytes.Buffer
	if code := run(t.Context(), []string{"node", "--help"}, std{in: strings.NewReader(""), out: &out, err: &out}); code != 0 {
		t.Fatalf("lode node --help: exit status %d", code)
	}
	_, text, _ := strings.Cut(out.String(), "\nFlags:\n")
	var got strings.Builder
	for line := range strings.Lines(text) {
		if flag, ok := strings.CutPrefix(line, "  --"); ok {
			got.WriteString(" " + flag[:strings.IndexAny(flag, "= ")])
		} else if title, ok := strings.CutSuffix(line, ":\n"); ok && !strings.HasPrefix(line, " ") {
			got.WriteString("\n" + title + ":")
		}
	}
	const want = `
Basics: listen data network difficulty mine peer token verbose
Peers: advertise allow-peer outbound inbound addresses ban-time
Mining: workers kernel nice tag
Limits: pool-txs pool-bytes connections connections-each inbound-each peer-requests peer-bodies peer-rate peer-hellos`
	if got.String() != want {
		t.Errorf("the flags are grouped as%s\nwant%s", got.String(), want)
	}
}
