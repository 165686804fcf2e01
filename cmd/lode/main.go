// Command lode runs a node of the chain, searches and checks Bitcoin's proof of
// work, and measures how fast this machine does it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

func main() {
	// Compose files and similar tools set variables to the empty string where the
	// user gave no value. Treat these as unset.
	for _, setting := range os.Environ() {
		if name, value, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "LODE_") && value == "" {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(run(context.Background(), os.Args[1:], std{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// std holds the streams that a command reads from and writes to.
type std struct {
	in       io.Reader
	out, err io.Writer
}

type commands struct {
	Node    nodeCmd    `cmd:"" help:"Run a node: chain, miner and HTTP API."`
	Post    postCmd    `cmd:"" help:"Post a transaction to a node."`
	Key     keyCmd     `cmd:"" help:"Make and show keys to sign with."`
	Grind   grindCmd   `cmd:"" help:"Find the nonce that solves a header, on every core."`
	Verify  verifyCmd  `cmd:"" help:"Check a stream of headers: links, proof of work, times, difficulty."`
	Kernels kernelsCmd `cmd:"" help:"List the kernels, what this CPU can run, and how fast."`
	Bench   benchCmd   `cmd:"" help:"Measure proof of work on this machine, for about a minute."`
	Report  reportCmd  `cmd:"" help:"Turn results of benchmarks into tables, plots and a page."`
	Version versionCmd `cmd:"" help:"Print the version."`
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

// Exit codes.
const (
	exitFailed = 1 // the command ran and the answer is no
	exitUsage  = 2 // the command line is wrong
)

// usageError wraps an error that the user can fix by changing the command line.
// The exit status is then exitUsage.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run parses the arguments, runs the command that they name and returns the exit
// status.
func run(ctx context.Context, args []string, s std) int {
	exit := -1
	var cli commands
	parser, err := kong.New(&cli,
		kong.Name("lode"),
		kong.ExplicitGroups(flagGroups()),
		kong.Description("A parallel proof-of-work engine and the node around it."),
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { exit = code }), // called by --help
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if err != nil {
		panic(err) // a struct tag of the commands is wrong
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(s.err, "lode: %v (lode --help tells more)\n", err)
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintf(s.err, "lode: %v\n", err)
		if errors.As(err, new(usageError)) {
			return exitUsage
		}
		return exitFailed
	}
	return 0
}
