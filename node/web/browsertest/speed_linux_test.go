package browsertest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSpeed measures what docs/web.md says of the speed of the pages, and prints every
// sample. It fails only if a median is more than slack times what is asked for, because a
// figure depends on the machine and on what else runs there.
func TestSpeed(t *testing.T) {
	if os.Getenv("LODE_SPEED") == "" {
		t.Skip("NOT MEASURED: set LODE_SPEED=1 to measure the speed of the pages")
	}
	chromium(t)
	lode := buildLode(t)
	for _, m := range []struct {
		name    string
		measure func(*testing.T, string)
	}{
		{"block to a second page", measureBlock},
		{"eight tabs", measureTabs},
		{"first paint", measurePaint},
		{"ten thousand posts", measureMany},
		{"restart", measureRestart},
		{"open pages", measureOpenPages},
	} {
		t.Run(m.name, func(t *testing.T) { m.measure(t, lode) })
	}
}

// slack is how many times more than asked for a figure may be before the test fails.
const slack = 2

// quietly calls f while nothing else runs on the machine, as far as the command in the
// variable LODE_QUIET can achieve that. It is a command that runs the command behind it, for
// some seconds at most. Without the variable, quietly just calls f.
func quietly(t testing.TB, f func()) {
	t.Helper()
	words := strings.Fields(os.Getenv("LODE_QUIET"))
	if len(words) == 0 {
		f()
		return
	}
	cmd := exec.CommandContext(t.Context(), words[0], append(words[1:], "sh", "-c", "echo quiet; exec cat")...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("LODE_QUIET: %v", err)
	}
	f()
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Logf("a piece was not quiet to its end: %v", err)
	}
}

// samples are the figures of one kind, mostly in milliseconds.
type samples []float64

func (s *samples) add(d time.Duration) { *s = append(*s, float64(d.Microseconds())/1000) }

// at returns the sample below which a share of all samples is.
func (s samples) at(share float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// report prints the samples, and fails the test if the median is far above what is asked
// for.
func (s samples) report(t *testing.T, what string, asked time.Duration) {
	t.Helper()
	if len(s) == 0 {
		t.Errorf("%s: there are no samples", what)
		return
	}
	var all strings.Builder
	for _, v := range s {
		fmt.Fprintf(&all, " %.0f", v)
	}
	most := float64(asked.Milliseconds())
	t.Logf("%s: median %.0f ms, 95th percentile %.0f ms, slowest %.0f ms of %d; asked %.0f ms\nsamples in ms:%s",
		what, s.at(0.5), s.at(0.95), slices.Max(s), len(s), most, all.String())
	if s.at(0.5) > slack*most {
		t.Errorf("%s: the median is %.0f ms, more than %d times what is asked for", what, s.at(0.5), slack)
	}
}
