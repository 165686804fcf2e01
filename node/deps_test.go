package node

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies checks that the packages from which others build programs do not
// depend on Prometheus. Their numbers are plain values and observers, which packages
// named metrics export.
func TestDependencies(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatalf("this test asks the go command for dependencies and needs it in PATH: %v", err)
	}
	const lode = "github.com/lodepow/lode/"
	for _, pkg := range []string{
		"pow", "pow/headers",
		"client", "chain", "chain/block", "chain/rules", "chain/store",
		"mine", "mine/own", "mine/stratum", "mine/stratum/server", "mine/stratum/vardiff",
		"node/api", "node/gossip", "node/p2p",
		"lab/nodes",
	} {
		cmd := exec.CommandContext(t.Context(), path, "list", "-deps", lode+pkg)
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
