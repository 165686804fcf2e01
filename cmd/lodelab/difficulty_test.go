package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// The points of the printed file are the experiments of the command.
func TestDifficultyFile(t *testing.T) {
	c := difficultyCmd{
		Rules: []string{"fixed", "asert", "bitcoin2016", "lwma"}, Factors: []float64{10, 0.1}, Hop: 0.5, Elsewhere: 1.4,
		Spacing: 10 * time.Minute, Window: 2016, LwmaWindow: 60, Blocks: 8000, replicas: replicas{Seed: 1, Replicas: 8},
	}
	check := func() {
		t.Helper()
		p, err := c.plan("title", c.settings())
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for _, sc := range c.scenarios()[:max(1, len(c.Factors))] {
			for _, rule := range c.Rules {
				want, err := c.experiment(rules.Rule(rule), sc)
				if err != nil {
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
	check()
	c.Factors, c.Rules = nil, c.Rules[1:]
	check()
}
