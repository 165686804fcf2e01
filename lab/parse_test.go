package lab

import (
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/optimal"
)

var update = flag.Bool("update", false, "rewrite the generated part of docs/experiments.md, and the golden files")

func parse(t *testing.T, file string) *Plan {
	t.Helper()
	p, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// An empty file is the experiment with all defaults.
func TestParseEmpty(t *testing.T) {
	p := parse(t, "# nothing\n")
	want, err := blocks.Experiment{}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Points) != 1 || !reflect.DeepEqual(p.Points[0].Experiment, want) || p.Seed != 1 || p.Replicas != 8 || p.HalfWidth != 0 {
		t.Errorf("the plan is %+v", p)
	}
}

// everyKey sets all keys to values that are not their defaults. Some exclude each other;
// these are in otherKeys.
const everyKey = `title = "everything"
seed = 7
replicas = 3
half_width = 0.5
of = "fork_rate"
max_replicas = 5
nodes = 60
blocks = 3e2 # a whole number
interval = "20s"
engine = "events"

[topology]
shape = "edges"
edges = [[0, 1], [1, 2]]

[latency]
law = "lognormal"
spread = 0.3
jitter = "20ms"

[regions]
source = "nowhere"
names = ["a", "b"]
shares = [1, 2.5]
latency = [["1ms", "30ms"], ["30ms", "2ms"]]
upload = [1e6, 2e6]
download = [3e6, 4e6]
bandwidth = [[1e6, 2e6], [3e6, 4000000]]

[relay]
mode = "compact"
hit_rate = 0.8
block_bytes = 1e6
block_bytes_law = "uniform"
block_bytes_spread = 0.5
bandwidth = 5e6
validation = "50ms"
queue_uploads = true
loss = 0.01

[power]
miners = 50
zipf = 1.1

[[power.steps]]
at = "30m"
factor = 2.5

[[power.steps]]
at = "1h"
factor = 0.75

[tie]
rule = "share"
gamma = 0.4

[difficulty]
rule = "asert"
spacing = "20s"
half_life = "10m"
bits = "1e0fffff"
limit = "2000ffff"
future = "1h"

[[strategists]]
node = 0
strategy = "sm1"

[[strategists]]
node = 5
strategy = "stubborn"
lead = true
fork = true
trail = 1

[[strategists]]
node = 6
strategy = "policy"
actions = [["www"], ["ooo", "wam"]]
`

const otherKeys = `
[[strategists]]
strategy = "double-spender"
confirmations = 2
give_up = 5
[[strategists]]
node = 1
strategy = "optimal"
truncation = 30
[[strategists]]
node = 2
strategy = "withholder"
[difficulty]
rule = ["fixed", "asert", "bitcoin2016", "lwma"]
half_life = "1h"
window = 100
lwma_window = 30
limit = "207fffff"
[clocks]
error = "1500ms"
error_law = "lognormal"
error_spread = 0.5
[[clocks.liars]]
node = 3
offset = "-5m"
from = 20
[[clocks.liars]]
node = 4
warp = false
[hopping]
share = 0.5
threshold = 1.4
threshold_law = "uniform"
threshold_spread = 0.2
volatility = 0.1
[[hopping.prices]]
at = "1h"
price = 2
[topology]
degree = 3
[latency]
mean = "70ms"
[power]
alpha = 0.25
`

func TestParseEveryKey(t *testing.T) {
	p := parse(t, everyKey)
	params, err := rules.New(rules.Config{
		Name:       "blocks",
		Difficulty: rules.Difficulty{Rule: rules.RuleAsert, Bits: 0x1e0fffff, Limit: 0x2000ffff, Spacing: 20, HalfLife: 600},
		Limits:     rules.Limits{FutureSeconds: 3600},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := blocks.Experiment{
		Nodes: 60, Blocks: 300, Interval: 20 * time.Second, Engine: blocks.Events, Params: params,
		Topology: blocks.Topology{Shape: blocks.Listed, Edges: [][2]int{{0, 1}, {1, 2}}},
		Latency: blocks.Latency{Law: blocks.LogNormal, Spread: 0.3, Jitter: 20 * time.Millisecond, Regions: &blocks.Regions{
			Source: "nowhere", Names: []string{"a", "b"}, Shares: []float64{1, 2.5},
			Latency: [][]time.Duration{{time.Millisecond, 30 * time.Millisecond}, {30 * time.Millisecond, 2 * time.Millisecond}},
			Upload:  []float64{1e6, 2e6}, Download: []float64{3e6, 4e6}, Bandwidth: [][]float64{{1e6, 2e6}, {3e6, 4e6}},
		}},
		Relay: blocks.Relay{
			Mode: blocks.Compact, HitRate: 0.8, BlockBytes: blocks.Dist{Law: blocks.Uniform, Mean: 1e6, Spread: 0.5},
			Bandwidth: 5e6, Validation: 50 * time.Millisecond, QueueUploads: true, Loss: 0.01,
		},
		Power: blocks.Power{Miners: 50, Zipf: 1.1, Steps: []blocks.PowerStep{{At: 30 * time.Minute, Factor: 2.5}, {At: time.Hour, Factor: 0.75}}},
		Tie:   blocks.Tie{Rule: blocks.Share, Gamma: 0.4},
		Strategists: []blocks.Strategist{
			{Node: 0, Strategy: blocks.SM1{}}, {Node: 5, Strategy: blocks.Stubborn{Lead: true, Fork: true, Trail: 1}},
			{Node: 6, Strategy: blocks.Policy{Label: "policy", Actions: [][][3]blocks.Action{
				{{blocks.Wait, blocks.Wait, blocks.Wait}},
				{{blocks.Override, blocks.Override, blocks.Override}, {blocks.Wait, blocks.Adopt, blocks.Match}},
			}}},
		},
	}
	if want, err = want.WithDefaults(); err != nil {
		t.Fatal(err)
	}
	if got := p.Points[0].Experiment; !reflect.DeepEqual(got, want) {
		t.Errorf("the experiment is\n%+v\nwant\n%+v", got, want)
	}
	if p.Title != "everything" || p.Seed != 7 || p.Replicas != 3 || p.HalfWidth != 0.5 || p.Of != "fork_rate" || p.MaxReplicas != 5 {
		t.Errorf("the plan is %+v", p)
	}
	other := parse(t, otherKeys)
	x := other.Points[0].Experiment
	if got, want := x.Clocks, (blocks.Clocks{
		Error: blocks.Dist{Law: blocks.LogNormal, Mean: 1.5, Spread: 0.5},
		Liars: []blocks.Liar{{Node: 3, Offset: -5 * time.Minute, From: 20}, {Node: 4}},
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("the clocks are %+v", got)
	}
	if got, want := x.Hopping, (blocks.Hopping{
		Share: 0.5, Threshold: blocks.Dist{Law: blocks.Uniform, Mean: 1.4, Spread: 0.2}, Volatility: 0.1,
		Prices: []blocks.PriceStep{{At: time.Hour, Price: 2}},
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("the hopping is %+v", got)
	}
	if got := x.Strategists; got[0].Strategy != blocks.Strategy(blocks.DoubleSpender{Confirmations: 2, GiveUp: 5}) ||
		got[1].Strategy.(*Optimal).Problem != (optimal.Problem{Alpha: powerShares(x)[1], Truncation: 30}) || got[2].Strategy != blocks.Strategy(blocks.Withholder{}) {
		t.Errorf("the strategists are %+v", got)
	}
	for i, want := range []rules.Difficulty{
		{Rule: rules.RuleFixed, Bits: 0x207fffff},
		{Rule: rules.RuleAsert, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: 10, HalfLife: 3600},
		{Rule: rules.RuleBitcoin2016, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: 600, Window: 100},
		{Rule: rules.RuleLwma, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: 10, Window: 30},
	} {
		if got := other.Points[i].Experiment.Params.Difficulty(); got != want {
			t.Errorf("the difficulty of point %d is %+v, want %+v", i, got, want)
		}
	}
	if x := parse(t, "[difficulty]\nrule = 'bitcoin2016'\n[[clocks.liars]]\nwarp = true").Points[0].Experiment; !x.Clocks.Liars[0].Warp {
		t.Errorf("the clocks are %+v", x.Clocks)
	}
	if x.Topology.Degree != 3 || x.Latency.Mean != 70*time.Millisecond || x.Power.Shares[0] != 0.25 || x.Power.Shares[1] != 0.75/999 || len(x.Power.Shares) != 1000 {
		t.Errorf("the experiment is %+v", x)
	}
	if x := parse(t, "[power]\nshares = [1, 2, 0.5]").Points[0].Experiment; !reflect.DeepEqual(x.Power.Shares, []float64{1, 2, 0.5}) {
		t.Errorf("the shares are %v", x.Power.Shares)
	}
	steps := parse(t, "[power]\nshares = [1, 2]\n[[power.steps]]\nat = '1h'\nshares = [1, 0]\n[[power.steps]]\nat = '2h'\nfactor = 3").Points[0].Experiment.Power.Steps
	if want := []blocks.PowerStep{{At: time.Hour, Shares: []float64{1, 0}}, {At: 2 * time.Hour, Factor: 3}}; !reflect.DeepEqual(steps, want) {
		t.Errorf("the steps are %+v", steps)
	}
	if x := parse(t, "[latency]\nregions = 'world-2019'").Points[0].Experiment; !reflect.DeepEqual(x.Latency.Regions, blocks.World2019()) {
		t.Errorf("the regions are %+v", x.Latency.Regions)
	}
}

// The two files above and changingFile have all keys, so that a new key cannot be forgotten in them.
func TestEveryKeyIsTested(t *testing.T) {
	set := map[string]bool{"latency.regions": true, "power.shares": true, "power.steps[].shares": true} // of TestParseEveryKey
	for _, file := range []string{everyKey, otherKeys, changingFile} {
		settings, err := readSettings([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range settings {
			set[index.ReplaceAllString(s.Key, "[]")] = true
		}
	}
	for _, k := range keyList {
		if !set[k.name] {
			t.Errorf("no test sets the key %s", k.name)
		}
	}
}

// The canonical form means the same, and is its own canonical form.
func TestFormat(t *testing.T) {
	for _, file := range []string{
		everyKey, otherKeys, "",
		"relay.loss = 0.5 # dotted\nnodes = 20\npower = {alpha = [0.1, 0.2]}\nrelay.mode = 'full'",
		"strategists = [{node = 1, strategy = 'sm1'}, {node = 2, strategy = 'honest'}]",
		"title = \"a\\n'b'\\\"\\u0001\"\ninterval = '1s..3s step 1s'",
	} {
		p := parse(t, file)
		again := parse(t, string(p.File))
		if string(again.File) != string(p.File) || !reflect.DeepEqual(p, again) {
			t.Errorf("the canonical form of %q is\n%s\nand of that it is\n%s", file, p.File, again.File)
		}
	}
	const want = "nodes = 20\n\n[relay]\nloss = 0.5\nmode = 'full'\n\n[power]\nalpha = [0.1, 0.2]\n"
	if got := parse(t, "relay.loss = 0.5 # dotted\nnodes = 20\npower = {alpha = [0.1, 0.2]}\nrelay.mode = 'full'").File; string(got) != want {
		t.Errorf("the canonical form is\n%s", got)
	}
}

func TestSweeps(t *testing.T) {
	p := parse(t, `
interval = "1s..2s step 500ms"
[power]
alpha = "0.05..0.2 step 0.05"
[topology]
shape = ["ring", "random"]
degree = 3
`)
	var got []string
	for i, point := range p.Points {
		if point.Index != i {
			t.Errorf("point %d has the index %d", i, point.Index)
		}
		var texts []string
		for _, v := range point.Values {
			texts = append(texts, v.Key+"="+v.Text)
		}
		got = append(got, strings.Join(texts, " "))
	}
	if len(got) != 24 ||
		got[0] != "interval=1s power.alpha=0.05 topology.shape=ring" ||
		got[1] != "interval=1s power.alpha=0.05 topology.shape=random" ||
		got[2] != "interval=1s power.alpha=0.1 topology.shape=ring" ||
		got[8] != "interval=1.5s power.alpha=0.05 topology.shape=ring" ||
		got[23] != "interval=2s power.alpha=0.2 topology.shape=random" {
		t.Errorf("the points are\n%s", strings.Join(got, "\n"))
	}
	last := p.Points[23]
	if x := last.Experiment; x.Interval != 2*time.Second || x.Power.Shares[0] != 0.2 || x.Topology.Shape != blocks.RandomOut {
		t.Errorf("the last experiment is %+v", x)
	}
	if v := last.Values; v[0].Number != 2 || v[1].Number != 0.2 || v[2].Number != 1 {
		t.Errorf("the numbers are %+v", v)
	}
	// What follows the last whole step is left out, and both ends belong to a range.
	for text, want := range map[string][]float64{
		"1..3 step 1": {1, 2, 3}, "0.1..0.3 step 0.1": {0.1, 0.2, 0.3}, "0..1 step 0.4": {0, 0.4, 0.8},
		"1e0 .. 20e-1 step 0.5": {1, 1.5, 2}, "0.5..0.5 step 1": {0.5},
	} {
		p := parse(t, "[power]\nzipf = '"+text+"'")
		var got []float64
		for _, point := range p.Points {
			got = append(got, point.Experiment.Power.Zipf)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

// Of several faults in a file the first one is told, always.
func TestFirstFault(t *testing.T) {
	const file = "[nothing]\nx = 1\n[nowhere]\nx = 1\n\"a b\" = 1\n[[relay]]\nloss = 0.1\n[splits]\nat = '1h'\n[[strategists]]\n[nobody]\nx = 1\n"
	for range 20 {
		if _, err := Parse([]byte(file)); err == nil || !strings.HasPrefix(err.Error(), "line 1: nothing: unknown table") {
			t.Fatalf("error %v", err)
		}
	}
}

// Each wrong file has a sentence that says the line, the key and what to do.
func TestWrongFiles(t *testing.T) {
	data, err := os.ReadFile("testdata/wrong.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, part := range strings.Split(strings.TrimSuffix(string(data), "\n====\n"), "\n====\n") {
		file, want, ok := strings.Cut(part, "\n----\n")
		if !ok && !*update {
			t.Fatalf("no error is given for\n%s", part)
		}
		_, err := Parse([]byte(file + "\n"))
		if err == nil {
			t.Errorf("no error in\n%s", file)
			continue
		}
		if !errors.As(err, new(*FileError)) {
			t.Errorf("the error is a %T", err)
		}
		if got := err.Error(); got != want && !*update {
			t.Errorf("%s\n  error %s\n  want  %s", file, got, want)
		}
		out.WriteString(file + "\n----\n" + err.Error() + "\n====\n")
	}
	if *update {
		if err := os.WriteFile("testdata/wrong.txt", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
