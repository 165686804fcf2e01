package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// group is a file with scenarios: a point for each scenario and rule.
type group struct {
	name, title string
	rules       []string
	scenarios   []scenario
	settings    []lab.Setting
}

// scenario is a change of the hash rate.
type scenario struct {
	title  string
	hops   bool
	factor float64 // if it does not hop: by what it is multiplied
}

// groups returns the files that the command runs: one in which the hash rate changes at
// once, and one in which it hops.
func (c *difficultyCmd) groups() []group {
	var list []group
	if len(c.Factors) > 0 {
		g := group{title: "Difficulty rules when the hash rate changes", rules: c.Rules}
		var factors []any
		for _, f := range c.Factors {
			factors = append(factors, f)
			g.scenarios = append(g.scenarios, scenario{title: fmt.Sprintf("hash rate × %g", f), factor: f})
		}
		g.settings = c.settings(g.rules,
			lab.Setting{Key: "power.steps[0].at", Value: c.change().String()}, lab.Setting{Key: "power.steps[0].factor", Value: factors})
		list = append(list, g)
	}
	if c.Hop > 0 {
		g := group{name: "hopping", title: "Difficulty rules when hash rate hops"}
		for _, r := range c.Rules {
			if r != string(rules.RuleFixed) { // its profit would never change
				g.rules = append(g.rules, r)
			}
		}
		g.scenarios = []scenario{{title: fmt.Sprintf("a share of %g of the hash rate hops, and earns %g elsewhere", c.Hop, c.Elsewhere), hops: true}}
		g.settings = c.settings(g.rules,
			lab.Setting{Key: "hopping.share", Value: c.Hop}, lab.Setting{Key: "hopping.threshold", Value: c.Elsewhere})
		if len(g.rules) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// settings returns an experiment as in its file, with what changes the hash rate.
func (c *difficultyCmd) settings(names []string, changes ...lab.Setting) []lab.Setting {
	list := append([]lab.Setting{
		{Key: "nodes", Value: int64(1)},
		{Key: "blocks", Value: int64(c.Blocks + int(c.Window)*3/2)},
		{Key: "interval", Value: c.Spacing.String()},
		{Key: "engine", Value: string(blocks.Events)},
	}, changes...)
	var swept []any
	for _, name := range names {
		swept = append(swept, name)
	}
	return append(list,
		lab.Setting{Key: "difficulty.rule", Value: swept},
		lab.Setting{Key: "difficulty.spacing", Value: c.Spacing.String()},
		lab.Setting{Key: "difficulty.half_life", Value: c.halfLife().String()},
		lab.Setting{Key: "difficulty.window", Value: int64(c.Window)},
		lab.Setting{Key: "difficulty.lwma_window", Value: int64(c.LwmaWindow)},
		lab.Setting{Key: "difficulty.bits", Value: "1e0fffff"},
		lab.Setting{Key: "difficulty.limit", Value: "207fffff"},
	)
}

// folder returns where the results of a group go: that of the first one is --out itself.
func (c *difficultyCmd) folder(g group) string {
	if c.Out == "" {
		return ""
	}
	return filepath.Join(c.Out, g.name)
}

// printFiles prints the first file. If there is another one, it tells how to make it.
func printFiles(out io.Writer, groups []group, plans []*lab.Plan) error {
	if len(groups) > 1 {
		if _, err := fmt.Fprintf(out, "# Hash rate that hops is an experiment of its own. --factors '' --print-file prints it.\n\n"); err != nil {
			return err
		}
	}
	_, err := out.Write(plans[0].File)
	return err
}
