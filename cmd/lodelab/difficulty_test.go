package main

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab/blocks"
)

// The points of the files are the experiments that the help describes.
func TestDifficultyFile(t *testing.T) {
	c := difficultyCmd{
		Rules: []string{"fixed", "asert", "bitcoin2016", "lwma"}, Factors: []float64{10, 0.1}, Hop: 0.5, Elsewhere: 1.4,
		Spacing: 10 * time.Minute, Window: 2016, LwmaWindow: 60, Blocks: 8000, replicas: replicas{Seed: 1, Replicas: 8},
	}
	difficulty := map[string]rules.Difficulty{
		"fixed":       {Rule: rules.RuleFixed, Bits: 0x1e0fffff},
		"asert":       {Rule: rules.RuleAsert, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: 600, HalfLife: 2 * 24 * 3600},
		"bitcoin2016": {Rule: rules.RuleBitcoin2016, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: 600, Window: 2016},
		"lwma":        {Rule: rules.RuleLwma, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: 600, Window: 60},
	}
	groups := c.groups()
	if len(groups) != 2 || groups[0].name != "" || groups[1].name != "hopping" {
		t.Fatalf("the groups are %+v", groups)
	}
	for _, g := range groups {
		p, err := c.plan("title", "difficulty_error", g.settings)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for _, sc := range g.scenarios {
			for _, rule := range g.rules {
				params, err := rules.New(rules.Config{Name: "blocks", Difficulty: difficulty[rule]})
				if err != nil {
					t.Fatal(err)
				}
				want := blocks.Experiment{Nodes: 1, Params: params, Interval: 10 * time.Minute, Engine: blocks.Events, Blocks: 8000 + 3024}
				if sc.hops {
					want.Hopping = blocks.Hopping{Share: 0.5, Threshold: blocks.Dist{Mean: 1.4}}
				} else {
					want.Power.Steps = []blocks.PowerStep{{At: 3024 * 10 * time.Minute, Factor: sc.factor}}
				}
				if want, err = want.WithDefaults(); err != nil {
					t.Fatal(err)
				}
				if got := p.Points[i].Experiment; !reflect.DeepEqual(got, want) {
					t.Errorf("the point of %s and %s is\n%+v\nwant\n%+v", sc.title, rule, got, want)
				}
				i++
			}
		}
		if i != len(p.Points) {
			t.Errorf("the file has %d points, want %d", len(p.Points), i)
		}
	}
	if len(groups[0].rules) != 4 || len(groups[0].scenarios) != 2 || len(groups[1].rules) != 3 {
		t.Errorf("the groups are %+v", groups)
	}
}

// A cell of the table says how many replicas its mean is of, unless it is of all.
func TestEstimateText(t *testing.T) {
	none := math.NaN()
	for _, tt := range []struct {
		values []float64
		want   string
	}{
		{[]float64{none, none}, "never"},
		{[]float64{none, 3, none}, "3.0 (1 of 3)"},
		{[]float64{1, none, 3}, "2.0 ± 12.7 (2 of 3)"}, // Student's t with a degree of freedom is 12.706
		{[]float64{1, 3}, "2.0 ± 12.7"},
	} {
		if got := estimateText(tt.values, "%.1f"); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.values, got, tt.want)
		}
	}
}

// Flags that mean nothing are refused with a sentence.
func TestDifficultyFlags(t *testing.T) {
	for _, tt := range []struct {
		change func(*difficultyCmd)
		want   string
	}{
		{func(*difficultyCmd) {}, ""},
		{func(c *difficultyCmd) { c.Hop = 0; c.Elsewhere = 0 }, ""},
		{func(c *difficultyCmd) { c.Hop = -0.5 }, "--hop -0.5: want 0 to 0.99"},
		{func(c *difficultyCmd) { c.Hop = 1.5 }, "--hop 1.5: want 0 to 0.99"},
		{func(c *difficultyCmd) { c.Hop = math.NaN() }, "--hop NaN: want 0 to 0.99"},
		{func(c *difficultyCmd) { c.Elsewhere = 0 }, "--elsewhere 0: want more than 0"},
		{func(c *difficultyCmd) { c.Window, c.Spacing = 14600, 24*time.Hour }, ""},
		{func(c *difficultyCmd) { c.Window, c.Spacing = 14601, 24*time.Hour }, "--window 14601 with --spacing 24h0m0s: want a window of at most 40 years"},
		{func(c *difficultyCmd) { c.Window, c.Spacing = 100_000, 24*time.Hour }, "want a window of at most 40 years"},
	} {
		c := difficultyCmd{
			Rules: []string{"asert"}, Factors: []float64{10}, Hop: 0.5, Elsewhere: 1.4,
			Spacing: 10 * time.Minute, Window: 2016, LwmaWindow: 60, Blocks: 8000, replicas: replicas{Seed: 1, Replicas: 8},
		}
		tt.change(&c)
		err := c.validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}
