package lab

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const document = "../docs/experiments.md"

// keysText is the part of the document that is generated: a table of the keys outside of
// tables, and one for each table.
func keysText() string {
	var out strings.Builder
	table := "-"
	for _, k := range keyList {
		name, group := k.name, ""
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			group, name = name[:i], name[i+1:]
		}
		if group != table {
			table = group
			title := "Outside of tables"
			switch {
			case strings.HasSuffix(group, "[]"):
				title = "`[[" + strings.TrimSuffix(group, "[]") + "]]`, once or several times"
			case group != "":
				title = "`[" + group + "]`"
			}
			fmt.Fprintf(&out, "\n### %s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title)
		}
		kind := k.kind()
		if k.plan {
			kind += ", no sweep"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", name, kind, k.fallback, k.help)
	}
	return out.String()
}

// metricsText lists the metrics that some experiment has: one without any table, and the
// files that together have every key.
func metricsText(t *testing.T) string {
	var out strings.Builder
	out.WriteString("\n| metric | unit | meaning |\n|---|---|---|\n")
	seen := map[string]bool{}
	for _, file := range []string{"nodes = 2", everyKey, otherKeys, changingFile} {
		for _, m := range Metrics(parse(t, file).Points[0].Experiment) {
			name := m.Name
			help := m.Help
			if node, what, ok := minerMetric(name); ok {
				name = "miner_N_" + what
				help = strings.ReplaceAll(help, fmt.Sprintf("node %d", node), "node N")
			}
			if !seen[name] {
				seen[name] = true
				fmt.Fprintf(&out, "| `%s` | %s | %s |\n", name, m.Unit, help)
			}
		}
	}
	return out.String()
}

// The list of metrics is that of the whole program: those of splits, of churn and of double
// spends are there, too.
func TestMetricsText(t *testing.T) {
	text := metricsText(t)
	for _, name := range []string{
		"catch_up_seconds", "split_lost_blocks", "split_part_0_lost_blocks", "split_part_1_lost_blocks", "split_reorg_blocks",
		"split_agreement_seconds", "split_tie_rate", "miner_N_double_spend_attempts", "miner_N_double_spend_rate", "chain_quality",
	} {
		if !strings.Contains(text, "| `"+name+"` |") {
			t.Errorf("the metric %s is not listed", name)
		}
	}
}

// TestDocument fails if the tables of keys and metrics in docs/experiments.md are not
// those of the program. go generate rewrites them.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for name, part := range map[string]string{"keys": keysText(), "metrics": metricsText(t)} {
		begin, end := "<!-- "+name+" begin -->\n", "\n<!-- "+name+" end -->"
		before, rest, ok1 := strings.Cut(text, begin)
		old, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("%s lacks the marks of the %s", document, name)
		}
		if old != part && !*update {
			t.Errorf("the %s in %s are out of date: run go generate ./lab", name, document)
		}
		text = before + begin + part + end + after
	}
	if *update {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The files in the documents can be read.
func TestDocumentFiles(t *testing.T) {
	for name, least := range map[string]int{document: 3, "../docs/laboratory.md": 1} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := strings.Split(string(data), "```toml\n")[1:]
		for _, f := range files {
			file, _, _ := strings.Cut(f, "```")
			if _, err := Parse([]byte(file)); err != nil {
				t.Errorf("%s\n%v", file, err)
			}
		}
		if len(files) < least {
			t.Errorf("%s has %d files", name, len(files))
		}
	}
}
