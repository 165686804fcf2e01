package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lodepow/lode/pow"
)

type grindCmd struct {
	engineFlags

	Header string `arg:"" name:"headerhex" help:"Header in hex: 160 digits. Its nonce is ignored; all nonces from 0 on are tried."`
}

func (*grindCmd) Help() string {
	return `The solved header is written to standard output in hex. The contract is that of
Bitcoin Core's 'bitcoin-util grind', so Bitcoin Core's signet miner can use it:

  contrib/signet/miner --cli=bitcoin-cli generate --grind-cmd='lode grind' ...

When no nonce solves the header, the exit status is 1 and standard error says so.`
}

// Run searches the whole nonce space for the smallest nonce.
func (c *grindCmd) Run(ctx context.Context, s std) error {
	header, err := pow.ParseHeader(c.Header)
	if err != nil {
		return usageError{err}
	}
	target, err := header.Bits.Target()
	if err != nil {
		return fmt.Errorf("no hash can meet the header's target: %w", err)
	}
	engine, err := c.engine()
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	stopProgress := func() {}
	if isTerminal(s.err) {
		stopProgress = showProgress(ctx, s.err, engine, target)
	}
	result, err := engine.Search(ctx, pow.Job{Header: header})
	stopProgress()
	if err != nil {
		return grindError(err, result, header)
	}
	if _, err := fmt.Fprintln(s.out, result.Header); err != nil {
		return fmt.Errorf("write the solved header: %w", err)
	}
	return nil
}

// grindError says what a search without an answer means to who asked for it.
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

// showProgress writes a line about the search four times a second, over the one
// before, until the returned function is called.
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
				line() // how it ended
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
