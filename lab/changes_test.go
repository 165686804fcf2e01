package lab

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

const changingFile = `
replicas = 4
nodes = 20
blocks = 300
interval = "1m"
[relay]
loss = 0.01
retry = "1s"
[churn]
up = "3h"
down = "10m"
share = 0.5
[[splits]]
at = "10m"
for = "20m"
share = [0.2, 0.4]
times = 2
every = "1h"
[[splits]]
at = "3h"
for = "10m"
shares = [1.0, 2.0, 3.0]
[eclipse]
victim = 2
attacker = 3
at = "4h"
for = "10m"
`

// A file has all keys of networks that change, and its replicas the metrics.
func TestChangingFile(t *testing.T) {
	p, err := Parse([]byte(changingFile))
	if err != nil {
		t.Fatal(err)
	}
	x := p.Points[1].Experiment
	if len(p.Points) != 2 || x.Churn != (blocks.Churn{Up: 3 * time.Hour, Down: 10 * time.Minute, Share: 0.5}) || x.Relay.Retry != time.Second ||
		x.Eclipse != (blocks.Eclipse{Victim: 2, Attacker: 3, At: 4 * time.Hour, For: 10 * time.Minute}) ||
		x.Splits[0].Shares[0] != 0.4 || p.Points[0].Experiment.Splits[0].Shares[0] != 0.2 || len(x.Splits[1].Shares) != 3 || x.Splits[0].Times != 2 {
		t.Errorf("the points are %+v", p.Points)
	}
	results, err := Run(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range Metrics(x) {
		if v := results[0].Values[i]; strings.HasPrefix(m.Name, "split_") || m.Name == "catch_up_seconds" {
			if math.IsNaN(v) || v < 0 {
				t.Errorf("%s is %v", m.Name, v)
			}
		}
	}
	both := strings.Replace(changingFile, "share = [0.2, 0.4]", "share = 0.2\nshares = [1.0, 2.0]", 1)
	if _, err := Parse([]byte(both)); err == nil || !strings.Contains(err.Error(), "exclude each other") {
		t.Errorf("share and shares: error %v", err)
	}
}

// The theory of splits is known where it applies.
func TestSplitTheory(t *testing.T) {
	x, err := blocks.Experiment{Splits: []blocks.Split{{For: time.Hour, Shares: []float64{1, 3}}}}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for metric, want := range map[string]float64{
		"split_lost_blocks":        blocks.SplitLoss(0.25, 6) + blocks.SplitLoss(0.75, 6),
		"split_part_0_lost_blocks": blocks.SplitLoss(0.25, 6),
		"split_part_1_lost_blocks": blocks.SplitLoss(0.75, 6),
		"split_tie_rate":           blocks.SplitTie(0.25, 6) - math.Exp(-6),
	} {
		if got, _, ok := Theory(metric, x); !ok || got != want {
			t.Errorf("%s: %v, want %v", metric, got, want)
		}
	}
	x.Churn = blocks.Churn{Up: time.Hour, Down: time.Hour}
	if _, _, ok := Theory("split_tie_rate", x); ok {
		t.Error("the theory is said to hold with churn")
	}
}

// Where the theory of splits does not hold, or would take too long, there is none.
func TestNoSplitTheory(t *testing.T) {
	has := func(file string) bool {
		_, _, ok := Theory("split_lost_blocks", parse(t, file).Points[0].Experiment)
		return ok
	}
	const long = "blocks = 3000\n[[splits]]\nfor = "
	for file, want := range map[string]bool{
		long + "'2000m'\ntimes = 1":                                                       true,
		"interval = '10m'\n" + long + "'20000m'":                                          true,  // 2000 blocks
		"interval = '10m'\n" + long + "'20010m'":                                          false, // 2001 blocks
		"interval = '10s'\n" + long + "'600000h'":                                         false, // 10^8 blocks
		"blocks = 10\n[[splits]]\nat = '40m'\nfor = '1h'":                                 true,  // the run ends with the split
		"blocks = 10\n[[splits]]\nat = '41m'\nfor = '1h'":                                 false,
		"blocks = 30\n[[splits]]\nfor = '1h'\ntimes = 3\nevery = '2h'":                    true,
		"blocks = 30\n[[splits]]\nfor = '1h'\ntimes = 3\nevery = '2h1m'":                  false,
		"interval = '100s'\n" + long + "'1h'":                                             true, // a message takes 100 ms
		"interval = '99s'\n" + long + "'1h'":                                              false,
		long + "'1h'\n[latency]\nregions = 'world-2019'":                                  true,
		"interval = '1m'\n" + long + "'1h'\n[latency]\nregions = 'world-2019'":            false,
		long + "'1h'\n[latency]\njitter = '600ms'":                                        false,
		long + "'1h'\n[relay]\nvalidation = '600ms'":                                      false,
		long + "'1h'\n[relay]\nloss = 0.1":                                                false,
		long + "'1h'\n[relay]\nblock_bytes = 1e6":                                         false,
		long + "'1h'\n[hopping]\nshare = 0.5\n[[hopping.prices]]\nat = '1h'\nprice = 2.0": false,
		long + "'1h'\n[clocks]\nerror = '1m'":                                             false,
		long + "'1h'\n[[power.steps]]\nat = '1h'\nfactor = 2.0":                           false,
	} {
		if got := has(file); got != want {
			t.Errorf("a theory of\n%s\nis there: %v, want %v", file, got, want)
		}
	}
}
