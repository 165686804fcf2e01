package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/dump"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/cmd/internal/cli"
)

// dumpReader returns a reader of the files of an input, which hold a node's chain.
func dumpReader(in *input) *dump.Reader {
	return dump.NewReader(func() (io.Reader, error) {
		stream, err := in.next()
		return stream.Reader, err
	})
}

// verifyDump checks a node's chain and prints a summary.
func (c *verifyCmd) verifyDump(out io.Writer, in *input, start time.Time) error {
	params, name, err := c.dumpNetwork()
	if err != nil {
		return cli.UsageError{Err: err}
	}
	reader, checker := dumpReader(in), dump.NewChecker(params, name)
	for {
		text, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = checker.Add(text)
		}
		if errors.As(err, new(dump.NeedNetworkError)) {
			return cli.UsageError{Err: fmt.Errorf("%s: %w with --network: tutorial, lab or a file", in.name(reader.Stream()), err)}
		}
		if err != nil {
			return in.failed(reader.Stream(), err)
		}
		if s := checker.Summary(); c.Height != nil && s.First != int64(*c.Height) {
			return cli.UsageError{Err: fmt.Errorf("the chain begins at another height than was stated: at %d, not at %d", s.First, *c.Height)}
		}
	}
	summary := checker.Summary()
	if summary.Blocks == 0 {
		return fmt.Errorf("%s holds no blocks", in.name(0))
	}
	return printDump(out, reader, in.layers, summary, time.Since(start))
}

// dumpNetwork returns the parameters of the network that the user has named, or its
// name if the dump tells the rest.
func (c *verifyCmd) dumpNetwork() (params rules.Params, name string, err error) {
	switch c.Network {
	case "", dump.Tutorial:
		return rules.Params{}, c.Network, nil
	case "lab":
		return rules.Lab(), "", nil
	}
	if params, err = rules.Load(c.Network); err != nil {
		err = fmt.Errorf("--network: this is the chain of a node, so want tutorial, lab or a file: %w", err)
	}
	return params, "", err
}

// printDump writes the summary as a table.
func printDump(w io.Writer, reader *dump.Reader, layers []string, s dump.Summary, elapsed time.Duration) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, name+"\t"+format+"\n", args...)
	}
	row("blocks", "%d, heights %d to %d", s.Blocks, s.First, s.Height)
	row("form", "%s", strings.Join(append([]string{dump.Form}, layers...), ", in "))
	row("network", "%s", s.Network)
	work := "chainwork"
	if !s.FromGenesis {
		row("begins after", "%s, taken on trust", s.Parent)
		work = "work" // that of the blocks before is unknown
	}
	row("tip", "%s", s.Tip)
	row(work, "%s", s.Work)
	if s.BitsChecked {
		row("difficulty", "follows the rule")
	} else {
		row("difficulty", "not checked: the rule needs the chain from genesis on")
	}
	row("transactions", "%d, %d of them signed", s.Txs, s.Signed)
	if s.Repeated > 0 {
		row("repeated", "%d blocks, which are in several pages", s.Repeated)
	}
	if missing := reader.Length() - s.Height - 1; missing > 0 {
		row("missing", "%d blocks at the end: the node's chain had %d", missing, reader.Length())
	}
	row("rate", "%sblocks/s", si(float64(s.Blocks)/elapsed.Seconds()))
	return table.Flush()
}

const importLogEvery = 10 * time.Second

// importFiles adds the blocks of dumps to the chain of a node.
func importFiles(ctx context.Context, c *chain.Chain, names []string, std io.Reader, log *slog.Logger) error {
	in, err := newInput(names, std)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	defer in.close()
	start, err := in.begins()
	if err != nil {
		return fmt.Errorf("--import: %w", in.failed(0, err))
	}
	if !dump.Recognise(start) {
		return fmt.Errorf("--import: %s is no chain of a node: want what GET /chain answers", in.name(0))
	}
	reader := dumpReader(in)
	logged := time.Now()
	taken, err := dump.Import(ctx, c, reader, func(t dump.Taken) {
		if time.Since(logged) >= importLogEvery {
			logged = time.Now()
			log.Info("importing", "file", in.name(reader.Stream()), "height", t.Height, "new", t.New)
		}
	})
	if err != nil {
		kept := "nothing was kept"
		if taken.New+taken.Known > 0 {
			kept = fmt.Sprintf("the blocks before it, up to height %d, were kept: %d new ones and %d that the node had already", taken.Height, taken.New, taken.Known)
		}
		return fmt.Errorf("--import: %w; %s", in.failed(reader.Stream(), err), kept)
	}
	log.Info("imported", "files", len(names), "new", taken.New, "known", taken.Known, "height", taken.Height, "tip", c.Tip().Height)
	return nil
}
