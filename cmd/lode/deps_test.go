package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestNothingDraws checks that the command contains no library that draws, because a
// first 'go run ./cmd/lode node' would have to compile it.
func TestNothingDraws(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatalf("this test asks the go command for dependencies and needs it in PATH: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), path, "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Errorf("only %d packages: %v", len(deps), deps)
	}
	draws := regexp.MustCompile(`/plot\b|/image\b|latex|pdf|freetype|svg|fonts|/chart/draw$|/report/page$`)
	for _, dep := range deps {
		if draws.MatchString(dep) {
			t.Errorf("the command depends on %s", dep)
		}
	}
}
