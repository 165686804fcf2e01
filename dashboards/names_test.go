package dashboards

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/metrics"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine/gbt"
	gbtmetrics "github.com/lodepow/lode/mine/gbt/metrics"
	"github.com/lodepow/lode/mine/stratum/client"
	clientmetrics "github.com/lodepow/lode/mine/stratum/client/metrics"
	"github.com/lodepow/lode/node"
)

// notShown lists the metrics that no panel, rule or alert uses, each with the reason.
var notShown = map[string]string{}

// registered returns the names of all metrics that a node exports, or lode mine.
func registered(t *testing.T) map[string]bool {
	t.Helper()
	reg := prometheus.NewRegistry()
	n, err := node.Open(t.Context(), node.Config{
		Params: rules.Lab(), Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 1, Registry: reg,
		Stratum: node.StratumConfig{Listen: "127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := client.New(client.Config{Pools: []client.Pool{{Host: "pool.example", Port: 3333, User: "w"}}})
	if err != nil {
		t.Fatal(err)
	}
	source, err := gbt.New(gbt.Config{URL: "http://127.0.0.1:8332", PayTo: "script:51"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(clientmetrics.Register(reg, pool, nil), gbtmetrics.Register(reg, source, nil)); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		reg.Describe(descs)
	}()
	fqName := regexp.MustCompile(`fqName: "([^"]+)"`)
	for desc := range descs {
		if m := fqName.FindStringSubmatch(desc.String()); m != nil {
			names[m[1]] = true
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop() // the node need not run
	if err := n.Run(stopped); err != nil {
		t.Error(err)
	}
	return names
}

// TestNames checks that every metric in dashboards, rules and alerts is exported by
// a node or by lode mine, and that every exported metric is used in one of them.
func TestNames(t *testing.T) {
	there := registered(t)
	text := expressions() + read(t, "prometheus/alerts.yml") + read(t, "prometheus/rules.yml")
	text = regexp.MustCompile(`\b(job|instance):[a-z0-9_]+:[a-z0-9_]+|(?m)#.*$|label_values`).ReplaceAllString(text, "")
	used := map[string]bool{}
	for _, name := range regexp.MustCompile(`\b(lode|go|process)_[a-z0-9_]+`).FindAllString(text, -1) {
		if !there[name] { // it may be a series of a histogram
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				if base, ok := strings.CutSuffix(name, suffix); ok && there[base] {
					name = base
				}
			}
		}
		used[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !there[name] {
			t.Errorf("%s is used, but neither a node nor lode mine exports it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if !strings.HasPrefix(name, "lode_") {
			continue // not all of the many metrics of the Go runtime need to be shown
		}
		switch why := notShown[name]; {
		case used[name] && why != "":
			t.Errorf("%s is in notShown, but it is used", name)
		case !used[name] && why == "":
			t.Errorf("%s is exported, but no panel, rule or alert uses it", name)
		}
	}
}

// TestReorgDepths checks that the thresholds of LodeDeepReorg are the bounds of the
// buckets in which a node counts reorgs, without the last one: what is beyond it looks
// like a reorg of that depth.
func TestReorgDepths(t *testing.T) {
	c, err := chain.Open(chain.Config{Params: rules.Lab(), Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	if err := metrics.Register(reg, c); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var bounds []float64
	for _, f := range families {
		if f.GetName() == "lode_chain_reorg_depth_blocks" {
			for _, b := range f.GetMetric()[0].GetHistogram().GetBucket() {
				bounds = append(bounds, b.GetUpperBound())
			}
		}
	}
	if len(bounds) == 0 || !slices.Equal(ReorgDepths(), bounds[:len(bounds)-1]) {
		t.Errorf("thresholds %v, want the bounds %v without the last", ReorgDepths(), bounds)
	}
}
