package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/pow"
)

type grindCmd struct {
	engineFlags

	Header string `arg:"" name:"headerhex" help:"Header in hex: 160 digits; what follows them, as in a whole block, is ignored. The header's nonce is ignored, too: all nonces from 0 on are tried."`
}

func (*grindCmd) Help() string {
	return `Writes the solved header to standard output in hex. Argument, output, messages and
exit status are those of Bitcoin Core's 'bitcoin-util grind', so Bitcoin Core's signet
miner can use this command:

  contrib/signet/miner --cli=bitcoin-cli generate --grind-cmd='lode grind' ...

When no nonce solves the header, or it cannot be read, the exit status is 1, and the
first line on standard error is Bitcoin Core's; a second line says more. There are two
differences: of several nonces the smallest is printed, and all of them are tried, where
Bitcoin Core prints the first that a thread finds and leaves out the last few; and a
wrong command line has exit status 2, as with every command of lode.`
}

// Run searches all nonces and prints the header with the smallest one that solves
// it.
func (c *grindCmd) Run(ctx context.Context, s cli.Std) error {
	header, err := parseGrind(c.Header)
	if err != nil {
		return sayAsCore(s, "Could not decode block header", err)
	}
	target, err := header.Bits.Target()
	if err != nil {
		return sayAsCore(s, unsatisfied, fmt.Errorf("no hash can meet the header's target: %w", err))
	}
	engine, err := c.newEngine()
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	stopProgress := func() {}
	if cli.IsTerminal(s.Err) {
		stopProgress = showProgress(ctx, s.Err, engine, target)
	}
	result, err := engine.Search(ctx, pow.Job{Header: header})
	stopProgress()
	if errors.Is(err, pow.ErrExhausted) {
		return sayAsCore(s, unsatisfied, grindError(err, result, header))
	}
	if err != nil {
		return grindError(err, result, header)
	}
	if _, err := fmt.Fprintln(s.Out, result.Header); err != nil {
		return fmt.Errorf("write the solved header: %w", err)
	}
	return nil
}

// unsatisfied is Bitcoin Core's message for a header that no nonce solves.
const unsatisfied = "Could not satisfy difficulty target"

// sayAsCore writes the line that Bitcoin Core writes in the same case, for scripts that
// look for it. It returns the error, which says more.
func sayAsCore(s cli.Std, line string, err error) error {
	if _, errWrite := fmt.Fprintln(s.Err, line); errWrite != nil {
		return errors.Join(err, errWrite)
	}
	return err
}

// parseGrind reads the header that the digits begin with. Like Bitcoin Core it ignores
// further bytes.
func parseGrind(digits string) (pow.Header, error) {
	const size = 2 * pow.HeaderSize
	if len(digits) <= size {
		return pow.ParseHeader(digits)
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return pow.Header{}, fmt.Errorf("header: %w", err)
	}
	return pow.ParseHeader(digits[:size])
}

// grindError turns the error of a search without an answer into a sentence for the
// user, with how far the search got.
func grindError(err error, result pow.Result, header pow.Header) error {
	switch {
	case errors.Is(err, pow.ErrExhausted):
		return fmt.Errorf("none of the %s nonces meets the target of bits %s: change the header's time, version or merkle root and try again",
			count(result.Tries), header.Bits)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("stopped after %s hashes without an answer", count(result.Hashes))
	default:
		return err
	}
}

// showProgress overwrites one line on w four times a second with the rate and the
// odds of the search, until the caller calls stop. stop returns once the last line
// is written.
func showProgress(ctx context.Context, w io.Writer, engine *pow.Engine, target pow.Target) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	start, before := time.Now(), engine.Hashes()
	line := func() {
		hashes := engine.Hashes() - before
		rate := float64(hashes) / time.Since(start).Seconds()
		fmt.Fprintf(w, "\r%s on kernel %s, %s tries, odds of an answer by now %.1f %%\x1b[K",
			hashRate(rate), engine.Kernel().Name(), count(hashes), 100*target.Odds(hashes))
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				line()
			case <-ctx.Done():
				line() // the final figures
				fmt.Fprintln(w)
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
