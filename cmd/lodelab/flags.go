package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// within returns an error if the value of a flag is not in its range. That of NaN never is.
func within[T cmp.Ordered](flag string, value, least, most T) error {
	if value >= least && value <= most {
		return nil
	}
	return fmt.Errorf("%s %v: want %v to %v", flag, value, least, most)
}

// notNegative returns an error if a flag is below 0 or no number. It may be 0 where that is
// the default, or means something.
func notNegative(flag string, value float64, want string) error {
	if value >= 0 && !math.IsInf(value, 1) {
		return nil
	}
	return fmt.Errorf("%s %v: want %s", flag, value, want)
}

// longer returns an error if a time is not longer than 0.
func longer(flag string, value time.Duration) error {
	if value > 0 {
		return nil
	}
	return fmt.Errorf("%s %v: want more than 0", flag, value)
}

// checkNodes and checkBlocks are about flags that several commands have.
func checkNodes(n int) error  { return within("--nodes", n, 1, blocks.MaxNodes) }
func checkBlocks(n int) error { return within("--blocks", n, 1, blocks.MaxBlocks) }

// flagOf returns the flag from whose value a command makes a setting of the experiment, or "".
func flagOf(key string) string {
	return map[string]string{
		"topology.degree":              "--degree",
		"latency.mean":                 "--latency",
		"relay.block_bytes":            "--block-bytes",
		"relay.bandwidth":              "--bandwidth",
		"relay.validation":             "--validation",
		"difficulty.rule":              "--rules",
		"difficulty.half_life":         "--half-life",
		"difficulty.window":            "--window",
		"difficulty.lwma_window":       "--lwma-window",
		"of":                           "--of",
		"power.alpha":                  "--share",
		"strategists[0].confirmations": "--confirmations",
		"strategists[0].give_up":       "--give-up",
	}[key]
}

// wrongFlag returns the error of an experiment as that of the command line it was made from:
// where the error is about a setting, with the flag in place of the key.
func wrongFlag(err error) error {
	if wrong := (*lab.FileError)(nil); errors.As(err, &wrong) && flagOf(wrong.Key) != "" {
		err = fmt.Errorf("%s: %w", flagOf(wrong.Key), wrong.Err)
	}
	return cli.UsageError{Err: err}
}
