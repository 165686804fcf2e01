package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// The hash of a run until a half-width depends on the results of all replicas and on the
// decisions when to stop. It is the same on every machine: this one was computed on amd64,
// and the test runs on other architectures in an emulator; see .ci/run.
func TestHashes(t *testing.T) {
	p := parse(t, untilNarrow)
	if got, want := Summarize(p, run(t, p, Options{}), "").Hash[:16], "6b3f6d8e51f9c9ed"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

// Both files of a run have the same bytes on every machine, theory included; see above.
// The file has a theory of each kind.
func TestHashesOfFiles(t *testing.T) {
	h := sha256.New()
	for _, file := range []string{
		"nodes = 7\n[topology]\nshape = 'clique'\n[power]\nshares = [3, 2.5, 1.7, 1.1, 1, 0.7, 0.3]",
		"nodes = 5\n[topology]\nshape = 'clique'",
		quick + "strategy = ['sm1', 'optimal']",
		quick + "strategy = 'double-spender'\nconfirmations = [1, 3, 6]\ngive_up = 10",
		"nodes = 12\ntopology.degree = 3\n[[splits]]\nfor = '1h'\nshare = [0.1, 0.3, 0.4]",
	} {
		p := parse(t, "replicas = 3\nblocks = 200\n"+file)
		replicas := run(t, p, Options{})
		summary, err := Summarize(p, replicas, "").JSON()
		if err != nil || !strings.Contains(string(summary), `"theory"`) {
			t.Errorf("error %v, and the summary of\n%s\nis\n%s", err, file, summary)
		}
		h.Write(summary)
		h.Write([]byte(csvOf(t, p, replicas)))
	}
	if got, want := hex.EncodeToString(h.Sum(nil)[:8]), "ccc613e9238ed10d"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

const quick = "nodes = 10\n[topology]\nshape = 'clique'\n[latency]\nmean = '1us'\n[tie]\nrule = 'share'\ngamma = [0.0, 0.3, 1.0]\n[power]\nalpha = [0.1, 0.29, 0.37]\n[[strategists]]\n"

// A point without replicas has no theory, which may take long to compute: an interrupted
// run ends at once.
func TestNoTheoryWithoutReplicas(t *testing.T) {
	p := parse(t, "replicas = 2\nblocks = 50\n"+quick+"strategy = 'optimal'")
	first := run(t, p, Options{Shard: Shard{1, 9}})
	s := Summarize(p, first[:1], "")
	for i, point := range s.Points {
		if has := point.Metrics["miner_0_revenue"].Theory != nil; has != (point.Replicas > 0) {
			t.Errorf("point %d has %d replicas, and a theory: %v", i, point.Replicas, has)
		}
	}
}

// The published quantiles of Student's t, and an interval computed by hand.
func TestEstimate(t *testing.T) {
	for freedom, want := range map[int]float64{1: 12.706, 2: 4.303, 7: 2.365, 30: 2.042, 120: 1.980} {
		if got := studentQuantile(freedom); math.Abs(got-want) > 0.0005 {
			t.Errorf("t with %d degrees of freedom is %v, want %v", freedom, got, want)
		}
	}
	e := NewEstimate([]float64{1, math.NaN(), 2, 3})
	if e.N != 3 || e.Mean != 2 || math.Abs(e.Half-4.303/math.Sqrt(3)) > 0.001 {
		t.Errorf("the estimate is %+v", e)
	}
	if e := NewEstimate([]float64{1, math.NaN()}); e.N != 1 || !math.IsNaN(e.Mean) || !math.IsNaN(e.Half) {
		t.Errorf("the estimate of one value is %+v", e)
	}
}

// Theory is there where it applies, and only there.
func TestTheory(t *testing.T) {
	const clique = "nodes = 10\ninterval = '10s'\n[topology]\nshape = 'clique'\n[latency]\nmean = '1s'\n"
	const selfish = "nodes = 10\n[topology]\nshape = 'clique'\n[latency]\nmean = '1us'\n[tie]\nrule = 'share'\ngamma = 0.5\n[power]\nalpha = 0.25\n[[strategists]]\n"
	for _, tt := range []struct {
		file, metric string
		want         float64 // NaN: none
	}{
		{clique, "stale_rate", 0.09 / 1.09},
		{clique + "[relay]\nvalidation = '1s'", "stale_rate", 0.18 / 1.18},
		{clique + "[relay]\nloss = 0.1", "stale_rate", math.NaN()},
		{clique + "[hopping]\nshare = 0.5\n[[hopping.prices]]\nat = '1h'\nprice = 2.0", "stale_rate", math.NaN()},
		{clique + "[clocks]\nerror = '1m'", "stale_rate", math.NaN()},
		{clique + "[[clocks.liars]]\noffset = '1m'", "stale_rate", math.NaN()},
		{clique, "fork_rate", math.NaN()},
		{"", "stale_rate", math.NaN()},
		{selfish + "strategy = 'sm1'", "miner_0_revenue", 0.25}, // the threshold for gamma = 1/2
		{selfish + "strategy = 'sm1'", "miner_1_revenue", math.NaN()},
		{selfish + "strategy = 'lead-stubborn'", "miner_0_revenue", math.NaN()},
		{selfish + "strategy = 'optimal'", "miner_0_revenue", 0.25}, // table 1 of the paper has 0.25 up to this share
		{selfish + "strategy = 'optimal'", "miner_1_revenue", math.NaN()},
		{selfish + "strategy = 'double-spender'\nconfirmations = 1\ngive_up = 50", "miner_0_double_spend_rate", 0.5}, // Rosenfeld: 1 - p² + q² at p = 3/4
		{selfish + "strategy = 'withholder'", "miner_0_revenue", math.NaN()},
	} {
		got, source, ok := Theory(tt.metric, parse(t, tt.file).Points[0].Experiment)
		if ok == math.IsNaN(tt.want) || ok && (math.Abs(got-tt.want) > 1e-9 || source == "") {
			t.Errorf("%s of\n%s\nis %v by %q, want %v", tt.metric, tt.file, got, source, tt.want)
		}
	}
}

// A summary survives its JSON form, and its hash depends on every replica.
func TestSummary(t *testing.T) {
	p := parse(t, small)
	replicas := run(t, p, Options{})
	s := Summarize(p, replicas, "v1")
	dir := t.TempDir()
	whole(t, dir, p, Shard{})
	read, err := readSummary(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err1 := s.JSON()
	b, err2 := read.JSON()
	if err := errors.Join(err1, err2); err != nil || string(a) != string(b) {
		t.Errorf("error %v\n%s\n%s", err, a, b)
	}
	if n := s.Points[3].Replicas; n != 3 || !s.Complete || s.Points[3].Settings["power.miners"] != "12" || !reflect.DeepEqual(s.Points[3].Values, p.Points[3].Values) {
		t.Errorf("the last point is %+v", s.Points[3])
	}
	if part := Summarize(p, replicas[:len(replicas)-1], "v1"); part.Complete || part.Hash == s.Hash {
		t.Errorf("without a replica the summary is %+v", part)
	}
	changed := append([]Replica(nil), replicas...)
	changed[5].Hash[0]++
	if Summarize(p, changed, "v1").Hash == s.Hash {
		t.Error("the hash does not depend on a replica")
	}
}
