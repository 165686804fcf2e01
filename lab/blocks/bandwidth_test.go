package blocks

import (
	"strings"
	"testing"
	"time"
)

// bandwidths has two regions whose connections differ by their direction.
func bandwidths() *Regions {
	ms := time.Millisecond
	return &Regions{
		Names: []string{"a", "b"}, Shares: []float64{1, 1},
		Latency:   [][]time.Duration{{10 * ms, 50 * ms}, {50 * ms, 20 * ms}},
		Bandwidth: [][]float64{{8e6, 4e6}, {2e6, 1e6}},
	}
}

// A block of a million bytes takes the latency of the connection and eight million bits at
// its bandwidth, which depends on the direction.
func TestBandwidth(t *testing.T) {
	seconds := [2][2]float64{{0.010 + 1, 0.050 + 2}, {0.050 + 4, 0.020 + 8}}
	slow := [2][2]float64{{0.010 + 2, 0.050 + 2}, {0.050 + 4, 0.020 + 8}} // 4e6 at each end
	for _, tt := range []struct {
		what string
		ends []float64
		want [2][2]float64
	}{
		{"connections alone", nil, seconds},
		{"slow ends", []float64{4e6, 4e6}, slow},
		{"fast ends", []float64{1e9, 1e9}, seconds},
	} {
		regions := bandwidths()
		regions.Upload, regions.Download = tt.ends, tt.ends
		seen := map[[2]int]bool{}
		for seed := uint64(1); seed <= 20; seed++ {
			x := Experiment{
				Nodes: 2, Blocks: 4, Interval: time.Hour, Topology: Topology{Shape: Clique},
				Latency: Latency{Regions: regions}, Relay: Relay{BlockBytes: Dist{Mean: 1e6}},
			}
			layout, err := x.Layout(seed)
			if err != nil {
				t.Fatal(err)
			}
			var blocks []Block
			arrivals := map[int32]time.Duration{} // the later one of both
			run(t, x, seed, Options{
				Observe: func(b Block) { blocks = append(blocks, b) },
				Took:    func(_ int, block int32, at time.Duration) { arrivals[block] = at },
			})
			for _, b := range blocks {
				from, to := layout.Regions[b.Miner], layout.Regions[1-b.Miner]
				if b.Fate != InMain {
					continue
				}
				seen[[2]int{from, to}] = true
				want := time.Duration(tt.want[from][to] * float64(time.Second))
				if got := arrivals[b.Number] - b.Found; (got - want).Abs() > time.Microsecond {
					t.Errorf("%s: from region %d to %d a block takes %s, want %s", tt.what, from, to, got, want)
				}
			}
		}
		if len(seen) != 4 {
			t.Errorf("%s: only the ways %v were seen", tt.what, seen)
		}
	}
}

// World2019 with a matrix that is the slower of both ends of each connection is itself.
func TestBandwidthOfEnds(t *testing.T) {
	x := Experiment{Nodes: 60, Blocks: 50, Relay: Relay{BlockBytes: Dist{Mean: 5e5}}, Latency: Latency{Regions: World2019()}}
	want := run(t, x, 1, Options{})
	w := World2019()
	for _, upload := range w.Upload {
		var row []float64
		for _, download := range w.Download {
			row = append(row, min(upload, download))
		}
		w.Bandwidth = append(w.Bandwidth, row)
	}
	for range 2 {
		x.Latency.Regions = w
		if got := run(t, x, 1, Options{}); got.Hash != want.Hash {
			t.Errorf("hash %x, want %x", got.Hash, want.Hash)
		}
		w.Upload, w.Download = nil, nil
	}
}

func TestBandwidthErrors(t *testing.T) {
	for want, change := range map[string]func(r *Regions){
		"2 names, but 1 rows of bandwidths: want as many, or none": func(r *Regions) { r.Bandwidth = r.Bandwidth[:1] },
		"1 bandwidths from b: want 2":                              func(r *Regions) { r.Bandwidth[1] = r.Bandwidth[1][:1] },
		"bandwidth 7 from a to b: want at least 8 bits a second":   func(r *Regions) { r.Bandwidth[0][1] = 7 },
		"0 uploads and 0 downloads: want as many of each":          func(r *Regions) { r.Bandwidth = nil },
		"2 uploads and 0 downloads: want as many of each":          func(r *Regions) { r.Upload = []float64{8, 8} },
	} {
		r := bandwidths()
		change(r)
		_, err := Experiment{Latency: Latency{Regions: r}}.WithDefaults()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}
