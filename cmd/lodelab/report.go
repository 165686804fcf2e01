package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/bench/report"
	"github.com/lodepow/lode/bench/report/page"
	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	labreport "github.com/lodepow/lode/lab/report"
)

type reportCmd struct {
	Files []string `arg:"" name:"file" help:"Results of lodelab bench, lode bench or go test -bench, - for standard input; or one folder of lodelab run. A name may be given a label: before=old.txt. With several files the later ones are compared with the first. The single searches of NAME.txt are read from NAME.csv or NAME.csv.gz beside it, if there is one."`
	Out   string   `placeholder:"DIR" help:"Folder to write to: report.html, which is complete by itself, and its charts as SVG and PNG. By default lode-report, or the folder of lodelab run itself."`
}

func (*reportCmd) Help() string {
	return `Prints a report of the results and writes it as an HTML page with charts: the rate of
each kernel with the upper bound that the core's execution units set, the time to a
block compared with theory, scaling over workers, and tries compared with the
geometric distribution. With several files it compares the later ones with the
first. Where a conclusion needs more samples than there are, the report says so and
draws none.

Of a folder of lodelab run it writes a page with curves and their intervals, theory beside
them, all figures, the block tree around the longest fork, and a map of one block's way
through the network. For the pictures it runs one of the replicas again.`
}

// Run reads the results and writes the report to standard output and into a
// folder.
func (c *reportCmd) Run(ctx context.Context, s cli.Std) error {
	if len(c.Files) == 1 && isFolder(c.Files[0]) {
		return c.runLab(ctx, s)
	}
	if c.Out == "" {
		c.Out = "lode-report"
	}
	var files []*report.File
	for _, name := range c.Files {
		f, err := readResults(name, s.In)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	r, err := report.New(files)
	if err != nil {
		return err
	}
	if err := page.WriteDir(c.Out, r); err != nil {
		return err
	}
	if err := r.WriteText(s.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "The page is %s.\n", filepath.Join(c.Out, "report.html"))
	return err
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// runLab writes the report of a folder of lodelab run.
func (c *reportCmd) runLab(ctx context.Context, s cli.Std) error {
	if c.Out == "" {
		c.Out = c.Files[0]
	}
	plan, summary, replicas, err := lab.Open(c.Files[0])
	if err != nil {
		return err
	}
	if err := labreport.Make(ctx, c.Out, plan, summary, replicas); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "The page is %s.\n", filepath.Join(c.Out, "report.html"))
	return err
}

// readResults reads one argument of the command: a file name or "-" for standard
// input, optionally with a label before it.
func readResults(name string, in io.Reader) (*report.File, error) {
	label, path, labelled := strings.Cut(name, "=")
	if !labelled {
		label, path = filepath.Base(name), name
	}
	if path == "-" {
		if !labelled {
			label = "standard input"
		}
		return report.Read(label, in)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	results, err := report.Read(label, f)
	if err != nil {
		return nil, err
	}
	return results, addSearches(results, path)
}

// addSearches reads the single searches of a file of results, if there is a file with
// the same name that ends in .csv or .csv.gz.
func addSearches(to *report.File, path string) error {
	base := strings.TrimSuffix(path, filepath.Ext(path))
	for _, name := range []string{base + ".csv", base + ".csv.gz"} {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) || name == path {
			continue
		}
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // opened for reading only
		searches, err := raw.Read(f)
		if err == nil {
			err = to.AddSearches(searches)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	return nil
}
