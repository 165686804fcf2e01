package main

import (
	"path/filepath"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/lodepow/lode/cmd/internal/cli/clitest"
)

// TestWrongFlags checks that the message about a flag that is out of its range names the flag,
// the value and the range, for every flag that has one.
func TestWrongFlags(t *testing.T) {
	const tooLarge = "99999999999999999999"
	const header = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000"
	workers := []string{"junk", "0", "-1", "1.5", "4097", tooLarge}
	count := []string{"junk", "0", "-1", "1.5", tooLarge}
	rate := []string{"junk", "0", "-1", "NaN", "Inf", "1e400"}
	difficulty := []string{"junk", "0", "-1", "NaN", "Inf", "1e400"}
	kernel := []string{"gpu"}
	clitest.CheckWrongFlags(t, run, []clitest.WrongFlags{
		{Command: "node", Args: []string{"--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data")}, Values: map[string][]string{
			"difficulty": {"junk", "-1", "64", "99", tooLarge}, "mine": {"junk"}, "network": {"moon"},
			"allow-peer": {"junk", "10.0.0.1", "10.0.0.0/99"}, "allow-origin": {"junk"}, "peer": {"junk", "8001"},
			"outbound": {"junk", "-1", tooLarge}, "inbound": {"junk", "-1", tooLarge}, "addresses": count,
			"ban-time": {"junk", "1", "0s", "-1s", "9999999999h"}, "workers": workers, "kernel": kernel,
			"stratum-sessions": count, "pool-txs": count, "pool-bytes": {"junk", "-1", "65535", tooLarge},
			"connections": count, "connections-each": count, "inbound-each": count, "peer-requests": count, "peer-bodies": count,
			"peer-rate": rate, "peer-hellos": rate,
		}},
		{Command: "mine", Args: []string{"stratum+tcp://127.0.0.1:1", "--user", "w"}, Values: map[string][]string{
			"suggest": difficulty, "workers": workers, "kernel": kernel, "metrics": {"junk", "127.0.0.1:99999"},
		}},
		{Command: "grind", Args: []string{header}, Values: map[string][]string{"workers": workers, "kernel": kernel}},
		{Command: "stratum-check", Args: []string{"127.0.0.1:1"}, Values: map[string][]string{
			"workers": workers, "kernel": kernel, "difficulty": difficulty, "wait": {"junk", "1", "0s", "-1s"},
		}},
		{Command: "stratum-check", Values: map[string][]string{"listen": {"junk", "3333"}}},
		{Command: "verify", Values: map[string][]string{"height": {"junk", "-1", "4294967296"}, "network": {"moon"}}},
		{Command: "kernels", Values: map[string][]string{"kernel": kernel}},
		{Command: "bench", Values: map[string][]string{"time": {"junk", "1", "-1s"}, "seed": {"junk", "-1", tooLarge}, "kernel": kernel, "workers": {"junk", "0"}, "zeros": {"junk"}}},
		{Command: "health", Values: map[string][]string{"timeout": {"junk", "1", "0s", "-1s"}, "node": {"junk", "8000"}}},
		{Command: "post", Args: []string{"--author", "a", "x"}, Values: map[string][]string{"node": {"junk", "8000", "ftp://a:1"}}},
	}, &commands{}, workersMapper(), kernelMapper(), kong.ExplicitGroups(flagGroups()))
}
