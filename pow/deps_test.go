package pow_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// goCommand runs the go command in the directory of this package and returns its
// output.
func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatalf("this test asks the go command for dependencies and needs it in PATH: %v", err)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// wantLight fails if a package depends on a module that the engine does not need.
// Every program that imports the engine would have to download and build it.
func wantLight(t *testing.T, pkg string) {
	t.Helper()
	const lode = "github.com/lodepow/lode"
	allowed := []string{
		"github.com/klauspost/cpuid/v2",
		"github.com/minio/sha256-simd",
		"golang.org/x/sync",
		"golang.org/x/sys",
	}
	deps := strings.Fields(goCommand(t, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}={{.Module.Path}}{{end}}", pkg))
	for _, dep := range deps {
		path, module, _ := strings.Cut(dep, "=")
		own := path == lode+"/internal/observe" || module == lode && strings.HasPrefix(path, lode+"/pow")
		if !own && !slices.Contains(allowed, module) {
			t.Errorf("%s depends on %s", pkg, path)
		}
	}
	if self := lode + "/pow=" + lode; !slices.Contains(deps, self) {
		t.Errorf("%s does not depend on package pow; all dependencies: %v", pkg, deps)
	}
}

func TestDependencies(t *testing.T) { wantLight(t, ".") }

func TestEmbedder(t *testing.T) {
	const program = "./testdata/embed"
	wantLight(t, program)
	if got := goCommand(t, "run", program); got != "1082\n" {
		t.Errorf("the program printed %q, want the nonce 1082", got)
	}
}
