package clitest

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lodepow/lode/cmd/internal/cli"
)

// WrongFlags are values that a command must refuse.
type WrongFlags struct {
	Command string              // its name, such as "key new"
	Args    []string            // what the command needs besides
	Values  map[string][]string // by the name of the flag, without hyphens
}

// CheckWrongFlags fails the test if a command takes one of the values, or if the message does
// not say which flag is wrong, what its value was, and what is wanted. It also fails if a flag
// that is a number, a time or one of a list of words has no wrong value among them, so that
// none is forgotten. The commands and options are those of the program.
func CheckWrongFlags(t *testing.T, run func(context.Context, []string, cli.Std) int, list []WrongFlags, commands any, options ...kong.Option) {
	t.Helper()
	UnsetSettings(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what starts after all ends at once
	tried := map[string]bool{}
	for _, c := range list {
		for flag, values := range c.Values {
			tried[c.Command+" --"+flag] = true
			for _, value := range values {
				args := slices.Concat(strings.Fields(c.Command), []string{"--" + flag + "=" + value}, c.Args)
				var out, errs strings.Builder
				code := run(ctx, args, cli.Std{In: strings.NewReader(""), Out: &out, Err: &errs})
				text := errs.String()
				if code != cli.ExitUsage || out.Len() > 0 {
					t.Errorf("%s: exit status %d, standard output %q: want %d and none\n%s", strings.Join(args, " "), code, out.String(), cli.ExitUsage, text)
				}
				wants := strings.Contains(text, "want ") || strings.Contains(text, "expected ") || strings.Contains(text, "must be one of ") || strings.Contains(text, "choose ") || strings.Contains(text, "write ")
				if !strings.Contains(text, "--"+flag) || !strings.Contains(text, value) || !wants {
					t.Errorf("%s: the message does not tell the flag, its value and what is wanted: %s", strings.Join(args, " "), text)
				}
			}
		}
	}
	parser, err := kong.New(commands, options...)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		for _, flag := range command.Flags {
			name := command.Path() + " --" + flag.Name
			if !tried[name] && !flag.Hidden && (flag.Enum != "" || isNumber(flag.Target.Type())) {
				t.Errorf("%s: no wrong value is tried", name)
			}
		}
	}
}

// isNumber reports whether a flag of the type is a number or a time, a list of them, or one
// that may be left out.
func isNumber(of reflect.Type) bool {
	switch of.Kind() {
	case reflect.Slice, reflect.Pointer:
		return isNumber(of.Elem())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	default:
		return of == reflect.TypeFor[time.Duration]()
	}
}
