package lab

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/pow"
)

// draft is an experiment with its plan while a file is being read. The fields beside x
// are those that the file has in another form than the experiment.
type draft struct {
	x blocks.Experiment

	title       string
	seed        uint64
	replicas    int
	halfWidth   float64
	of          string
	maxReplicas int

	world       string
	regions     blocks.Regions
	alpha       float64 // NaN: not set
	difficulty  difficultyDraft
	clockError  time.Duration
	strategists []strategistDraft
	splitShares []float64 // by split: share of the first of two parts; 0: not set
}

func newDraft() *draft {
	return &draft{seed: 1, replicas: 8, of: "stale_rate", maxReplicas: 1000, alpha: math.NaN()}
}

// maxAlphaMiners bounds the number of miners of an experiment with alpha.
const maxAlphaMiners = 100_000

// difficultyDraft is the table difficulty.
type difficultyDraft struct {
	rule                      rules.Rule
	spacing, halfLife, future time.Duration
	bits, limit               pow.Bits
	window, lwmaWindow        int

	swept bool // the rule is swept, so that each takes only what means something to it
}

// ofRule returns the fields that mean something to the rule, if rules are swept.
func (d difficultyDraft) ofRule() difficultyDraft {
	if !d.swept {
		return d
	}
	if d.rule == rules.RuleFixed {
		d.spacing, d.limit = 0, 0
	}
	if d.rule != rules.RuleAsert {
		d.halfLife = 0
	}
	if d.rule != rules.RuleBitcoin2016 {
		d.window = 0
	}
	if d.rule != rules.RuleLwma {
		d.lwmaWindow = 0
	}
	return d
}

// finish makes the parts of the experiment that have another form in the file, and
// returns the experiment with its defaults.
func (d *draft) finish() (blocks.Experiment, error) {
	x := d.x
	d.finishClocks(&x)
	if err := errors.Join(d.finishRegions(&x), d.finishPower(&x), d.finishDifficulty(&x), d.finishStrategists(&x), d.finishSplits(&x)); err != nil {
		return x, err
	}
	x, err := WithDefaults(x)
	if err != nil {
		return x, err
	}
	if x.Topology.Shape == blocks.Listed {
		return x, checkEdges(x)
	}
	return x, nil
}

func (d *draft) finishRegions(x *blocks.Experiment) error {
	own := !reflect.DeepEqual(d.regions, blocks.Regions{})
	switch {
	case d.world != "" && own:
		return errors.New("there is also a table regions: leave one of the two out")
	case own:
		x.Latency.Regions = &d.regions
	case d.world == "world-2019":
		x.Latency.Regions = blocks.World2019()
	case d.world != "":
		return fmt.Errorf("%q: want \"world-2019\", or leave it out and write a table regions", d.world)
	}
	return nil
}

func (d *draft) finishPower(x *blocks.Experiment) error {
	if math.IsNaN(d.alpha) {
		return nil
	}
	n := x.Power.Miners
	if n == 0 {
		if n = x.Nodes; n == 0 {
			n = 1000 // the default of Experiment.Nodes
		}
	}
	switch {
	case len(x.Power.Shares) > 0 || x.Power.Zipf != 0:
		return errors.New("alpha says what all miners have: leave it, or shares and zipf, out")
	case d.alpha <= 0 || d.alpha >= 1:
		return fmt.Errorf("alpha %v: want more than 0 and less than 1", d.alpha)
	case n < 2 || n > maxAlphaMiners:
		return fmt.Errorf("alpha for %d miners: want 2 to %d, which miners sets", n, maxAlphaMiners)
	}
	x.Power.Miners = 0
	x.Power.Shares = make([]float64, n)
	for i := range x.Power.Shares {
		x.Power.Shares[i] = (1 - d.alpha) / float64(n-1)
	}
	x.Power.Shares[0] = d.alpha
	return nil
}

func (d *draft) finishDifficulty(x *blocks.Experiment) error {
	if d.difficulty == (difficultyDraft{}) {
		return nil
	}
	t := d.difficulty.ofRule()
	c := rules.Config{Name: "blocks", Difficulty: rules.Difficulty{Rule: t.rule, Bits: t.bits, Limit: t.limit}}
	switch {
	case t.window < 0 || t.window > math.MaxUint32>>1 || t.lwmaWindow < 0 || t.lwmaWindow > math.MaxUint32>>1:
		return errors.New("difficulty: the window is too large")
	case t.window != 0 && t.lwmaWindow != 0:
		return errors.New("difficulty: window and lwma_window are for different rules: leave one of them out")
	case t.lwmaWindow != 0 && t.rule != rules.RuleLwma:
		return fmt.Errorf("difficulty: lwma_window means nothing to the rule %q: leave it out", t.rule)
	case t.window != 0 && t.rule == rules.RuleLwma:
		return fmt.Errorf("difficulty: window means nothing to the rule %q: leave it out, or write lwma_window", t.rule)
	}
	c.Difficulty.Window = uint32(t.window + t.lwmaWindow)
	if c.Difficulty.Rule == "" || c.Difficulty.Rule == rules.RuleFixed {
		if c.Difficulty.Bits == 0 {
			c.Difficulty.Bits = 0x207fffff // as in blocks.Experiment without rules
		}
	}
	for _, part := range []struct {
		name string
		from time.Duration
		to   *uint32
	}{
		{"spacing", t.spacing, &c.Difficulty.Spacing},
		{"half_life", t.halfLife, &c.Difficulty.HalfLife},
		{"future", t.future, &c.Limits.FutureSeconds},
	} {
		if part.from%time.Second != 0 || part.from < 0 || part.from/time.Second > math.MaxUint32 {
			return fmt.Errorf("difficulty: %s %s: want whole seconds, such as 10s", part.name, part.from)
		}
		*part.to = uint32(part.from / time.Second)
	}
	p, err := rules.New(c)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "network parameters: "))
	}
	x.Params = p
	return nil
}

// checkEdges refuses an edge that blocks.Run would refuse.
func checkEdges(x blocks.Experiment) error {
	for i, e := range x.Topology.Edges {
		if a, b := e[0], e[1]; a < 0 || b < 0 || a >= x.Nodes || b >= x.Nodes || a == b {
			return fmt.Errorf("topology: edge %d connects %d with %d: want two different nodes from 0 to %d", i, a, b, x.Nodes-1)
		}
	}
	return nil
}

// settings returns the values of all keys that are not lists, of a draft that finish has
// accepted.
func (d *draft) settings(x blocks.Experiment) map[string]string {
	full := *d
	full.x = x
	c := x.Params.Config()
	seconds := func(n uint32) time.Duration { return time.Duration(n) * time.Second }
	full.difficulty = difficultyDraft{
		rule: c.Difficulty.Rule, bits: c.Difficulty.Bits, limit: c.Difficulty.Limit,
		spacing: seconds(c.Difficulty.Spacing), halfLife: seconds(c.Difficulty.HalfLife), future: seconds(c.Limits.FutureSeconds),
	}
	if c.Difficulty.Rule == rules.RuleLwma {
		full.difficulty.lwmaWindow = int(c.Difficulty.Window)
	} else {
		full.difficulty.window = int(c.Difficulty.Window)
	}
	values := map[string]string{}
	for i := range keyList {
		k := &keyList[i]
		if k.plan || strings.Contains(k.name, "[]") || k.kind() == "list" {
			continue
		}
		field := reflect.ValueOf(k.field(&full, 0)).Elem()
		_, isBits := field.Interface().(pow.Bits)
		if f, ok := field.Interface().(float64); ok && math.IsNaN(f) || field.IsZero() && (k.positive || isBits) {
			continue // not set
		}
		if text := fmt.Sprint(field.Interface()); text != "" {
			values[k.name] = text
		}
	}
	return values
}
