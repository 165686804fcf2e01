package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lodepow/lode/chain/dump"
	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/headers"
	"github.com/lodepow/lode/pow/reject"
)

type verifyCmd struct {
	Files    []string `arg:"" optional:"" name:"file" help:"Files of headers, or of a node's chain, which are read one after another. Without any, or for -, standard input is read."`
	Retarget bool     `help:"Also check Bitcoin's difficulty rule. That of a node's chain is always checked."`
	Network  string   `placeholder:"NAME" help:"Network of the headers: main, testnet3, testnet4, signet, regtest or simnet; of a node's chain: tutorial, lab or a file with the parameters. By default it is recognised by its genesis, if the stream begins there."`
	Height   *uint32  `placeholder:"N" help:"Height of the first header, if the stream does not begin at a genesis."`
}

func (*verifyCmd) Help() string {
	return `Checks that every header follows its parent in the stream, that its hash proves the
work, and that its time is later than the median of the eleven before it. Prints a
summary; the stream may contain branches, which are counted separately.

The chain of a node (what GET /chain answers, whole or as pages in the order of their
heights, or blocks from GET /blocks/ID) is checked wholly: also difficulty, heights,
merkle roots, transactions and signatures. At the first block with a fault the command
says its height, which field was changed, or which transaction, and the reason.

The form of the headers is recognised: raw bytes (80 each); hex (160 digits each), also
within JSON, CSV, quotes or other text, and at the beginning of whole blocks; JSON
objects and tables with the fields of headers, as bitcoin-cli and block explorers print
them; Bitcoin Core's block files (blk*.dat, with the key in xor.dat beside them, if
there is one); what Neutrino and Electrum write. Each may be compressed with gzip,
bzip2, xz or zstd, and text may be UTF-16. docs/formats.md lists them.

At the first invalid header the command stops with exit status 1, and standard
error names the header and the reason: high-hash, bad-diffbits, time-too-old,
time-timewarp-attack, duplicate, prev-blk-not-found (the parent is not among the 4,096
headers before), wrong-genesis, truncated, malformed, too-many-forks (more than 1,000
branches), unknown-form (it is something else than headers, or of a form that cannot
be read).`
}

// Run checks the stream and prints a summary.
func (c *verifyCmd) Run(s cli.Std) error {
	in, err := newInput(c.Files, s.In)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	defer in.close()
	start := time.Now()
	beginning, err := in.begins()
	if err == nil && dump.Recognise(beginning) {
		return c.verifyDump(s.Out, in, start)
	}
	if err == nil && c.Network != "" && headers.NetworkNamed(c.Network) == nil {
		return cli.UsageError{Err: fmt.Errorf("--network: no network is called %q: choose %s", c.Network, headers.NetworkNames())}
	}
	if err != nil {
		return in.failed(0, err)
	}
	reader := headers.NewMultiReader(in.next)
	summary, file, err := c.verify(reader)
	elapsed := time.Since(start)
	if err != nil {
		return in.failed(file, err)
	}
	if summary.Headers == 0 {
		return fmt.Errorf("%s holds no headers", in.name(0))
	}
	return c.print(s.Out, reader, in.layers, summary, elapsed)
}

// verify reads and checks headers until the end of the stream or the first invalid
// one. With an error, it returns the index of the file to which that belongs.
func (c *verifyCmd) verify(reader *headers.Reader) (s headers.Summary, file int, err error) {
	var verifier *headers.Verifier
	var batch headers.Batch
	for n := uint64(0); ; {
		end := batch.Read(reader)
		if all := batch.Headers(); len(all) > 0 {
			if verifier == nil {
				verifier = c.verifier(reader)
			}
			kept, err := verifier.AddAll(all)
			n += uint64(kept)
			if err != nil {
				where, file := batch.Where(kept)
				return s, file, refused(n, where, all[kept], err)
			}
		}
		switch {
		case end == nil:
		case errors.Is(end, io.EOF) && verifier == nil:
			return s, 0, nil
		case errors.Is(end, io.EOF):
			return verifier.Summary(), 0, nil
		default:
			return s, reader.Stream(), unreadable(n, reader.Where(), end)
		}
	}
}

// refused explains why header n, counted from 0, was not kept.
func refused(n uint64, where string, h pow.Header, err error) error {
	switch {
	case errors.Is(err, headers.ErrNeedHeight):
		return cli.UsageError{Err: fmt.Errorf("%w with --height", err)}
	case errors.Is(err, headers.ErrNeedNetwork):
		return cli.UsageError{Err: fmt.Errorf("%w with --network", err)}
	case errors.Is(err, headers.ErrOtherHeight):
		return cli.UsageError{Err: err}
	}
	return atHeader(n, where, fmt.Errorf("%s: %w", h.Hash(), err))
}

// unreadable explains why header n, counted from 0, could not be read.
func unreadable(n uint64, where string, err error) error {
	var refusal reject.Error
	if errors.As(err, &refusal) && refusal.Reason != headers.UnknownForm {
		return atHeader(n, where, err)
	}
	return err
}

// verifier creates the verifier from the flags. What the flags leave open, it takes
// from the metadata of the stream, if the format has any.
func (c *verifyCmd) verifier(reader *headers.Reader) *headers.Verifier {
	config := headers.Config{Network: headers.NetworkNamed(c.Network), Height: c.Height, Retarget: c.Retarget}
	network, height, ok := reader.Metadata()
	if config.Network == nil {
		config.Network = network
	}
	if config.Height == nil && ok {
		config.Height = &height
	}
	return headers.NewVerifier(config)
}

// atHeader adds the number of the header, counted from 1, and its place in the
// stream to an error.
func atHeader(n uint64, where string, err error) error {
	return fmt.Errorf("header %d (%s): %w", n+1, where, err)
}

// print writes the summary as a table.
func (c *verifyCmd) print(w io.Writer, reader *headers.Reader, layers []string, s headers.Summary, elapsed time.Duration) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, name+"\t"+format+"\n", args...)
	}

	row("headers", "%d", s.Headers)
	row("form", "%s", strings.Join(append([]string{reader.Form()}, layers...), ", in "))
	network := "not recognised"
	if s.Start.Network != nil {
		network = s.Start.Network.Name
	}
	row("network", "%s", network)
	if !s.Start.FromGenesis {
		row("begins after", "%s, taken on trust", s.Start.Parent)
	}
	row("tip", "%s", s.Best.Tip)
	if s.Start.HeightKnown {
		row("height", "%d", s.Best.Height)
	}
	work := "chainwork"
	if !s.Start.FromGenesis {
		work = "work" // the work of the headers before the stream is unknown
	}
	row(work, "%s", s.Best.Work)
	switch {
	case !c.Retarget:
		row("difficulty", "not checked (--retarget)")
	case s.Skipped == 0:
		row("difficulty", "follows the rule, %d retargets", s.Retargets)
	default: // the stream does not contain the start of the first period
		row("difficulty", "follows the rule, %d retargets; %d could not be checked", s.Retargets, s.Skipped)
	}
	row("side branches", "%d", len(s.Side))
	const most = 10
	for _, b := range s.Side[:min(most, len(s.Side))] {
		row("", "%d to %s, off %s", b.Headers, b.Tip, b.Fork)
	}
	if more := len(s.Side) - most; more > 0 {
		row("", "and %d more", more)
	}
	if n := reader.Strays(); n > 0 {
		row("left out", "%d, whose parents are in another file", n)
	}
	row("rate", "%sheaders/s", si(float64(s.Headers)/elapsed.Seconds()))
	return table.Flush()
}
