package blocks

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// stagesExperiment has two miners whose hash rates change: at first 0.3 and 0.7, then 0.6
// and 0.4, then the second one leaves, and in the end the network is twice as fast.
func stagesExperiment(engine Engine) Experiment {
	const length = 20_000 * 10 * time.Second // of a stage
	return Experiment{
		Nodes: 2, Blocks: 70_000, Interval: 10 * time.Second, Engine: engine,
		Topology: Topology{Shape: Clique}, Latency: Latency{Mean: time.Microsecond},
		Power: Power{Shares: []float64{0.3, 0.7}, Steps: []PowerStep{
			{At: length, Shares: []float64{0.6, 0.4}},
			{At: 2 * length, Shares: []float64{0.6, 0}},
			{At: 3 * length, Factor: 2},
		}},
	}
}

// Each miner finds blocks in proportion to its hash rate of the moment, as a Poisson process
// does, and none while it has none.
func TestStages(t *testing.T) {
	const length = 200_000 // seconds
	rates := [4][2]float64{{0.3, 0.7}, {0.6, 0.4}, {0.6, 0}, {1.2, 0}}
	var hashes []string
	for _, engine := range []Engine{Events, Paths} {
		var found [4][2]float64
		var expected [4]time.Duration
		var last time.Duration
		r := run(t, stagesExperiment(engine), 1, Options{Observe: func(b Block) {
			i := min(int(b.Found.Seconds()/length), 3)
			found[i][b.Miner]++
			expected[i], last = b.Expected, b.Found
		}})
		hashes = append(hashes, fmt.Sprintf("%x", r.Hash))
		for i, rate := range rates {
			seconds := float64(length)
			if i == 3 {
				seconds = last.Seconds() - 3*length
			}
			for miner := range rate {
				want := rate[miner] * seconds / 10
				if math.Abs(found[i][miner]-want) > 3.5*math.Sqrt(want) {
					t.Errorf("%s, stage %d, miner %d: %.0f blocks, want %.0f ± %.0f", engine, i, miner, found[i][miner], want, math.Sqrt(want))
				}
			}
			if want := 10 / (rate[0] + rate[1]); math.Abs(expected[i].Seconds()-want) > 1e-6 {
				t.Errorf("%s, stage %d: a block takes %s on average, want %.4f s", engine, i, expected[i], want)
			}
		}
	}
	if hashes[0] != hashes[1] {
		t.Errorf("hashes %s", hashes)
	}
}

// Shares of a step that are those of the start change nothing, in whatever unit, and are the
// same as a factor if all of them change alike.
func TestStagesAsFactor(t *testing.T) {
	with := func(steps ...PowerStep) string {
		x := Experiment{Nodes: 3, Blocks: 300, Power: Power{Shares: []float64{4, 8, 4}, Steps: steps}}
		return fmt.Sprintf("%x", run(t, x, 1, Options{}).Hash)
	}
	at := 10 * time.Hour
	if with() != with(PowerStep{At: at, Shares: []float64{4, 8, 4}}) {
		t.Error("the same shares change the run")
	}
	if with(PowerStep{At: at, Factor: 0.5}) != with(PowerStep{At: at, Shares: []float64{2, 4, 2}}) {
		t.Error("half of all shares is not half of the hash rate")
	}
	if with(PowerStep{At: at, Factor: 6}) != with(PowerStep{At: at, Shares: []float64{8, 16, 8}, Factor: 3}) {
		t.Error("the factor and the shares are not multiplied")
	}
	equal := func(steps ...PowerStep) string {
		return fmt.Sprintf("%x", run(t, Experiment{Nodes: 3, Blocks: 300, Power: Power{Steps: steps}}, 1, Options{}).Hash)
	}
	if equal(PowerStep{At: at, Factor: 2}) != equal(PowerStep{At: at, Shares: []float64{2, 2, 2}}) {
		t.Error("miners without shares have one each")
	}
}

func TestStagesErrors(t *testing.T) {
	for want, step := range map[string]PowerStep{
		"step 0 has 1 shares for 2 miners: want one for each":                                {At: 1, Shares: []float64{1}},
		"step 0: share 1 is -1: want a number that is not negative":                          {At: 1, Shares: []float64{1, -1}},
		"step 0: the shares have the sum 0, and those at the start 1: want from 1e-06 to 1e": {At: 1, Shares: []float64{0, 0}},
		"step 0, of the factor 0 at 1ns: want a factor from":                                 {At: 1},
		"step 0, of the factor -1 at 1ns: want a factor from":                                {At: 1, Factor: -1, Shares: []float64{1, 1}},
	} {
		_, err := Experiment{Nodes: 2, Power: Power{Shares: []float64{0.25, 0.75}, Steps: []PowerStep{step}}}.WithDefaults()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// Gaps without blocks are joined like all else, also if the course has few bins before them.
func TestCourseWithGaps(t *testing.T) {
	for _, before := range []int{0, 1, 2, 200, courseBins} {
		for _, gap := range []int{300, 100_000} {
			c := Course{Step: time.Second, interval: time.Second}
			for i := range before {
				c.add(time.Duration(i)*time.Second, time.Second, time.Second)
			}
			c.add(time.Duration(gap)*time.Second, time.Second, time.Second)
			blocks, last := int64(0), 0
			for i, b := range c.Bins {
				blocks += b.Blocks
				if b.Blocks > 0 {
					last = i
				}
			}
			if want := int(time.Duration(gap) * time.Second / c.Step); len(c.Bins) > courseBins || last != want || len(c.Bins) != want+1 || blocks != int64(before)+1 {
				t.Errorf("%d blocks and a gap of %d s: %d blocks in %d bins of %s, the last one in bin %d", before, gap, blocks, len(c.Bins), c.Step, last)
			}
		}
	}
	const second = time.Second
	run(t, Experiment{Nodes: 2, Blocks: 20, Interval: second, Power: Power{Steps: []PowerStep{{At: second, Factor: 0.001}}}, Topology: Topology{Degree: 1}}, 1, Options{})
}

// A quantile that is beyond the classes of the times is not known.
func TestLongTimes(t *testing.T) {
	for took, want := range map[time.Duration]bool{3000 * time.Second: true, 3839 * time.Second: true, 3840 * time.Second: false, 10_000 * time.Second: false} {
		c := Course{Step: time.Hour, interval: time.Second}
		c.add(0, took, time.Second)
		s := c.Spans(64, time.Hour)[0]
		if near := math.Abs(s.Median/took.Seconds()-1) < 0.13; near != want || math.IsNaN(s.Median) == want || math.IsNaN(s.Quantile95) == want {
			t.Errorf("a block that took %s: the median is %v, and 95 %% took %v", took, s.Median, s.Quantile95)
		}
	}
}

// A split divides the hash rate of the moment at which it begins.
func TestSplitsByStage(t *testing.T) {
	hour := time.Hour
	x := Experiment{
		Nodes: 4, Power: Power{Shares: []float64{3, 1, 1, 1}, Steps: []PowerStep{{At: 2 * hour, Shares: []float64{1, 3, 1, 1}}, {At: 5 * hour, Factor: 2}}},
		Splits: []Split{{At: hour, For: hour / 2}, {At: 2 * hour, For: hour}, {At: 6 * hour, For: hour}},
	}
	for i, o := range x.outages(1, newWheel(x.Power.Shares)) {
		great := min(i, 1) // the miner with half of the hash rate, which is alone in its part
		for v, p := range o.part {
			if v != great && p == o.part[great] {
				t.Errorf("split %d: the parts are %v, and half of the hash rate is that of node %d", i, o.part, great)
			}
		}
	}
}
