package main

import (
	"context"
	"fmt"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	labreport "github.com/lodepow/lode/lab/report"
)

type mergeCmd struct {
	Folders []string `arg:"" name:"folder" help:"Folders with the results of all shards, in any order."`
	Out     string   `required:"" placeholder:"DIR" help:"Folder to write to."`
	Report  bool     `default:"true" negatable:"" help:"Write report.html and its pictures, too, as lodelab report does."`
}

func (*mergeCmd) Help() string {
	return `Puts the results of all shards of a run together. The files results.csv and summary.json
that it writes are byte for byte those that one machine would have written without
--shard.`
}

// Run merges and prints the table of the whole run.
func (c *mergeCmd) Run(ctx context.Context, s cli.Std) error {
	warnOfVersion(s.Err, version())
	p, summary, replicas, err := lab.Merge(c.Out, c.Folders, version())
	if err != nil {
		return err
	}
	if err := writeSummary(s.Out, p, summary); err != nil {
		return err
	}
	if c.Report {
		if err := labreport.Make(ctx, c.Out, p, summary, replicas); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(s.Out, "The results are in %s.\n", c.Out)
	return err
}
