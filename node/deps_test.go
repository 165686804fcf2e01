package node

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies checks that the packages which a node is made of do not depend
// on Prometheus, so that a program can use them without it.
func TestDependencies(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatalf("this test needs the go command, to ask it for dependencies: %v", err)
	}
	for _, pkg := range []string{"./api", "./p2p", "./gossip"} {
		cmd := exec.CommandContext(t.Context(), path, "list", "-deps", pkg)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v\n%s", pkg, err, stderr.String())
		}
		deps := strings.Fields(string(out))
		if len(deps) < 10 {
			t.Errorf("%s depends on %d packages only: %v", pkg, len(deps), deps)
		}
		for _, dep := range deps {
			if strings.Contains(dep, "prometheus") {
				t.Errorf("%s depends on %s", pkg, dep)
			}
		}
	}
}
