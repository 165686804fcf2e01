package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLode has a node sync a short chain. It checks that the results are plausible,
// that a prepared chain can be used again, and that no temporary files remain.
func TestLode(t *testing.T) {
	const blocks = 300
	n := lode{path: filepath.Join(t.TempDir(), "lode")}
	if err := buildLode(t.Context(), n.path); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 { // the second call finds the chain already prepared
		if err := n.prepare(t.Context(), dir, blocks); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", t.TempDir())
	m, err := measure(t.Context(), n, dir, blocks)
	if err != nil {
		t.Fatal(err)
	}
	if m.took <= 0 || m.peak < 1<<20 || m.serverPeak < 1<<20 || m.state < blocks*200 {
		t.Errorf("%+v", m)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("files left in TMPDIR: %v, %v", left, err)
	}
}
