package report

import (
	"math"
	"testing"
	"time"

	"github.com/lodepow/lode/lab"
)

func TestEstimate(t *testing.T) {
	for _, test := range []struct {
		mean, half, factor float64
		text, interval     string
	}{
		{0.0361, 0.0035, 100, "3.61", "3.26 to 3.96"},
		{0.001, 0.002, 100, "0.10", "0.00 to 0.30"},
		{1234.5678, 56.7, 1, "1235", "1178 to 1291"},
		{0.5, 0, 1, "0.5", "0.5 to 0.5"},
		{0, 0, 1, "0", "0 to 0"},
		{1e-7, 1e-9, 1, "0.000000100", "0.000000099 to 0.000000101"},
		{-0.0001, 0.05, 1, "0.000", "−0.050 to 0.050"},
		{math.NaN(), math.NaN(), 1, "–", "–"},
		{0.25, math.NaN(), 1, "0.25", "–"},
	} {
		text, interval := estimate(lab.Estimate{Mean: test.mean, Half: test.half, N: 3}, test.factor)
		if text != test.text || interval != test.interval {
			t.Errorf("%g ± %g: %q, %q; want %q, %q", test.mean, test.half, text, interval, test.text, test.interval)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", time.Microsecond: "1 µs", 1234 * time.Microsecond: "1.23 ms", 90 * time.Second: "90 s",
		599 * time.Second: "599 s", 15 * time.Minute: "15 min",
	} {
		if got := duration(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestScale(t *testing.T) {
	for name, want := range map[string]string{"stale_rate": "%", "miner_0_revenue": "", "miner_0_stale_rate": "%"} {
		if _, unit := scale(lab.Metric{Name: name, Unit: "1"}); unit != want {
			t.Errorf("%s is in %q, want %q", name, unit, want)
		}
	}
	if got := said(lab.Metric{Name: "reach_50_seconds", Unit: "seconds"}, lab.Estimate{Mean: 1.5, Half: 0.1, N: 2}); got != "1.50 s (95 % interval 1.40 to 1.60 s)" {
		t.Errorf("said %q", got)
	}
}

func TestPlain(t *testing.T) {
	if got := plain("a\x00b\nc\xff\ufffe"); got != "a b c\ufffd " {
		t.Errorf("plain gives %q", got)
	}
	if got := lines("a\x00b\nc\t"); got != "a b\nc\t" {
		t.Errorf("lines gives %q", got)
	}
}

// TestTheoryVerdict checks the sentence about theory.
func TestTheoryVerdict(t *testing.T) {
	r := sweep([][]lab.Value{{valueOf("nodes", "1", 1)}, {valueOf("nodes", "2", 2)}, {valueOf("nodes", "3", 3)}}, func(int) float64 { return 0.5 })
	if got := r.theoryVerdict(); got != "" {
		t.Errorf("without theory: %q", got)
	}
	set := func(i int, theory float64) {
		m := r.summary.Points[i].Metrics["stale_rate"]
		m.Theory, m.Source = &theory, "someone"
		r.summary.Points[i].Metrics["stale_rate"] = m
	}
	set(0, 0.5009)
	if got := r.theoryVerdict(); got != "Theory (someone) is within the interval." {
		t.Errorf("one: %q", got)
	}
	set(1, 0.5011)
	if got := r.theoryVerdict(); got != "Theory (someone) is within 1 of 2 intervals. By chance alone, 1 of 20 intervals misses it." {
		t.Errorf("two: %q", got)
	}
	if got := theoryText(r.at(1, "stale_rate"), 100); got != "50.11 (outside)" {
		t.Errorf("in the table: %q", got)
	}
}
