package dashboards

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGrafanaFiles checks that the committed JSON files are up to date with the
// dashboards, and that Grafana's SDK reads them back, strictly, without any loss.
func TestGrafanaFiles(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	files, err := filepath.Glob("grafana/*.json")
	if err != nil || len(files) != len(All()) {
		t.Errorf("files %v, %v: want one for each of %d dashboards", files, err, len(All()))
	}
	for _, d := range All() {
		g, err := d.Grafana()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got := read(t, "grafana/"+d.UID+".json")
		if got != string(want)+"\n" {
			t.Errorf("%s is out of date: run go generate ./dashboards", d.UID)
		}
		var back dashboard.Dashboard
		if err := back.UnmarshalJSONStrict([]byte(got)); err != nil {
			t.Errorf("%s: %v", d.UID, err)
		}
		again, err := json.MarshalIndent(back, "", "  ")
		again = bytes.ReplaceAll(again, []byte(`"panels": null`), []byte(`"panels": []`)) // in rows
		if err != nil || !bytes.Equal(again, want) {
			t.Errorf("%s: the dashboard read back differs from the one written (%v)", d.UID, err)
		}
	}
}

// TestPanels checks that no panels overlap, and that each has a unique title, a
// description, and queries that select the job.
func TestPanels(t *testing.T) {
	for _, d := range All() {
		seen := map[string]bool{}
		var cells [Columns][200]string
		for _, p := range d.Layout() {
			if p.X+p.W > Columns {
				t.Errorf("%s: %q extends beyond the last column", d.UID, p.Panel.Title)
				continue
			}
			for x := p.X; x < p.X+p.W; x++ {
				for y := p.Y; y < p.Y+p.H; y++ {
					if cells[x][y] != "" {
						t.Fatalf("%s: %q and %q overlap", d.UID, cells[x][y], p.Panel.Title+p.Heading)
					}
					cells[x][y] = p.Panel.Title + p.Heading
				}
			}
			if p.Heading != "" {
				continue
			}
			name := d.UID + ": " + p.Panel.Title
			if p.Panel.Title == "" || seen[p.Panel.Title] {
				t.Errorf("%s: the title is empty, or another panel has it too", name)
			}
			seen[p.Panel.Title] = true
			if len(p.Panel.About) < 20 || !strings.HasSuffix(p.Panel.About, ".") {
				t.Errorf("%s: the description must say, in sentences, what the panel shows and what to do", name)
			}
			if len(p.Panel.Queries) == 0 {
				t.Errorf("%s: no queries", name)
			}
			if slices.ContainsFunc(p.Panel.Steps[min(1, len(p.Panel.Steps)):], func(s Step) bool { return s.From == 0 }) {
				t.Errorf("%s: steps %v do not ascend", name, p.Panel.Steps)
			}
			for _, q := range p.Panel.Queries {
				if !strings.Contains(q.Expr, `job=~"$job`) {
					t.Errorf("%s: a query does not select the job: %s", name, q.Expr)
				}
			}
		}
	}
}

// TestAlertsAreDocumented checks that every alert has a summary, a description and a
// runbook, that every runbook belongs to an alert, and that every recording rule is
// tested and used, and every one that is used exists.
func TestAlertsAreDocumented(t *testing.T) {
	var c AlertConfig
	runbook := read(t, "../docs/monitoring.md")
	names := map[string]bool{}
	users := expressions()
	for _, a := range c.Alerts() {
		names[a.Name] = true
		users += a.Expr + "\n"
		if !regexp.MustCompile(`(?m)^### ` + a.Name + `$`).MatchString(runbook) {
			t.Errorf("%s has no section in docs/monitoring.md", a.Name)
		}
		if a.Summary == "" || len(a.Description) < 60 || !strings.HasSuffix(a.Description, ".") || strings.Contains(a.Description, "{{") {
			t.Errorf("%s: want a summary, and a description in sentences without values", a.Name)
		}
		if a.Severity != critical && a.Severity != warning {
			t.Errorf("%s: severity %q", a.Name, a.Severity)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^### (Lode\w+)$`).FindAllStringSubmatch(runbook, -1) {
		if !names[m[1]] {
			t.Errorf("docs/monitoring.md has a section on %s, but there is no such alert", m[1])
		}
	}

	rules, tested := map[string]bool{}, ""
	for _, e := range recorded() {
		tested += e.expr + "\n"
	}
	for _, r := range c.Rules() {
		rules[r.Record] = true
		if !strings.Contains(users, r.Record) {
			t.Errorf("nothing uses the rule %s", r.Record)
		}
		if !strings.Contains(tested, r.Record) {
			t.Errorf("no test covers the rule %s", r.Record)
		}
	}
	for _, name := range regexp.MustCompile(`\b(job|instance):[a-z_]+:[a-z0-9_]+`).FindAllString(users, -1) {
		if !rules[name] {
			t.Errorf("the rule %s is used but not defined", name)
		}
	}
}

// expressions returns the queries of all panels and marks, one on each line.
func expressions() string {
	var all strings.Builder
	for _, d := range All() {
		for _, p := range d.Layout() {
			for _, q := range p.Panel.Queries {
				all.WriteString(q.Expr + "\n")
			}
		}
		for _, m := range d.Marks {
			all.WriteString(m.Expr + "\n")
		}
	}
	return all.String()
}
