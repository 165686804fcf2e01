package main

import (
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli/clitest"
)

// TestWrongFlags checks that the message about a flag that is out of its range names the flag,
// the value and the range, for every flag that has one.
func TestWrongFlags(t *testing.T) {
	const tooLarge = "99999999999999999999"
	count := []string{"junk", "0", "-1", "1.5", "9223372036854775807", tooLarge}
	number := []string{"junk", "-1", "NaN", "Inf", "1e400"}
	share := []string{"junk", "0", "-1", "0.6", "NaN", "Inf"}
	interval := []string{"junk", "1", "0s", "-1s", "9999999999h"}
	with := func(flags map[string][]string) map[string][]string {
		flags["seed"] = []string{"junk", "-1", "9223372036854775808", tooLarge}
		flags["replicas"] = []string{"junk", "0", "1", "-1", "10001", tooLarge}
		flags["half-width"] = number
		return flags
	}
	clitest.CheckWrongFlags(t, run, []clitest.WrongFlags{
		{Command: "bench", Values: map[string][]string{"time": {"junk", "1", "-1s"}, "seed": {"junk", "-1", tooLarge}}},
		{Command: "run", Args: []string{"missing.toml"}, Values: map[string][]string{"threads": {"junk", "-1", tooLarge}}},
		{Command: "validate", Values: map[string][]string{"threads": {"junk", "-1", tooLarge}, "only": {"junk"}}},
		{Command: "propagation", Values: with(map[string][]string{
			"nodes": count, "blocks": count, "interval": interval, "topology": {"junk"}, "degree": {"junk", "-1", "9223372036854775807"},
			"latency": {"junk", "1", "-1s", "999999h"}, "relay": {"junk"}, "hit-rate": {"junk", "-1", "1.5", "NaN", "Inf"},
			"block-bytes": number, "bandwidth": number, "validation": {"junk", "1", "-1s", "999999h"},
		})},
		{Command: "selfish", Values: with(map[string][]string{
			"alpha": share, "gamma": {"junk", "-1", "1.5", "NaN", "Inf"}, "strategy": {"junk"}, "blocks": count,
		})},
		{Command: "doublespend", Values: with(map[string][]string{
			"share": share, "confirmations": {"junk", "0", "-1", "1001"}, "give-up": {"junk", "0", "-1", "10001"}, "blocks": count,
		})},
		{Command: "partition", Values: with(map[string][]string{
			"share": share, "for": interval, "interval": interval, "nodes": count, "splits": {"junk", "0", "1", "-1", "101"},
		})},
		{Command: "difficulty", Values: with(map[string][]string{
			"rules": {"junk"}, "factors": {"junk", "0", "-1", "1e+07", "NaN", "Inf"}, "hop": {"junk", "-1", "0.995", "NaN", "Inf"},
			"elsewhere": {"junk", "0", "-1", "NaN", "Inf"}, "spacing": {"junk", "1", "0s", "-1s", "1.5s", "25h"}, "half-life": {"junk", "1", "-1s", "1.5s", "9999h"},
			"window": {"junk", "0", "-1", "100001"}, "lwma-window": {"junk", "0", "-1", "4294967295"}, "blocks": {"junk", "99", "1000001"},
		})},
	}, &commands{})
}
