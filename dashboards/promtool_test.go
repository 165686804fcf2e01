package dashboards

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The scrape intervals, in seconds, for which rules and alerts must work.
var intervals = []int{5, 15, 30, 60}

// promtool runs promtool in the folder of the rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("NOT TESTED: rules and alerts, because promtool is not installed (Debian's package prometheus has it)")
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = "prometheus"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%.9000s", args, err, out)
	}
}

func TestPromtoolChecks(t *testing.T) {
	promtool(t, "check", "rules", "rules.yml", "alerts.yml")
	promtool(t, "check", "config", "prometheus.yml")
}

// TestPrometheusFiles checks that the committed files are up to date, and that the
// selector and the thresholds of a configuration reach the files.
func TestPrometheusFiles(t *testing.T) {
	var c AlertConfig
	for name, want := range map[string]string{"rules.yml": c.RulesFile(), "alerts.yml": c.AlertsFile()} {
		if read(t, "prometheus/"+name) != want {
			t.Errorf("%s is out of date: run go generate ./dashboards", name)
		}
	}

	own := AlertConfig{Selector: `cluster="attic"`, ReorgDepth: 20}
	alerts, rules := own.AlertsFile(), own.RulesFile()
	if strings.Contains(alerts+rules, `job=~"lode`) {
		t.Error("a rule or an alert keeps the default selector")
	}
	if !strings.Contains(alerts, "max10m > 20\n") || !strings.Contains(alerts, "more than 20 blocks at once") {
		t.Error("the threshold of LodeDeepReorg is not in its expression and its summary")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"alerts.yml": alerts, "rules.yml": rules} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, "check", "rules", filepath.Join(dir, "alerts.yml"), filepath.Join(dir, "rules.yml"))
}

// trouble is a fault that begins at a moment on a network that is healthy otherwise.
// Its network is a job of its own, with the nodes a and b.
type trouble struct {
	alert   string
	what    string
	from    int    // second at which it begins
	within  int    // seconds from then to the alert, see latest
	on      string // node that the alert names; empty if it names none
	labels  string // other labels of the alert besides its severity, in YAML
	summary string // at the scrape interval of 60 seconds; JOB stands for the job
	alone   bool   // no other network may be there
	flaky   bool   // some scrapes of b fail, at the interval of 60 seconds
	change  func(a, b *scraped)
}

// at is the moment of most troubles, in seconds. Until then, all windows have filled.
const at = 900

// fired is a query for the alerts that have fired since the start.
const fired = `group by (alertname, job, instance) (count_over_time(ALERTS{alertstate="firing"}[2h]))`

// TestAlerts checks for every scrape interval that no alert fires on healthy networks,
// and that each kind of trouble makes its alert fire in time, and no other. Scrapes
// come at irregular moments, and the targets are not scraped at the same time.
func TestAlerts(t *testing.T) {
	tested := map[string]bool{}
	for _, tr := range troubles() {
		tested[tr.alert] = true
	}
	for _, a := range (AlertConfig{}).Alerts() {
		if !tested[a.Name] {
			t.Errorf("no test lets %s fire", a.Name)
		}
	}
	for _, interval := range intervals {
		t.Run(fmt.Sprint(interval, "s"), func(t *testing.T) {
			if interval != 60 && os.Getenv("LODE_PROMETHEUS") == "" {
				t.Skip("NOT TESTED: this scrape interval, which takes some seconds; set LODE_PROMETHEUS=1")
			}
			t.Parallel()
			dir, err := filepath.Abs("prometheus")
			if err != nil {
				t.Fatal(err)
			}
			spelling := prometheus2
			if interval == 15 || interval == 60 {
				spelling = prometheus3
			}
			var file strings.Builder
			fmt.Fprintf(&file, "rule_files: [%q, %q]\nevaluation_interval: %ds\n", filepath.Join(dir, "rules.yml"), filepath.Join(dir, "alerts.yml"), interval)
			// Without the order, alerts sometimes see values one evaluation late.
			file.WriteString("group_eval_order: [lode, lode-alerts]\ntests:\n")
			var together []trouble
			for i, tr := range troubles() {
				if tr.alone {
					writeTest(&file, interval, nil, networks([]trouble{tr}, i, interval, spelling)...)
				} else {
					together = append(together, tr)
				}
			}
			writeTest(&file, interval, quiet(interval, spelling), networks(together, 0, interval, spelling)...)
			name := filepath.Join(t.TempDir(), "test.yml")
			if err := os.WriteFile(name, []byte(file.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			promtool(t, "test", "rules", name)
		})
	}
}

// network is a trouble with its two nodes.
type network struct {
	trouble
	job  string
	a, b *scraped
}

// networks returns a network for each trouble.
func networks(all []trouble, first, interval int, s spelling) []network {
	var ns []network
	for i, tr := range all {
		n := network{trouble: tr, job: fmt.Sprint("lode-", first+i)}
		n.a, n.b = healthy(n.job, "a", false, s), healthy(n.job, "b", true, s)
		tr.change(n.a, n.b)
		if tr.flaky && interval == 60 {
			// For 40 seconds of every three minutes, one scrape at most.
			n.b.fails = func(t float64) bool { return math.Mod(t, 180) >= 120 && math.Mod(t, 180) < 160 }
		}
		ns = append(ns, n)
	}
	return ns
}

// latest is the second at which the alert must fire at the latest. Besides the time that
// the alert itself needs, it waits for a scrape, for an evaluation, and for another
// one, because alerts that must hold for some time fire at an evaluation.
func (n network) latest(interval int) int {
	return n.from + n.within + jitter[interval] + 3*interval
}

// alert returns the definition of the alert.
func (n network) definition() Alert {
	all := AlertConfig{}.Alerts()
	return all[slices.IndexFunc(all, func(a Alert) bool { return a.Name == n.alert })]
}

// firing returns the alert as a sample of the query fired.
func (n network) firing() string {
	labels := fmt.Sprintf("alertname=%q", n.alert)
	if n.alert != "LodeNothingScraped" {
		labels += fmt.Sprintf(", job=%q", n.job)
	}
	if n.on != "" {
		labels += fmt.Sprintf(", instance=%q", n.on)
	}
	return fmt.Sprintf("{labels: '{%s}', value: 1}", labels)
}

// writeTest writes a test in which the alerts of the given networks fire, and no
// other. Nothing is wrong on the quiet nodes.
func writeTest(out *strings.Builder, interval int, quiet []*scraped, ns ...network) {
	end := 0
	for _, n := range ns {
		end = max(end, n.latest(interval)+2*interval)
	}
	fmt.Fprintf(out, "  - name: %s\n    interval: %ds\n    input_series:\n", ns[0].alert, jitter[interval])
	for _, n := range quiet {
		out.WriteString(n.input(interval, end))
	}
	for _, n := range ns {
		out.WriteString(n.a.input(interval, end) + n.b.input(interval, end))
	}
	out.WriteString("    promql_expr_test:\n")
	check := func(expr string, at int, samples ...string) {
		fmt.Fprintf(out, "      - {expr: '%s', eval_time: %ds, exp_samples: [%s]}\n", expr, at, strings.Join(samples, ", "))
	}
	var firing []string
	for _, n := range ns {
		firing = append(firing, n.firing())
		check(fmt.Sprintf(`%s and on (alertname, job) ALERTS{job=%q} or %[1]s and on (alertname) ALERTS{alertname="LodeNothingScraped"}`, fired, n.job), n.latest(interval), n.firing())
	}
	check(fired, ns[0].from-1)
	check(fired, end, firing...)
	if len(quiet) > 0 {
		check(`group by (alertname, instance) (count_over_time(ALERTS{alertname="LodeNodeBehind", job!~"lode-[0-9]+"}[2h]))`, end)
		for _, e := range recorded() {
			check(e.expr, 1800, fmt.Sprintf("{labels: '%s', value: %v}", e.labels, e.value))
		}
	}
	if interval != 60 {
		return
	}
	out.WriteString("    alert_rule_test:\n")
	for _, n := range ns {
		a := n.definition()
		fmt.Fprintf(out, "      - alertname: %s\n        eval_time: %ds\n        exp_alerts:\n", n.alert, n.latest(interval))
		for _, m := range ns {
			if m.alert != n.alert {
				continue
			}
			labels := "severity: " + a.Severity + m.labels
			if a.Name != "LodeNothingScraped" {
				labels += ", job: " + m.job
			}
			if m.on != "" {
				labels += ", instance: " + m.on
			}
			fmt.Fprintf(out, "          - exp_labels: {%s}\n            exp_annotations:\n", labels)
			fmt.Fprintf(out, "              summary: %s\n              description: %s\n              runbook_url: %s\n",
				quoted(strings.ReplaceAll(m.summary, "JOB", m.job)), quoted(a.Description), a.Runbook())
		}
	}
}

// quiet returns nodes with which nothing is wrong, although some look as if.
func quiet(interval int, s spelling) []*scraped {
	a, b := healthy("lode", "a", false, s), healthy("lode", "b", true, s)
	b.fails = func(t float64) bool { return t >= 700 && t < 700+float64(interval) } // one scrape fails
	b.starts(1200)
	version := func(n *scraped, since float64) { // an upgrade
		n.set("lode_build_info", `version="v1.0.0", revision="abc"`, until(since, 1, math.NaN()))
		n.set("lode_build_info", `version="v1.1.0", revision="def"`, until(since, math.NaN(), 1))
	}
	version(b, 1200)
	version(a, 1500)

	// A new network has four blocks a second.
	c, d := healthy("lode-new", "c", false, s), healthy("lode-new", "d", false, s)
	for _, n := range []*scraped{c, d} {
		n.starts(0)
		n.set("lode_chain_height", "", func(t float64) float64 { return 4 * t })
	}
	// On a network without miners the last block is old. Its only node has no peers.
	idle := healthy("lode-idle", "idle", true, s)
	idle.drop("lode_miner_info")
	idle.set("lode_miner_info", `mode="on-demand"`, always(1))
	idle.set("lode_chain_height", "", always(7))
	idle.set("lode_chain_tip_timestamp_seconds", "", always(-86400))
	idle.set("lode_hashes_total", `kernel="sha-ni"`, always(1e9))
	idle.set("lode_candidates_refused_total", `kernel="sha-ni"`, always(1))
	idle.set("lode_mempool_transactions", "", always(3))
	idle.set("lode_peers", `direction="in"`, always(0))
	// Another begins to mine again after a long time.
	again := healthy("lode-again", "again", false, s)
	again.set("process_start_time_seconds", "", always(600))
	again.histogram("lode_chain_reorg_depth_blocks", "", func(float64, float64) float64 { return 0 }, 1, 2, 3, 4, 6, 10, 20)
	blocks := again.series[`lode_chain_tip_timestamp_seconds{job="lode-again", instance="again"}`]
	again.set("lode_chain_tip_timestamp_seconds", "", func(t float64) float64 {
		if t < 700 {
			return -86400
		}
		return blocks(t)
	})
	// Targets that are none of ours may be down.
	other := &scraped{job: "other", instance: "x", series: map[string]func(float64) float64{}, fails: func(float64) bool { return true }}
	for _, n := range []*scraped{a, b, idle} {
		n.more()
	}
	return []*scraped{a, b, c, d, idle, again, other}
}
