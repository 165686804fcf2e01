// Command lode runs a node of the chain, and searches and checks Bitcoin's proof of
// work.
package main

import (
	"context"

	"github.com/alecthomas/kong"

	"github.com/lodepow/lode/cmd/internal/cli"
)

func main() { cli.Main(run) }

type commands struct {
	Node       nodeCmd           `cmd:"" help:"Run a node: chain, miner and HTTP API."`
	Mine       mineCmd           `cmd:"" help:"Mine for a pool or a Bitcoin node."`
	Post       postCmd           `cmd:"" help:"Post a transaction to a node."`
	Key        keyCmd            `cmd:"" help:"Make and show keys to sign with."`
	Grind      grindCmd          `cmd:"" help:"Find the nonce that solves a header, on every core."`
	Check      stratumCheckCmd   `cmd:"" name:"stratum-check" help:"Check whether a pool or a miner keeps to Stratum V1."`
	Verify     verifyCmd         `cmd:"" help:"Check a stream of headers: links, proof of work, times, difficulty."`
	Kernels    kernelsCmd        `cmd:"" help:"List the kernels, what this CPU can run, and how fast."`
	Bench      benchCmd          `cmd:"" help:"Measure proof of work on this machine, for about a minute."`
	Health     healthCmd         `cmd:"" help:"Ask a node whether it is healthy."`
	Report     reportCmd         `cmd:"" hidden:"" help:"Moved to lodelab."`
	Completion cli.CompletionCmd `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Help       cli.HelpCmd       `cmd:"" help:"Show the help of a command."`
	Version    cli.VersionCmd    `cmd:"" help:"Print the version."`
}

// flagGroups returns the headings under which lode node --help lists its flags.
func flagGroups() []kong.Group {
	return []kong.Group{
		{Key: "basics", Title: "Basics:"},
		{Key: "peers", Title: "Peers:"},
		{Key: "mining", Title: "Mining:"},
		{Key: "limits", Title: "Limits:", Description: "Upper limits on what clients and other nodes can occupy."},
	}
}

// run runs the command that the arguments name and returns the exit status.
func run(ctx context.Context, args []string, s cli.Std) int {
	return cli.Program{
		Name:        "lode",
		Description: "A parallel proof-of-work engine and the node around it.",
		Groups:      flagGroups(),
		Options:     []kong.Option{workersMapper(), kernelMapper()},
	}.Run(ctx, &commands{}, args, s)
}
