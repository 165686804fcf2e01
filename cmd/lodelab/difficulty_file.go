package main

import (
	"fmt"
	"io"

	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// settings returns the experiments in which the hash rate changes, as in their file: a
// point for each rule and factor. Without factors it returns those in which it hops.
func (c *difficultyCmd) settings() []lab.Setting {
	var names, factors []any
	for _, r := range c.Rules {
		names = append(names, r)
	}
	for _, f := range c.Factors {
		factors = append(factors, f)
	}
	list := []lab.Setting{
		{Key: "nodes", Value: int64(1)},
		{Key: "blocks", Value: int64(c.Blocks + int(c.Window)*3/2)},
		{Key: "interval", Value: c.Spacing.String()},
		{Key: "engine", Value: string(blocks.Events)},
	}
	if len(factors) > 0 {
		list = append(list, lab.Setting{Key: "power.steps[0].at", Value: c.change().String()}, lab.Setting{Key: "power.steps[0].factor", Value: factors})
	} else {
		list = append(list, lab.Setting{Key: "hopping.share", Value: c.Hop}, lab.Setting{Key: "hopping.threshold", Value: c.Elsewhere})
	}
	return append(list,
		lab.Setting{Key: "difficulty.rule", Value: names},
		lab.Setting{Key: "difficulty.spacing", Value: c.Spacing.String()},
		lab.Setting{Key: "difficulty.half_life", Value: c.halfLife().String()},
		lab.Setting{Key: "difficulty.window", Value: int64(c.Window)},
		lab.Setting{Key: "difficulty.lwma_window", Value: int64(c.LwmaWindow)},
		lab.Setting{Key: "difficulty.bits", Value: "1e0fffff"},
		lab.Setting{Key: "difficulty.limit", Value: "207fffff"},
	)
}

// printFile prints the file of the experiments in which the hash rate changes.
func (c *difficultyCmd) printFile(out io.Writer) error {
	p, err := c.plan("Difficulty rules when the hash rate changes", c.settings())
	if err != nil {
		return err
	}
	if len(c.Factors) > 0 && c.Hop > 0 {
		_, err = fmt.Fprintf(out, "# Hash rate that hops is an experiment of its own: write this table in the place of\n"+
			"# power.steps, and leave the rule fixed out.\n#\n#\t[hopping]\n#\tshare = %g\n#\tthreshold = %g\n\n", c.Hop, c.Elsewhere)
	}
	if err == nil {
		_, err = out.Write(p.File)
	}
	return err
}
