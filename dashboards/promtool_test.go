package dashboards

import (
	"os/exec"
	"testing"
)

// TestPromtool checks the configuration and the rules, and runs the unit tests of
// rules and alerts.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("NOT TESTED: rules and alerts, because promtool is not installed (Debian's package prometheus has it)")
	}
	for _, args := range [][]string{
		{"check", "rules", "rules.yml", "alerts.yml"},
		{"check", "config", "prometheus.yml"},
		{"test", "rules", "rules_test.yml"},
	} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
