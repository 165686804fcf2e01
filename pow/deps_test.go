package pow_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
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
	// The go command runs on this machine, even if this test is compiled for another
	// architecture and runs in an emulator.
	cmd.Env = append(os.Environ(), "GOOS=", "GOARCH=")
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
		own := path == lode+"/internal/observe" || path == lode+"/internal/cycles" || module == lode && strings.HasPrefix(path, lode+"/pow")
		if !own && !slices.Contains(allowed, module) {
			t.Errorf("%s depends on %s", pkg, path)
		}
	}
	if self := lode + "/pow=" + lode; !slices.Contains(deps, self) {
		t.Errorf("%s does not depend on package pow; all dependencies: %v", pkg, deps)
	}
}

func TestDependencies(t *testing.T) { wantLight(t, ".") }

// TestEmbedder runs a program that embeds the engine in ten lines, and checks with
// crypto/sha256 that its nonce is the first one that solves the header.
func TestEmbedder(t *testing.T) {
	const program = "./testdata/embed"
	wantLight(t, program)
	var nonce uint32
	var hash string
	if out := goCommand(t, "run", program); strings.Count(out, "\n") != 1 {
		t.Errorf("the program printed %q, want one line", out)
	} else if _, err := fmt.Sscan(out, &nonce, &hash); err != nil {
		t.Fatalf("the program printed %q, want a nonce and a hash: %v", out, err)
	}
	twice := func(b []byte) []byte {
		once := sha256.Sum256(b)
		again := sha256.Sum256(once[:])
		return again[:]
	}
	header := make([]byte, 80)
	header[0] = 1
	copy(header[36:], twice([]byte("hello")))
	binary.LittleEndian.PutUint32(header[72:], 0x1f00ffff)
	for n := range nonce + 1 {
		binary.LittleEndian.PutUint32(header[76:], n)
		h := twice(header)
		slices.Reverse(h)
		// The bits are the target 0000ffff, followed by 56 zeros.
		if solved := string(h[:2]) == "\x00\x00" && string(h[2:4]) != "\xff\xff"; solved != (n == nonce) {
			t.Fatalf("nonce %d: solved %v; the program printed %d", n, solved, nonce)
		}
		if n == nonce && hex.EncodeToString(h) != hash {
			t.Errorf("the program printed the hash %s, want %x", hash, h)
		}
	}
}
