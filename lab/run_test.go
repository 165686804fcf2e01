package lab

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/lab/blocks"
)

// small has four points of different engines, and metrics that differ between them.
const small = `
replicas = 3
nodes = 12
blocks = 60
interval = "2s"
[topology]
degree = 3
[relay]
loss = [0.0, 0.05]
[power]
miners = [5, 12]
`

// untilNarrow stops points after different numbers of replicas, and some at the most.
const untilNarrow = `
replicas = 3
half_width = 0.025
max_replicas = 12
nodes = 12
blocks = 60
interval = "2s"
[topology]
degree = 3
[latency]
mean = ["5ms", "100ms", "500ms"]
`

func run(t *testing.T, p *Plan, o Options) []Replica {
	t.Helper()
	r, err := Run(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// naive runs one replica after the other and looks after each whether it is enough.
func naive(t *testing.T, p *Plan) []Replica {
	t.Helper()
	var all []Replica
	for i, point := range p.Points {
		metrics := Metrics(point.Experiment)
		var values []float64
		for n := 0; ; n++ {
			seed := p.Seed + uint64(n)
			r, err := blocks.Run(t.Context(), point.Experiment, seed, blocks.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			one := Replica{Point: i, Number: n, Seed: seed, Engine: r.Engine, Hash: r.Hash}
			for _, m := range metrics {
				v := m.Of(r)
				if m.Name == p.Of {
					values = append(values, v)
				}
				one.Values = append(one.Values, v)
			}
			all = append(all, one)
			switch {
			case n+1 < p.Replicas:
				continue
			case p.HalfWidth > 0 && n+1 < p.MaxReplicas && (!(NewEstimate(values).Half <= p.HalfWidth) || slices.Max(values) == slices.Min(values)):
				continue
			}
			break
		}
	}
	return all
}

// csvOf is a form in which NaN equals NaN.
func csvOf(t *testing.T, p *Plan, replicas []Replica) string {
	t.Helper()
	var out strings.Builder
	if err := newTable(p).write(&out, replicas); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The results are those of the naive loop with any number of threads.
func TestRun(t *testing.T) {
	for name, file := range map[string]string{"count": small, "half-width": untilNarrow} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, file)
			want := csvOf(t, p, naive(t, p))
			for _, threads := range []int{1, 2, 8} {
				finished := map[[2]int]bool{}
				complete := 0
				got := run(t, p, Options{
					Threads: threads,
					Finished: func(r Replica) error {
						finished[[2]int{r.Point, r.Number}] = true
						return nil
					},
					Progress: func(p Progress) {
						if p.Complete {
							complete++
						}
						if p.Ended != complete || p.Points != 3 && p.Points != 4 {
							t.Errorf("progress %+v when %d points are complete", p, complete)
						}
					},
				})
				if text := csvOf(t, p, got); text != want {
					t.Errorf("with %d threads the results are\n%s\nwant\n%s", threads, text, want)
				}
				for _, r := range got {
					if !finished[[2]int{r.Point, r.Number}] {
						t.Errorf("replica %d of point %d was not announced", r.Number, r.Point)
					}
				}
				if complete != len(p.Points) {
					t.Errorf("%d points of %d are complete", complete, len(p.Points))
				}
			}
		})
	}
	// The test means something: the points stop at different numbers, one at the most.
	p := parse(t, untilNarrow)
	var counts [3]int
	for _, r := range naive(t, p) {
		counts[r.Point]++
	}
	if counts[0] != 3 || counts[1] <= 3 || counts[1] >= 12 || counts[2] != 12 {
		t.Errorf("the points take %v replicas", counts)
	}
}

// Replicas that all have the same value do not end a point before there are 30 of them.
func TestEqualReplicas(t *testing.T) {
	const file = "half_width = 0.1\nof = 'stale_rate'\nnodes = 2\nblocks = 5\nlatency.mean = '1us'\n"
	for more, want := range map[string]int{"replicas = 8": 30, "replicas = 40": 40, "max_replicas = 20": 20} {
		replicas := run(t, parse(t, file+more), Options{})
		for _, r := range replicas {
			if r.Values[0] != 0 {
				t.Errorf("a block is stale, so that the test means nothing: %v", r.Values)
			}
		}
		if len(replicas) != want {
			t.Errorf("with %s there are %d replicas, want %d", more, len(replicas), want)
		}
	}
}

// A replica that fails ends the run with an error that says which one.
func TestRunError(t *testing.T) {
	p := parse(t, "nodes = 4\nblocks = 10\n[topology]\nshape = 'edges'\nedges = [[0, 1], [2, 3]]")
	_, err := Run(t.Context(), p, Options{Threads: 2})
	if err == nil || !strings.Contains(err.Error(), "point 0, seed ") || !strings.Contains(err.Error(), "parts") {
		t.Errorf("error %v", err)
	}
	wrong := errors.New("disk full")
	_, err = Run(t.Context(), parse(t, small), Options{Threads: 2, Finished: func(Replica) error { return wrong }})
	if !errors.Is(err, wrong) {
		t.Errorf("error %v", err)
	}
}

// The shards together are the files of one machine.
func TestMerge(t *testing.T) {
	for name, tt := range map[string]struct {
		file string
		of   []int
	}{"count": {small, []int{1, 3, 5, 12}}, "half-width": {untilNarrow, []int{1, 2, 3}}} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, tt.file)
			dir := t.TempDir()
			whole(t, filepath.Join(dir, "whole"), p, Shard{})
			for _, of := range tt.of {
				var shards []string
				for i := of; i >= 1; i-- {
					shard := Shard{i, of}
					shards = append(shards, filepath.Join(dir, strings.ReplaceAll(shard.String(), "/", "of")))
					whole(t, shards[len(shards)-1], p, shard)
				}
				merged := filepath.Join(dir, "merged"+shards[0][len(dir)+1:])
				if _, s, _, err := Merge(merged, shards, "v1"); err != nil || !s.Complete {
					t.Fatalf("summary %+v, error %v", s, err)
				}
				sameFolders(t, merged, filepath.Join(dir, "whole"))
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	p, other := parse(t, small), parse(t, small+"zipf = 1.0")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	whole(t, at("whole"), p, Shard{})
	whole(t, at("1of3"), p, Shard{1, 3})
	whole(t, at("again"), p, Shard{1, 3})
	whole(t, at("2of3"), p, Shard{2, 3})
	whole(t, at("3of3"), other, Shard{3, 3})
	whole(t, at("1of2"), p, Shard{1, 2})
	interrupt(t, at("stopped"), p, Shard{3, 3}, 1)
	for _, tt := range []struct {
		folders []string
		version string
		want    string
	}{
		{nil, "v1", "there are no folders to merge"},
		{[]string{"whole"}, "v1", "is a whole run and not a shard"},
		{[]string{"1of3", "2of3"}, "v1", "folders are missing: of 3 shards, 3/3"},
		{[]string{"1of3", "again"}, "v1", "are both the shard 1/3"},
		{[]string{"1of3", "1of2"}, "v1", "is not of the same run"},
		{[]string{"1of3", "2of3", "3of3"}, "v1", "is not of the same run"},
		{[]string{"1of3", "2of3", "stopped"}, "v1", "was interrupted: resume it first"},
		{[]string{"1of3"}, "v2", "was run by version v1, and this is version v2"},
		{[]string{"nowhere"}, "v1", "nowhere is no folder of results: want one that"},
	} {
		var folders []string
		for _, f := range tt.folders {
			folders = append(folders, at(f))
		}
		if _, _, _, err := Merge(at("merged"), folders, tt.version); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: error %v, want one with %q", tt.folders, err, tt.want)
		}
	}
	if _, err := os.Stat(at("merged")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
}

func TestShards(t *testing.T) {
	for _, text := range []string{"0/2", "3/2", "1", "1/", "/2", "a/b", "1/2/3", "-1/2"} {
		if _, err := ParseShard(text); err == nil {
			t.Errorf("%q is a shard", text)
		}
	}
	count, narrow := parse(t, small), parse(t, untilNarrow)
	for _, tt := range []struct {
		p    *Plan
		of   int
		want string
	}{
		{count, 12, ""}, {count, 13, "there are only 12 replicas"},
		{narrow, 3, ""}, {narrow, 4, "there are only 3 points"},
	} {
		shard, err := ParseShard(Shard{1, tt.of}.String())
		if err != nil {
			t.Fatal(err)
		}
		if err := shard.check(tt.p); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%d shards: error %v, want %q", tt.of, err, tt.want)
		}
	}
}

// A row that was changed is not read.
func TestReadResults(t *testing.T) {
	p := parse(t, small)
	table := newTable(p)
	text := csvOf(t, p, run(t, p, Options{}))
	if got, err := table.read([]byte(text)); err != nil || csvOf(t, p, got) != text {
		t.Errorf("error %v", err)
	}
	lines := strings.SplitAfter(text, "\n")
	for _, tt := range []struct{ from, to, want string }{
		{lines[1], lines[1] + lines[1], "twice"},
		{"stale_rate", "stale", "columns"},
		{lines[1], "9" + lines[1], "no replica"},
		{lines[1], strings.Replace(lines[1], "0,0,1,", "0,0,2,", 1), "is not of this experiment"},
		{lines[1], strings.Replace(lines[1], ",0,5,", ",0.05,5,", 1), "is not of this experiment"},
		{lines[1], "x" + lines[1], "invalid syntax"},
		{lines[1], "1," + lines[1], "wrong number of fields"},
	} {
		if _, err := table.read([]byte(strings.Replace(text, tt.from, tt.to, 1))); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v", tt.want, err)
		}
	}
}
