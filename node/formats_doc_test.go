package node

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
)

func readFormats(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// TestMetricsDoc compares the table of metrics in docs/formats.md with what a node
// exports: names, types and labels.
func TestMetricsDoc(t *testing.T) {
	p, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	n, err := Open(t.Context(), Config{Params: p, Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 1, Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()

	page := readFormats(t)
	type row struct{ kind, labels string }
	rows := map[string]row{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(lode_[a-z_]+)` \\| ([a-z]+)[^|]* \\|([^|]*)\\|").FindAllStringSubmatch(page, -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("%s is in the table twice", m[1])
		}
		rows[m[1]] = row{kind: m[2], labels: m[3]}
	}

	// The names, and the labels of vectors, come from descriptions, because a vector
	// without children is not gathered.
	names := map[string]bool{}
	variable := map[string]string{}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		reg.Describe(descs)
	}()
	described := regexp.MustCompile(`fqName: "(lode_[^"]+)".* variableLabels: \{([^}]*)\}`)
	for desc := range descs {
		if m := described.FindStringSubmatch(desc.String()); m != nil {
			names[m[1]] = true
			variable[m[1]] = m[2]
		}
	}
	if len(names) == 0 {
		t.Fatal("the node describes no metrics")
	}
	for name := range names {
		if _, ok := rows[name]; !ok {
			t.Errorf("%s is not in the table", name)
		}
	}
	for name, labels := range variable {
		for label := range strings.SplitSeq(labels, ",") {
			if label != "" && !strings.Contains(rows[name].labels, "`"+label+"`") {
				t.Errorf("%s has the label %s, the table says %q", name, label, rows[name].labels)
			}
		}
	}
	for name := range rows {
		if !names[name] {
			t.Errorf("%s is in the table, but the node does not export it", name)
		}
	}
	for _, name := range regexp.MustCompile(`\blode_[a-z_]+`).FindAllString(page, -1) {
		if !names[name] {
			t.Errorf("the page names %s, which the node does not export", name)
		}
	}

	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	own := slices.DeleteFunc(slices.Clone(families), func(f *dto.MetricFamily) bool { return !strings.HasPrefix(f.GetName(), "lode_") })
	problems, err := promlint.NewWithMetricFamilies(own).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	for _, family := range families {
		documented, ok := rows[family.GetName()]
		if !ok {
			continue
		}
		if kind := strings.ToLower(family.GetType().String()); documented.kind != kind {
			t.Errorf("%s is a %s, the table says %s", family.GetName(), kind, documented.kind)
		}
		for _, label := range family.GetMetric()[0].GetLabel() {
			if !strings.Contains(documented.labels, "`"+label.GetName()+"`") {
				t.Errorf("%s has the label %s, the table says %q", family.GetName(), label.GetName(), documented.labels)
			}
		}
	}
}

// TestFormatsExamples parses the examples in docs/formats.md: a transaction, a block
// and a network.
func TestFormatsExamples(t *testing.T) {
	page := readFormats(t)
	examples := regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllStringSubmatch(page, -1)
	if len(examples) != 3 {
		t.Fatalf("%d examples, want 3", len(examples))
	}
	tx, err := block.ParseTx([]byte(examples[0][1]))
	if err != nil {
		t.Fatal(err)
	}
	if tx.String() != examples[0][1] || !tx.Signed() || !strings.Contains(page, "`"+tx.ID().String()+"`") {
		t.Errorf("transaction %s with the id %s: the page has another form or id", tx, tx.ID())
	}

	tutorial, err := rules.Tutorial(2)
	if err != nil {
		t.Fatal(err)
	}
	var example block.Block
	if err := json.Unmarshal([]byte(examples[1][1]), &example); err != nil {
		t.Fatal(err)
	}
	if header, coinbase := tutorial.Genesis(); example.Header != header || example.Coinbase != coinbase || len(example.Txs) > 0 {
		t.Errorf("block %+v is not the genesis of the tutorial", example)
	}

	params, err := rules.Parse([]byte(examples[2][1]))
	if err != nil {
		t.Fatal(err)
	}
	full, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := json.Unmarshal(full, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(examples[2][1]), &want); err != nil {
		t.Fatal(err)
	}
	// The page shows every field: with the defaults filled in, the network has no
	// others.
	for _, group := range []string{"difficulty", "limits"} {
		if !maps.Equal(got[group].(map[string]any), want[group].(map[string]any)) {
			t.Errorf("%s: %v, the page has %v", group, got[group], want[group])
		}
	}
	if len(got) != len(want) {
		t.Errorf("network %s, the page has %s", full, examples[2][1])
	}
}
