package check

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden is a file of texts, each under its name.
type golden struct {
	file      string
	want, got map[string]string
}

func openGolden(t *testing.T, file string) *golden {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	g := &golden{file: file, want: map[string]string{}, got: map[string]string{}}
	for section := range strings.SplitSeq("\n"+string(raw), "\n## ") {
		name, text, _ := strings.Cut(section, "\n")
		g.want[name] = text
	}
	return g
}

// check compares a text with that of the file.
func (g *golden) check(t *testing.T, name, got string) {
	t.Helper()
	got = strings.TrimSuffix(got, "\n")
	g.got[name] = got
	if *update {
		return
	}
	want, ok := g.want[name]
	if !ok {
		t.Errorf("%s has no text %q, got\n%s", g.file, name, got)
		return
	}
	if want = strings.TrimSuffix(want, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// end rewrites the file if it should be updated.
func (g *golden) end(t *testing.T) {
	t.Helper()
	if !*update {
		return
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g.got)) {
		fmt.Fprintf(&b, "## %s\n%s\n", name, g.got[name])
	}
	if err := os.WriteFile(g.file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
