// Package cli holds what the commands of this module have in common: streams, exit
// statuses, and how a command line becomes a call.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Std holds the streams that a command reads from and writes to.
type Std struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit statuses.
const (
	ExitFailed = 1 // the command ran and the answer is no
	ExitUsage  = 2 // the command line is wrong
)

// UsageError wraps an error that the user can fix by changing the command line. The
// exit status is then ExitUsage.
type UsageError struct{ Err error }

// Error returns the text of the wrapped error.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e UsageError) Unwrap() error { return e.Err }

// Program describes a command with subcommands.
type Program struct {
	Name        string
	Description string
	Groups      []kong.Group // headings of flags in the help
	Options     []kong.Option
}

// Main runs a program on the arguments and streams of this process and ends the
// process with its exit status.
func Main(run func(ctx context.Context, args []string, s Std) int) {
	// Compose files and similar tools set variables to the empty string where the
	// user gave no value. Treat these as unset.
	for _, setting := range os.Environ() {
		if name, value, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "LODE_") && value == "" {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(run(context.Background(), os.Args[1:], Std{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// Run parses the arguments, runs the command that they name and returns the exit
// status. The commands are a pointer to a struct with a field for each command.
func (p Program) Run(ctx context.Context, commands any, args []string, s Std) int {
	exit := -1
	options := append([]kong.Option{
		kong.Name(p.Name),
		kong.ExplicitGroups(p.Groups),
		kong.Description(p.Description),
		kong.Writers(s.Out, s.Err),
		kong.Exit(func(code int) { exit = code }), // called by --help
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	}, p.Options...)
	parser, err := kong.New(commands, options...)
	if err != nil {
		panic(err) // a struct tag of the commands is wrong
	}
	parsed, err := parser.Parse(usual(args))
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(s.Err, "%s: %v (%s --help tells more)\n", p.Name, err, p.commandOf(err))
		return ExitUsage
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintf(s.Err, "%s: %v\n", p.Name, err)
		if errors.As(err, new(UsageError)) {
			return ExitUsage
		}
		return ExitFailed
	}
	return 0
}

// commandOf returns the command whose arguments a parser's error is about, as far as
// the parser has come.
func (p Program) commandOf(err error) string {
	name := p.Name
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		for _, step := range parse.Context.Path {
			if step.Command != nil {
				name += " " + step.Command.Name
			}
		}
	}
	return name
}

// usual returns the arguments in the form that the parser knows, for forms that people
// know from other programs: no arguments and help ask for the help, --version and -v
// for the version, and a number after a flag may be negative.
func usual(args []string) []string {
	if len(args) == 0 {
		return []string{"--help"}
	}
	switch args[0] {
	case "help":
		return append(slices.Clone(args[1:]), "--help")
	case "--version", "-v":
		if len(args) == 1 {
			return []string{"version"}
		}
	}
	var out []string
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		if i > 0 && negative.MatchString(arg) && longFlag.MatchString(args[i-1]) {
			out[len(out)-1] += "=" + arg
			continue
		}
		out = append(out, arg)
	}
	return out
}

var (
	negative = regexp.MustCompile(`\A-[0-9.]`)
	longFlag = regexp.MustCompile(`\A--[a-z-]+\z`)
)

// HelpCmd shows the help. It is never run, because its name is replaced by a flag
// before the arguments are parsed; it is here to be listed.
type HelpCmd struct {
	Command []string `arg:"" optional:"" help:"Command whose help to show, for example key new."`
}

// Run does nothing.
func (*HelpCmd) Run() error { return nil }
