package main

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli/clitest"

	"github.com/lodepow/lode/cmd/internal/cli"
)

//go:generate go test -run TestCommandReference -update

var update = flag.Bool("update", false, "rewrite the generated documentation")

// TestCommandReference fails if docs/commands.md differs from the help texts of the
// command. go generate rewrites the file.
func TestCommandReference(t *testing.T) {
	clitest.Reference{
		Program: "lode", Title: "The command line", File: "../../docs/commands.md",
		Commands: []string{"", "node", "mine", "post", "key new", "key show", "key import", "grind", "stratum-check", "verify", "kernels", "bench", "completion", "version"},
	}.Check(t, run, *update)
}

// TestNodeFlagGroups checks that lode node --help lists each of its flags once,
// under the heading where a reader looks for it.
func TestNodeFlagGroups(t *testing.T) {
	clitest.UnsetSettings(t)
	var out bytes.Buffer
	if code := run(t.Context(), []string{"node", "--help"}, cli.Std{In: strings.NewReader(""), Out: &out, Err: &out}); code != 0 {
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
Basics: listen data network difficulty mine peer import token allow-origin verbose
Peers: advertise allow-peer outbound inbound addresses ban-time
Mining: workers kernel nice tag stratum stratum-only stratum-cert stratum-key stratum-sessions
Limits: pool-txs pool-bytes connections connections-each inbound-each peer-requests peer-bodies peer-rate peer-hellos`
	if got.String() != want {
		t.Errorf("the flags are grouped as%s\nwant%s", got.String(), want)
	}
}
