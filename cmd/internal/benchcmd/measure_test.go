package benchcmd

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/bench"
	"github.com/lodepow/lode/cmd/internal/cli"
)

// stopAt is a buffer that calls stop once the given number of results of
// BenchmarkScan has been written to it.
type stopAt struct {
	bytes.Buffer
	results int
	stop    func()
}

func (w *stopAt) Write(p []byte) (int, error) {
	if w.results -= strings.Count(string(p), "BenchmarkScan"); w.results <= 0 {
		w.stop()
	}
	return w.Buffer.Write(p)
}

// TestBenchInterrupted checks that an interrupted run keeps the finished samples,
// reports on them, and says that it was stopped.
func TestBenchInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &stopAt{results: 3, stop: cancel}
	err := Flags{Only: "^Scan"}.Run(ctx, cli.Std{Out: out, Err: io.Discard}, Output{})
	if err == nil || err.Error() != "stopped before the time was up; what was measured is kept" {
		t.Errorf("error %v", err)
	}
	text := out.String()
	if n := strings.Count(text, "\nBenchmark"); n < 3 || n > 4 {
		t.Errorf("%d results are in the output, want 3 or 4", n)
	}
	for _, want := range []string{"\n# rounds: 0\n", "\n#   Hash rate by kernel, one core\n", "(1 of 6 samples)"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the output:\n%s", want, text)
		}
	}
}

// TestStatusLine checks that the status is erased while a result is written to the
// same terminal, and not shown in a file.
func TestStatusLine(t *testing.T) {
	var terminal strings.Builder
	line := &statusLine{w: &terminal}
	line.show(bench.Progress{Round: 2, Case: "Scan/kernel=minio", Left: 41*time.Second + 300*time.Millisecond})
	if _, err := line.under(&terminal, true).Write([]byte("BenchmarkX 1 1 ns/op\n")); err != nil {
		t.Fatal(err)
	}
	line.clear()
	const status = "round 2, about 41s left, Scan/kernel=minio"
	if want := "\r" + status + "\x1b[K" + "\r\x1b[K" + "BenchmarkX 1 1 ns/op\n" + status + "\r\x1b[K"; terminal.String() != want {
		t.Errorf("%q, want %q", terminal.String(), want)
	}

	var file strings.Builder
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { line.show(bench.Progress{}) })
	}
	if _, err := line.under(&file, false).Write([]byte("x")); err != nil || file.String() != "x" {
		t.Errorf("%q, %v", file.String(), err)
	}
	all.Wait()
}
