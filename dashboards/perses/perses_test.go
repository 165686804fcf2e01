package perses

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The parts of Perses, as modules of Go. The plugins, in the versions that this version
// of percli comes with, have the scripts in CUE that migrate panels, queries and
// variables.
//
// The scripts import a table of Grafana's units, colours and calculations. It is now in a
// module that the Go proxy does not have. The last version of Perses that still had the
// table is used instead.
const (
	percliModule = "github.com/perses/perses@v0.53.1"
	tableModule  = "github.com/perses/perses@v0.52.0"
)

func pluginModules() []string {
	return []string{
		"github.com/perses/plugins/timeserieschart@v0.12.1",
		"github.com/perses/plugins/statchart@v0.12.1",
		"github.com/perses/plugins/prometheus@v0.57.1",
	}
}

// panelKinds has, for each type of panel in Grafana, the kind of panel in Perses that it
// becomes.
func panelKinds() map[string]string {
	return map[string]string{
		"timeseries": "TimeSeriesChart",
		"stat":       "StatChart",

		// Perses has heat maps, but no script that migrates those of Grafana: it puts a
		// text in their place, and leaves out the queries.
		"heatmap": notSupported,
	}
}

const notSupported = "Markdown"

// panelUnits has, for each of Grafana's units in the dashboards, the unit of Perses that it
// becomes. Perses 0.52, whose table is used, has no equivalent for those that become "":
// such a panel shows bare numbers. Its title or description then says what they count.
func panelUnits() map[string]string {
	return map[string]string{
		"s":           "seconds",
		"percentunit": "percent-decimal",
		"short":       "decimal",
		"bytes":       "bytes",
		"cps":         "counts/sec",
		"reqps":       "requests/sec",

		"Hs":      "", // hashes a second
		"cpm":     "", // counts a minute
		"binBps":  "", // bytes a second
		"locale":  "", // all digits
		"sishort": "", // a number with an SI prefix
	}
}

// TestMigration migrates every dashboard for Grafana with percli and checks that every
// panel has become one of the right kind, with its title, description, unit and queries,
// and that the variables are still queries.
func TestMigration(t *testing.T) {
	if os.Getenv("LODE_PERSES") == "" {
		t.Skip("NOT TESTED: migration of the dashboards by Perses, whose program percli takes minutes to build; set LODE_PERSES=1")
	}
	percli, plugins, err := install(t.Context(), t.TempDir())
	if err != nil {
		t.Skipf("NOT TESTED: migration of the dashboards by Perses, because its parts cannot be had here: %v", err)
	}
	files, err := filepath.Glob("../grafana/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("dashboards %v, %v", files, err)
	}
	drawn, text, bare := 0, 0, 0
	for _, file := range files {
		var from grafanaDashboard
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &from); err != nil {
			t.Fatal(err)
		}
		out, err := output(t.Context(), "", percli, "migrate", "--file", file, "--output", "json", "--plugin.path", plugins)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		var to persesDashboard
		if err := json.Unmarshal(out, &to); err != nil {
			t.Errorf("%s: %v in %s", file, err, out)
			continue
		}
		for _, v := range from.Templating.List {
			if err := to.checkVariable(v); err != nil {
				t.Errorf("%s: variable %q: %v", filepath.Base(file), v.Name, err)
			}
		}
		for _, p := range from.panels() {
			if err := to.check(p); err != nil {
				t.Errorf("%s: panel %q: %v", filepath.Base(file), p.Title, err)
				continue
			}
			if panelKinds()[p.Type] == notSupported {
				t.Logf("%s: panel %q is a %s, which Perses does not migrate", filepath.Base(file), p.Title, p.Type)
				text++
				continue
			}
			drawn++
			if panelUnits()[p.FieldConfig.Defaults.Unit] == "" {
				bare++
			}
		}
	}
	if drawn < 60 || text > drawn/10 {
		t.Errorf("%d panels have become panels of Perses, and %d a text: the check shows little", drawn, text)
	}
	t.Logf("%d panels have become panels of Perses with all of their queries, and %d are not supported; %d have lost their unit, which Perses does not know", drawn, text, bare)
}

type grafanaDashboard struct {
	Panels     []grafanaPanel `json:"panels"`
	Templating struct {
		List []grafanaVariable `json:"list"`
	} `json:"templating"`
}

type grafanaVariable struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Query string `json:"query"`
}

type grafanaPanel struct {
	Type        string         `json:"type"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Panels      []grafanaPanel `json:"panels"` // of a row
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Targets []struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	} `json:"targets"`
}

// panels returns the panels that draw something, those in rows as well.
func (d grafanaDashboard) panels() []grafanaPanel {
	var all []grafanaPanel
	for _, p := range d.Panels {
		if p.Type != "row" {
			all = append(all, p)
		}
		all = append(all, grafanaDashboard{Panels: p.Panels}.panels()...)
	}
	return all
}

type persesDashboard struct {
	Spec struct {
		Panels    map[string]persesPanel `json:"panels"`
		Variables []struct {
			Spec struct {
				Name   string `json:"name"`
				Plugin struct {
					Kind string `json:"kind"`
					Spec struct {
						LabelName string   `json:"labelName"`
						Matchers  []string `json:"matchers"`
					} `json:"spec"`
				} `json:"plugin"`
			} `json:"spec"`
		} `json:"variables"`
	} `json:"spec"`
}

type persesPanel struct {
	Spec struct {
		Display struct {
			Name        string `json:"name"`
			Description string `json:"description"`
		} `json:"display"`
		Plugin struct {
			Kind string `json:"kind"`
			Spec struct {
				Format format                  `json:"format"` // of a StatChart
				YAxis  struct{ Format format } `json:"yAxis"`  // of a TimeSeriesChart
			} `json:"spec"`
		} `json:"plugin"`
		Queries []struct {
			Spec struct {
				Plugin struct {
					Kind string `json:"kind"`
					Spec struct {
						Query            string `json:"query"`
						SeriesNameFormat string `json:"seriesNameFormat"`
					} `json:"spec"`
				} `json:"plugin"`
			} `json:"spec"`
		} `json:"queries"`
	} `json:"spec"`
}

type format struct {
	Unit string `json:"unit"`
}

// check returns an error unless the dashboard has exactly one panel with the title of
// the given one, of the kind and with the unit that belong to its own, and with the same
// description, queries and legends.
func (d persesDashboard) check(want grafanaPanel) error {
	kind, ok := panelKinds()[want.Type]
	if !ok {
		return fmt.Errorf("what the type %s becomes is not known to this test: add it to panelKinds", want.Type)
	}
	var found []persesPanel
	for _, p := range d.Spec.Panels {
		if p.Spec.Display.Name == want.Title {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return fmt.Errorf("%d panels have its title, want 1", len(found))
	}
	got := found[0].Spec
	unit, known := panelUnits()[want.FieldConfig.Defaults.Unit]
	gotUnit := got.Plugin.Spec.Format.Unit
	if kind == "TimeSeriesChart" {
		gotUnit = got.Plugin.Spec.YAxis.Format.Unit
	}
	switch {
	case got.Plugin.Kind != kind:
		return fmt.Errorf("it has become a %s, want a %s", got.Plugin.Kind, kind)
	case got.Display.Description != want.Description:
		return fmt.Errorf("its description is %q, want %q", got.Display.Description, want.Description)
	case kind == notSupported:
		return nil
	case !known:
		return fmt.Errorf("what the unit %q becomes is not known to this test: add it to panelUnits", want.FieldConfig.Defaults.Unit)
	case gotUnit != unit:
		return fmt.Errorf("its unit %q has become %q, want %q", want.FieldConfig.Defaults.Unit, gotUnit, unit)
	case len(got.Queries) != len(want.Targets):
		return fmt.Errorf("it has %d queries, want %d", len(got.Queries), len(want.Targets))
	}
	for i, target := range want.Targets {
		q := got.Queries[i].Spec.Plugin
		if q.Kind != "PrometheusTimeSeriesQuery" || q.Spec.Query != target.Expr || q.Spec.SeriesNameFormat != target.LegendFormat {
			return fmt.Errorf("query %d is %+v, want %+v", i+1, q, target)
		}
	}
	return nil
}

// checkVariable returns an error unless the dashboard has the variable, as a query for the
// same values of a label. The variable for the data source is left out, because the
// module of the plugin that migrates it cannot be had.
func (d persesDashboard) checkVariable(want grafanaVariable) error {
	if want.Type == "datasource" {
		return nil
	}
	for _, v := range d.Spec.Variables {
		if v.Spec.Name != want.Name {
			continue
		}
		got := v.Spec.Plugin
		query := fmt.Sprintf("label_values(%s, %s)", strings.Join(got.Spec.Matchers, ","), got.Spec.LabelName)
		if got.Kind != "PrometheusLabelValuesVariable" || query != want.Query {
			return fmt.Errorf("it has become a %s with the query %s, want %s", got.Kind, query, want.Query)
		}
		return nil
	}
	return errors.New("it is missing")
}

// install builds percli and puts the plugins into a folder, and returns the paths of
// both. An error means that a part cannot be downloaded or built here.
func install(ctx context.Context, dir string) (percli, plugins string, err error) {
	source, err := download(ctx, dir, percliModule)
	if err != nil {
		return "", "", err
	}
	percli, plugins = filepath.Join(dir, "percli"), filepath.Join(dir, "plugins")
	if _, err := output(ctx, source, "go", "build", "-mod=readonly", "-o", percli, "./cmd/percli"); err != nil {
		return "", "", err
	}
	table, err := download(ctx, dir, tableModule)
	if err != nil {
		return "", "", err
	}
	for _, module := range pluginModules() {
		source, err := download(ctx, dir, module)
		if err != nil {
			return "", "", err
		}
		name, _, _ := strings.Cut(filepath.Base(module), "@")
		if err := installPlugin(filepath.Join(plugins, name), source, table); err != nil {
			return "", "", fmt.Errorf("plugin %s: %w", module, err)
		}
	}
	return percli, plugins, nil
}

// installPlugin makes a folder such as those in the archives of Perses's plugins, which
// are not modules of Go, from the source of a plugin. It has what percli reads to migrate:
// the list of plugins, the manifest, the scripts, and the table that they import.
func installPlugin(dir, source, table string) error {
	const shared = "cue.mod/pkg/github.com/perses/shared/cue/common/migrate"
	name := filepath.Base(dir)
	scripts, err := fs.Glob(os.DirFS(source), "schemas/migrate/*.cue")
	if err != nil {
		return err
	}
	more, err := fs.Glob(os.DirFS(source), "schemas/*/migrate/*.cue")
	if err != nil {
		return err
	}
	for _, script := range append(scripts, more...) {
		if err := copyFile(filepath.Join(dir, script), filepath.Join(source, script)); err != nil {
			return err
		}
	}
	return errors.Join(
		copyFile(filepath.Join(dir, "package.json"), filepath.Join(source, "package.json")),
		os.CopyFS(filepath.Join(dir, shared), os.DirFS(filepath.Join(table, "cue", "common", "migrate"))),
		os.WriteFile(filepath.Join(dir, "mf-manifest.json"),
			fmt.Appendf(nil, `{"id":%q,"name":%[1]q,"metaData":{"buildInfo":{"buildVersion":"0.0.0","buildName":%[1]q}}}`, name), 0o600),
		os.WriteFile(filepath.Join(dir, "cue.mod", "module.cue"),
			fmt.Appendf(nil, "module: \"github.com/perses/plugins/%s@v0\"\nlanguage: version: \"v0.14.0\"\n", name), 0o600),
	)
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// download returns the folder in which the Go toolchain keeps a module.
func download(ctx context.Context, dir, module string) (string, error) {
	out, err := output(ctx, dir, "go", "mod", "download", "-json", module)
	var answer struct{ Dir, Error string }
	if errJSON := json.Unmarshal(out, &answer); answer.Error != "" {
		return "", errors.New(answer.Error)
	} else if err == nil {
		err = errJSON
	}
	return answer.Dir, err
}

// output runs a command in a folder and returns its standard output. The error has its
// standard error.
func output(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOFLAGS=") }),
		"GOWORK=off", "CUE_REGISTRY=none")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, err
}
