package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startNode starts a node that mines whenever a transaction is pending, and returns its URL.
func startNode(t *testing.T) string {
	t.Helper()
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), node.Config{Params: params, Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 1, Mine: node.Pending})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + n.Addr().String()
}

// wantLine compares the output of a program, in Go or in JavaScript, with what it should
// say about a file.
func wantLine(t *testing.T, said string, file []byte, height int) {
	t.Helper()
	want := regexp.MustCompile(fmt.Sprintf(`^%x is in block %d of \d{4}-\d\d-\d\d.\d\d:\d\d:\d\d.*\n$`, sha256.Sum256(file), height))
	if !want.MatchString(said) {
		t.Errorf("the program says %q, want %s", said, want)
	}
}

// TestPrograms runs both programs of the tutorial on one node.
func TestPrograms(t *testing.T) {
	url := startNode(t)
	text := []byte("this existed")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var said strings.Builder
	if err := stamp(ctx, url, file, &said); err != nil {
		t.Fatal(err)
	}
	wantLine(t, said.String(), text, 1)
	if err := stamp(ctx, url, filepath.Join(t.TempDir(), "missing"), &said); err == nil {
		t.Error("a file that does not exist is proved")
	}

	t.Run("JavaScript", func(t *testing.T) {
		program, err := exec.LookPath("node")
		if err != nil {
			t.Skipf("NOT TESTED: the program in JavaScript needs Node.js: %v", err)
		}
		version, err := exec.CommandContext(ctx, program, "-p", "process.versions.node.split('.')[0] >= 18").Output()
		if err != nil || strings.TrimSpace(string(version)) != "true" {
			t.Skipf("NOT TESTED: the program in JavaScript needs Node.js 18 or newer (%s, %v)", version, err)
		}
		out, err := exec.CommandContext(ctx, program, "stamp.mjs", url, file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		wantLine(t, string(out), text, 2)
	})
}

// TestPageShowsThePrograms compares the page with the files. The programs are short enough
// to be read in one go.
func TestPageShowsThePrograms(t *testing.T) {
	page, err := os.ReadFile("../tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"main.go", "stamp.mjs"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown := string(text)
		if file == "main.go" {
			_, body, ok := strings.Cut(shown, "func stamp(")
			if !ok {
				t.Fatal("main.go has no function stamp")
			}
			shown = "func stamp(" + body
		}
		if !strings.Contains(string(page), shown) {
			t.Errorf("docs/tutorial.md does not show %s as it is", file)
		}
		if lines := strings.Count(string(text), "\n"); lines > 65 {
			t.Errorf("%s has %d lines", file, lines)
		}
	}
}
