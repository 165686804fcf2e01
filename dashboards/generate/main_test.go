package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodepow/lode/dashboards"
)

// TestDefaults checks that the defaults of the flags are those of the configuration.
func TestDefaults(t *testing.T) {
	var flagged, zero dashboards.AlertConfig
	if err := newFlags(&flagged).Parse(nil); err != nil {
		t.Fatal(err)
	}
	if flagged.AlertsFile() != zero.AlertsFile() || flagged.RulesFile() != zero.RulesFile() {
		t.Error("without flags, the files differ from those of a zero configuration")
	}
}

// TestFlags checks that every flag changes the file of alerts that is written, and that
// the JSON files are written, too.
func TestFlags(t *testing.T) {
	write := func(args ...string) string {
		dir := t.TempDir()
		if err := run(append(args, dir)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "grafana", "lode-overview.json")); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "prometheus", "alerts.yml"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	usual := write()
	for flag, want := range map[string]string{
		`-selector=cluster="attic"`: `up{cluster="attic"} == 0`,
		"-tip-spacings=77":          "> 77 * (last_over_time(lode_chain_spacing_seconds",
		"-blocks-behind=77":         "behind[4m]) > 77",
		"-reorg-depth=50":           "max10m > 50",
		"-blocks-refused=77":        "> 77",
		"-posts-refused=77":         "> 77",
		"-free-bytes=5e9":           "< 5000000000",
		"-answer-seconds=77":        "p99 > 77",
		"-answer-requests=77":       "> 77",
		"-clock-seconds=77":         "> 77",
		"-hash-rate-share=0.77":     "0.77 * avg_over_time",
		"-candidates-wrong=77":      "> 77 * sum",
		"-restarts=77":              "[30m]) > 77",
		"-versions-for=77m":         "for: 1h17m",
		"-shares-refused=0.77":      "shares_refused:ratio5m > 0.77",
		"-shares-least=77":          "[5m])) > 77",
		"-job-seconds=77":           "> 77",
		"-tip-seconds=77":           "p99 > 77",
		"-difficulty-changes=77":    "rate30m > 77",
	} {
		if got := write(flag); !strings.Contains(got, want) || strings.Contains(usual, want) {
			t.Errorf("%s: want %q in the alerts, and not without the flag", flag, want)
		}
	}
	if got := write("-tip-always"); strings.Contains(got, "max by (job) (time() - process_start_time_seconds") {
		t.Error("-tip-always does not change LodeTipTooOld")
	}
	for _, args := range [][]string{{}, {"a", "b"}, {`-selector={job="x"}`, "a"}, {"-unknown", "a"}} {
		if err := run(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// TestSenselessThresholds checks that thresholds with which an alert could never fire, or
// would always fire, are refused in a sentence that names the flag, and that nothing is
// written then. The depths of reorgs are those that the metric can tell apart.
func TestSenselessThresholds(t *testing.T) {
	for flag, want := range map[string]string{
		"-reorg-depth=5":      "-reorg-depth is 5, want one of [1 2 3 4 6 10 20 50 100]",
		"-reorg-depth=77":     "-reorg-depth is 77, want one of",
		"-reorg-depth=1000":   "-reorg-depth is 1000, want one of",
		"-reorg-depth=NaN":    "-reorg-depth is NaN, want a positive number",
		"-blocks-behind=-1":   "-blocks-behind is -1, want a positive number",
		"-answer-seconds=Inf": "-answer-seconds is +Inf, want a positive number",
		"-hash-rate-share=1":  "-hash-rate-share is 1, want a share below 1",
		"-versions-for=-1m":   "-versions-for is -1m0s, want a positive time",
	} {
		dir := filepath.Join(t.TempDir(), "out")
		if err := run([]string{flag, dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flag, err, want)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: files have been written (%v)", flag, err)
		}
	}
	for _, depth := range dashboards.ReorgDepths() {
		if err := run([]string{fmt.Sprint("-reorg-depth=", depth), t.TempDir()}); err != nil {
			t.Error(err)
		}
	}
}
