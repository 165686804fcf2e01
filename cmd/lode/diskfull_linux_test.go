package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDiskFull checks that a node on a full disk refuses posts but answers everything
// else, and accepts posts again once there is space.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: a full disk needs root, to mount a small one")
	}
	disk := t.TempDir()
	if err := syscall.Mount("lode-test", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("NOT TESTED: a full disk needs a mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	p := startNode(t, filepath.Join(disk, "data"), "--difficulty", "1")
	t.Cleanup(func() { p.stop(t, os.Kill) })

	// Fill the rest of the disk with another file.
	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if err := f.Close(); err != nil {
		t.Log(err) // Close may report the full disk once more
	}

	post := func(i int) int {
		body := fmt.Sprintf(`{"author":"ann","content":"%d %s"}`, i, strings.Repeat("x", 8000))
		status, answer, err := p.call(t.Context(), http.MethodPost, "/new_transaction", body)
		if err != nil {
			t.Fatalf("post %d: %v: %s", i, err, answer)
		}
		return status
	}
	accepted := 0
	status := 0
	for i := 0; i < 500 && status != http.StatusInsufficientStorage; i++ {
		if status = post(i); status == http.StatusCreated {
			accepted++
		} else if status != http.StatusInsufficientStorage {
			t.Fatalf("post %d: status %d", i, status)
		}
	}
	if status != http.StatusInsufficientStorage {
		t.Fatalf("%d posts were accepted on a full disk", accepted)
	}
	for _, path := range []string{"/chain", "/pending_tx", "/status", "/healthz", "/metrics"} {
		if status, answer, err := p.call(t.Context(), http.MethodGet, path, ""); err != nil || status != http.StatusOK {
			t.Errorf("%s on a full disk: %d %s %v", path, status, answer, err)
		}
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if status := post(1000); status != http.StatusCreated {
		t.Errorf("a post after space was freed: status %d, want %d", status, http.StatusCreated)
	}
	var pending []any
	p.getJSON(t, "/pending_tx?limit=1000", &pending)
	if len(pending) != accepted+1 {
		t.Errorf("%d transactions pending, %d were accepted", len(pending), accepted+1)
	}
	if status, answer, err := p.call(t.Context(), http.MethodPost, "/mine", ""); err != nil || status != http.StatusOK {
		t.Errorf("mine: %d %s %v", status, answer, err)
	}
}
