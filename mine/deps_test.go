package mine_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A miner for a pool must not need a chain or Prometheus. The package must therefore
// import nothing but the engine and what the engine imports.
func TestDependencies(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatalf("this test asks the go command for dependencies and needs it in PATH: %v", err)
	}
	list := func(args ...string) []string {
		out, err := exec.CommandContext(t.Context(), path, append([]string{"list"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	const lode = "github.com/lodepow/lode/"
	engine := list("-deps", "../pow")
	for _, dep := range list("-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".") {
		if dep != lode+"mine" && !slices.Contains(engine, dep) {
			t.Errorf("package mine depends on %s, which the engine does not need", dep)
		}
	}
}
