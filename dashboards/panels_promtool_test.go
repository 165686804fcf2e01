package dashboards

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written returns a query of a dashboard with values for its variables.
func written(expr, job string) string {
	return strings.NewReplacer("$job", job, "$instance", ".+", "$__rate_interval", "4m", "$__range", "30m").Replace(expr)
}

// testQueries lets promtool evaluate queries over the series of nodes that are scraped at
// the given interval. The checks are lines of promtool's promql_expr_test.
func testQueries(t *testing.T, interval, end int, nodes []*scraped, checks []string) {
	t.Helper()
	dir, err := filepath.Abs("prometheus")
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	fmt.Fprintf(&file, "rule_files: [%q]\nevaluation_interval: %ds\ntests:\n", filepath.Join(dir, "rules.yml"), interval)
	fmt.Fprintf(&file, "  - interval: %ds\n    input_series:\n", jitter[interval])
	for _, n := range nodes {
		file.WriteString(n.input(interval, end))
	}
	file.WriteString("    promql_expr_test:\n" + strings.Join(checks, ""))
	name := filepath.Join(t.TempDir(), "test.yml")
	if err := os.WriteFile(name, []byte(file.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	promtool(t, "test", "rules", name)
}

// holds returns a check that a query yields the given samples at a moment. The query may
// have any line breaks.
func holds(query string, at int, samples ...string) string {
	return fmt.Sprintf("      - {expr: %s, eval_time: %ds, exp_samples: [%s]}\n",
		quoted(strings.Join(strings.Fields(query), " ")), at, strings.Join(samples, ", "))
}

// TestReorgsAreMarked checks that every reorg of more than one block is marked, also a
// deeper, an equal or a shallower one soon after another, and one in the first seconds of
// a process, and that nothing else is.
func TestReorgsAreMarked(t *testing.T) {
	var reorgs string
	for _, m := range marks() {
		if strings.HasPrefix(m.Name, "Reorgs") {
			reorgs = written(m.Expr, "lode")
		}
	}
	type reorg struct{ at, depth float64 }
	const started = 2400
	story := []reorg{{600, 2}, {850, 6}, {1100, 6}, {1350, 2}, {1600, 1}, {1900, 1}, {started + 10, 3}}
	for _, interval := range intervals {
		t.Run(fmt.Sprint(interval, "s"), func(t *testing.T) {
			t.Parallel()
			n := healthy("lode", "a", false, prometheus2)
			n.histogram("lode_chain_reorg_depth_blocks", "", func(t, le float64) float64 {
				count := 0.
				for _, r := range story {
					// The process that is started counts anew.
					if r.at <= t && r.depth <= le && (t < started || r.at >= started) {
						count++
					}
				}
				return count
			}, 1, 2, 3, 4, 6, 10)
			n.set("process_start_time_seconds", "", until(started, -86400, started))
			slack := interval + jitter[interval]
			marked := func(from, to int, want ...string) string {
				return holds(fmt.Sprintf("group by (instance) (count_over_time((%s)[%ds:5s]))", reorgs, to-from), to, want...)
			}
			var checks []string
			const once = `{labels: '{instance="a"}', value: 1}`
			for i, r := range story {
				from, to := int(r.at), 2700
				if i+1 < len(story) {
					to = int(story[i+1].at)
				}
				noticed := from + slack
				if r.depth > 1 {
					checks = append(checks, marked(from, noticed+5, once))
				} else {
					checks = append(checks, marked(from, noticed+5))
				}
				// The mark ends, at the latest when the count of 75 seconds ago includes the reorg.
				if ended := noticed + 75 + slack; ended < to-5 {
					checks = append(checks, marked(ended, to-5))
				}
			}
			checks = append(checks, marked(300, 595))
			testQueries(t, interval, 2700, []*scraped{n}, checks)
		})
	}
}

// TestNothingIsRed checks that no panel shows a value in red on networks with which
// nothing is wrong, such as one that is idle because its nodes mine only on demand.
func TestNothingIsRed(t *testing.T) {
	const now = 1800
	nodes := quiet(15, prometheus2)
	var checks []string
	for _, job := range []string{"lode", "lode-new", "lode-idle", "lode-again"} {
		for _, d := range All() {
			for _, p := range d.Layout() {
				for i, s := range p.Panel.Steps {
					if s.Color != bad {
						continue
					}
					for _, q := range p.Panel.Queries {
						red := "(" + written(q.Expr, job) + ")"
						if i > 0 {
							red += fmt.Sprintf(" >= %v", s.From)
						}
						if i+1 < len(p.Panel.Steps) {
							red += fmt.Sprintf(" < %v", p.Panel.Steps[i+1].From)
						}
						checks = append(checks, holds(fmt.Sprintf("label_replace(%s, %q, %q, %q, %q)", red, "panel", d.UID+": "+p.Panel.Title+" of "+job, "", ""), now))
					}
				}
			}
		}
	}
	if len(checks) < 20 {
		t.Errorf("%d checks: the panels have hardly any red", len(checks))
	}
	testQueries(t, 15, now+15, nodes, checks)
}
