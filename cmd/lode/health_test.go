package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli"
)

// TestHealth asks a node that runs, one that has ended, one whose disk has failed, and
// one that does not answer in time.
func TestHealth(t *testing.T) {
	p := startNode(t, t.TempDir())
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the disk has failed", http.StatusServiceUnavailable)
	}))
	defer broken.Close()
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)

	health := func(args ...string) (code int, text string) {
		t.Helper()
		var out, errs strings.Builder
		code = run(t.Context(), append([]string{"health"}, args...), cli.Std{Out: &out, Err: &errs})
		return code, out.String() + errs.String()
	}
	if code, text := health("--node", p.url); code != 0 || strings.Count(text, "\n") != 1 {
		t.Errorf("a node that runs: exit status %d, %q", code, text)
	}
	p.stop(t, os.Kill)
	for _, tc := range []struct {
		what string
		args []string
		code int
		want string
	}{
		{"a node that has ended", []string{"--node", p.url}, cli.ExitFailed, "is it running?"},
		{"a disk that has failed", []string{"--node", broken.URL}, cli.ExitFailed, "503 Service Unavailable: the disk has failed"},
		{"no answer in time", []string{"--node", silent.URL, "--timeout", "10ms"}, cli.ExitFailed, "is it running?"},
		{"no URL", []string{"--node", "nonsense"}, cli.ExitUsage, "--node: \"nonsense\": want http://HOST:PORT"},
	} {
		if code, text := health(tc.args...); code != tc.code || !strings.Contains(text, tc.want) {
			t.Errorf("%s: exit status %d, %q; want %d and %q", tc.what, code, text, tc.code, tc.want)
		}
	}
}
