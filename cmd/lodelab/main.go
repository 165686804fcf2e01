// Command lodelab measures how fast this machine does Bitcoin's proof of work, draws
// the results, and simulates networks.
package main

import (
	"context"

	"github.com/lodepow/lode/cmd/internal/cli"
)

//go:generate go test -run TestCommandReference -update

func main() { cli.Main(run) }

type commands struct {
	Bench      benchCmd          `cmd:"" help:"Measure proof of work on this machine, for about a minute."`
	Report     reportCmd         `cmd:"" help:"Turn results of benchmarks into tables, charts and a page."`
	Run        runCmd            `cmd:"" name:"run" help:"Run the experiment that a file describes, with intervals."`
	Merge      mergeCmd          `cmd:"" help:"Put the results of the shards of a run together."`
	Propagate  propagationCmd    `cmd:"" name:"propagation" help:"Simulate how blocks spread through a network, and how many go stale."`
	Selfish    selfishCmd        `cmd:"" help:"Simulate a miner that hides its blocks, and what it earns."`
	Spend      doublespendCmd    `cmd:"" name:"doublespend" help:"Simulate an attacker that spends the same coins twice."`
	Partition  partitionCmd      `cmd:"" help:"Simulate a network that falls into two parts for a while."`
	Difficulty difficultyCmd     `cmd:"" help:"Compare difficulty rules when the hash rate changes."`
	Validate   validateCmd       `cmd:"" help:"Compare the laboratory with published results."`
	Completion cli.CompletionCmd `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Help       cli.HelpCmd       `cmd:"" help:"Show the help of a command."`
	Version    cli.VersionCmd    `cmd:"" help:"Print the version."`
}

// run runs the command that the arguments name and returns the exit status.
func run(ctx context.Context, args []string, s cli.Std) int {
	return cli.Program{
		Name:        "lodelab",
		Description: "Measures proof of work, draws the results, and simulates networks.",
	}.Run(ctx, &commands{}, args, s)
}
