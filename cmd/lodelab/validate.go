package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab/validate"
)

type validateCmd struct {
	Only    []string `placeholder:"LIST" help:"Names of the checks to run; by default all. --list prints them."`
	Full    bool     `help:"Run the full form: a million blocks for a row, which takes many minutes."`
	Threads int      `placeholder:"N" help:"Number of threads; by default one for each core. The rows do not depend on it."`
	Write   string   `placeholder:"FILE" help:"Also write the comparison to this file, in Markdown."`
	List    bool     `help:"Only print the names of the checks."`
}

func (*validateCmd) Help() string {
	return `Compares the laboratory with published results: closed forms, tables of papers, and
measurements. Each row has our figure with its 95 % interval, theirs, and a verdict by a
criterion that does not depend on the run: "agrees", "explained" if it differs for a
reason that is known and stated in docs/validation.md, or "differs". If any row differs,
the exit status is 1.

The quick form takes about a minute or two on two cores. The same form always gives the
same rows.`
}

// Run runs the checks, prints the table, and writes the document.
func (c *validateCmd) Run(ctx context.Context, s cli.Std) error {
	checks, err := c.checks()
	if err == nil && c.Threads < 0 {
		err = fmt.Errorf("--threads %d: want 1 or more", c.Threads)
	}
	if err != nil {
		return cli.UsageError{Err: err}
	}
	if c.List {
		for _, check := range checks {
			fmt.Fprintf(s.Out, "%-18s  %s\n", check.Name, check.Title)
		}
		return nil
	}
	form := validate.Quick
	if c.Full {
		form = validate.Full
	}
	var groups []validate.Group
	for i, check := range checks {
		fmt.Fprintf(s.Err, "%d of %d: %s\n", i+1, len(checks), check.Title)
		g, err := validate.Run(ctx, []validate.Check{check}, validate.Options{Form: form, Threads: c.Threads})
		if err != nil {
			return err
		}
		groups = append(groups, g...)
	}
	if err := validate.WriteText(s.Out, groups); err != nil {
		return err
	}
	if c.Write != "" {
		if err := writeDocument(c.Write, groups, form); err != nil {
			return err
		}
	}
	if n := validate.Failed(groups); n > 0 {
		return fmt.Errorf("%d rows differ from what is published", n)
	}
	return nil
}

// checks returns the checks that --only names.
func (c *validateCmd) checks() ([]validate.Check, error) {
	all := validate.Checks()
	var names []string
	for _, check := range all {
		names = append(names, check.Name)
	}
	for _, name := range c.Only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("--only %s: want one of %s", name, strings.Join(names, ", "))
		}
	}
	if len(c.Only) == 0 {
		return all, nil
	}
	return slices.DeleteFunc(all, func(check validate.Check) bool { return !slices.Contains(c.Only, check.Name) }), nil
}

func writeDocument(name string, groups []validate.Group, form validate.Form) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(validate.WriteDocument(f, groups, form), f.Close())
}
