package dashboards

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// The least lengths of a range and of an offset in rules and alerts: four times the
// longest scrape interval, and that interval with the greatest jitter of the tests.
const (
	leastRange  = 4 * time.Minute
	leastOffset = 66 * time.Second
)

var (
	ranges  = regexp.MustCompile(`\[([^\]:]*)(?::[^\]]*)?\]`) // without the step of a subquery
	offsets = regexp.MustCompile(`offset (\S+)`)
	// spelled matches a selector of buckets or quantiles by their spelling, which
	// differs between Prometheus 2 (3) and 3 (3.0).
	spelled = regexp.MustCompile(`[{,]\s*(le|quantile)\s*(=|!)`)
)

// promTime parses a duration as Prometheus writes it.
func promTime(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(strings.Trim(s, "() "))
	if err != nil {
		t.Fatalf("duration %q: %v", s, err)
	}
	return d
}

// TestRulesSuitEveryInterval checks the windows of rules and alerts, and that no rule
// matches a bucket by its spelling.
func TestRulesSuitEveryInterval(t *testing.T) {
	var c AlertConfig
	all := map[string]string{}
	for _, r := range c.Rules() {
		all[r.Record] = r.Expr
	}
	for _, a := range c.Alerts() {
		all[a.Name] = a.Expr
	}
	for name, expr := range all {
		for _, m := range ranges.FindAllStringSubmatch(expr, -1) {
			if d := promTime(t, m[1]); d < leastRange {
				t.Errorf("%s: the range %s is shorter than %s, so that it may contain too few scrapes", name, d, leastRange)
			}
		}
		for _, m := range offsets.FindAllStringSubmatch(expr, -1) {
			if d := promTime(t, m[1]); d < leastOffset {
				t.Errorf("%s: the offset %s is shorter than %s, so that it may lead to the same scrape", name, d, leastOffset)
			}
		}
		if spelled.MatchString(expr) {
			t.Errorf("%s matches a bucket or a quantile by its spelling: %s", name, expr)
		}
	}
}

// TestPanelsSuitEveryInterval checks that every panel has a unit, that no query has a
// window of its own, and that none matches a bucket by its spelling.
func TestPanelsSuitEveryInterval(t *testing.T) {
	for _, d := range All() {
		for _, p := range d.Layout() {
			name := d.UID + ": " + p.Panel.Title
			if p.Heading == "" && p.Panel.Unit == "" {
				t.Errorf("%s has no unit", name)
			}
		}
	}
	for expr := range strings.Lines(expressions()) {
		for _, m := range ranges.FindAllStringSubmatch(expr, -1) {
			if m[1] != "$__rate_interval" && m[1] != "$__range" {
				t.Errorf("the window %s is fixed in %s", m[1], expr)
			}
		}
		if spelled.MatchString(expr) {
			t.Errorf("a bucket or a quantile is matched by its spelling in %s", expr)
		}
		if strings.Contains(expr, `=~".*"`) {
			t.Errorf("a selector accepts every value, even none, in %s", expr)
		}
	}
}

// TestGrafanaQueries checks what the JSON files for Grafana say about queries: those
// with $__rate_interval have a least step, so that the interval suits a data source
// that does not say how often it scrapes; "All" nodes does not include series without
// a node; and there are annotations.
func TestGrafanaQueries(t *testing.T) {
	for _, d := range All() {
		text := read(t, "grafana/"+d.UID+".json")
		seen := false
		for _, target := range strings.Split(text, `"expr": `)[1:] {
			expr, rest, _ := strings.Cut(target, "\n")
			if !strings.Contains(expr, "$__rate_interval") {
				continue
			}
			seen = true
			if !strings.Contains(rest, `"interval": "1m"`) {
				t.Errorf("%s: no least step in the query %s", d.UID, expr)
			}
		}
		if !seen {
			t.Errorf("%s: no query with $__rate_interval", d.UID)
		}
		if strings.Contains(text, `"allValue": ".*"`) || !strings.Contains(text, `"allValue": ".+"`) {
			t.Errorf("%s: all nodes must be the pattern .+", d.UID)
		}
		for _, what := range []string{"Reorgs of more than one block", "Starts", "Alerts"} {
			if !strings.Contains(text, `"name": "`+what+`"`) {
				t.Errorf("%s: no annotation %q", d.UID, what)
			}
		}
	}
}
