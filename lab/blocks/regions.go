package blocks

import (
	"fmt"
	"math"
	"time"
)

// Regions is where nodes are, and how fast the networks there are.
type Regions struct {
	Source string // where the figures come from
	Names  []string
	Shares []float64 // of the nodes, relative to their sum

	// Latency has the mean one-way latency from each region to each. It is symmetric.
	Latency [][]time.Duration

	Upload, Download []float64 // bits a second of a node

	// Bandwidth, if set, has what a connection from each region to each carries at most, in
	// bits a second. It need not be symmetric. Upload and Download may then be left out; a
	// connection is as fast as the slowest of the three that are there.
	Bandwidth [][]float64
}

// maxRegions bounds the number of regions.
const maxRegions = 250

func (r *Regions) validate() error {
	n := len(r.Names)
	if n == 0 || n > maxRegions {
		return fmt.Errorf("regions: %d names: want 1 to %d", n, maxRegions)
	}
	ends := n // of connections: uploads and downloads
	if len(r.Bandwidth) > 0 && len(r.Upload) == 0 && len(r.Download) == 0 {
		ends = 0
	}
	if len(r.Shares) != n || len(r.Latency) != n || len(r.Upload) != ends || len(r.Download) != ends {
		return fmt.Errorf("regions: %d names, but %d shares, %d rows of latencies, %d uploads and %d downloads: want as many of each",
			n, len(r.Shares), len(r.Latency), len(r.Upload), len(r.Download))
	}
	if err := r.validateBandwidth(); err != nil {
		return err
	}
	var sum float64
	for i := range n {
		if !inRange(r.Shares[i], 0, math.MaxFloat64) {
			return fmt.Errorf("regions: share %v of %s: want a number that is not negative", r.Shares[i], r.Names[i])
		}
		sum += r.Shares[i]
		if ends > 0 && (!inRange(r.Upload[i], 8, math.MaxFloat64) || !inRange(r.Download[i], 8, math.MaxFloat64)) {
			return fmt.Errorf("regions: bandwidths %v and %v of %s: want at least 8 bits a second", r.Upload[i], r.Download[i], r.Names[i])
		}
		if len(r.Latency[i]) != n {
			return fmt.Errorf("regions: %d latencies from %s: want %d", len(r.Latency[i]), r.Names[i], n)
		}
		for j, d := range r.Latency[i] {
			if d < 0 || d > maxDelay*time.Microsecond || j < i && d != r.Latency[j][i] {
				return fmt.Errorf("regions: latency %s from %s to %s: want 0 to %s, the same in both directions",
					d, r.Names[i], r.Names[j], maxDelay*time.Microsecond)
			}
		}
	}
	if !inRange(sum, math.SmallestNonzeroFloat64, math.MaxFloat64) {
		return fmt.Errorf("regions: the shares have the sum %v: want a positive one", sum)
	}
	return nil
}

func (r *Regions) validateBandwidth() error {
	n := len(r.Names)
	if len(r.Bandwidth) != 0 && len(r.Bandwidth) != n {
		return fmt.Errorf("regions: %d names, but %d rows of bandwidths: want as many, or none", n, len(r.Bandwidth))
	}
	for i, row := range r.Bandwidth {
		if len(row) != n {
			return fmt.Errorf("regions: %d bandwidths from %s: want %d", len(row), r.Names[i], n)
		}
		for j, b := range row {
			if !inRange(b, 8, math.MaxFloat64) {
				return fmt.Errorf("regions: bandwidth %v from %s to %s: want at least 8 bits a second", b, r.Names[i], r.Names[j])
			}
		}
	}
	return nil
}

// place draws the region of each node.
func (r *Regions) place(seed uint64, nodes int) []uint8 {
	w := newWheel(r.Shares)
	places := make([]uint8, nodes)
	for v := range places {
		random := newStream(seed, forPlaces, uint64(v), 0)
		places[v] = uint8(w.pick(&random))
	}
	return places
}

// between returns a mean latency in microseconds.
func (r *Regions) between(a, b uint8) float64 { return float64(r.Latency[a][b]) / 1e3 }

// speeds returns the microseconds that a byte takes at each node when it sends and when it
// receives.
func (r *Regions) speeds(places []uint8) (upload, download []float64) {
	upload, download = make([]float64, len(places)), make([]float64, len(places))
	if len(r.Upload) == 0 {
		return upload, download // only the connections are slow
	}
	for v, p := range places {
		upload[v], download[v] = 8e6/r.Upload[p], 8e6/r.Download[p]
	}
	return upload, download
}

// perByte returns the microseconds that a byte takes on a connection, if it is not as fast
// as its ends.
func (r *Regions) perByte(from, to uint8) float64 {
	if len(r.Bandwidth) == 0 {
		return 0
	}
	return 8e6 / r.Bandwidth[from][to]
}

// slowest returns the microseconds that a byte takes at the most on a connection that
// leaves the region, if it is not as fast as its ends.
func (r *Regions) slowest(from uint8) (perByte float64) {
	for to := range r.Names {
		perByte = max(perByte, r.perByte(from, uint8(to)))
	}
	return perByte
}
