// Package lab runs experiments with simulated proof-of-work networks.
//
// An experiment is described by a file ([Parse]), which gives a [Plan]: points, which
// differ in the values that the file sweeps, and how often each is run. [Run] runs the
// replicas of all points on all cores with the engine of package lab/blocks, and
// [Summarize] tells how sure the results are. A [Folder] keeps results on disk, so that a
// run can be interrupted, resumed, and spread over several machines.
//
// The results are a function of the plan alone. They do not depend on the number of
// threads, on interrupts, or on the machines that take part.
package lab

import (
	"crypto/sha256"

	"github.com/lodepow/lode/lab/blocks"
)

// Metric is a figure of a replica: a column of results.csv.
type Metric struct {
	Name string // in snake case with the unit, for example reach_90_seconds
	Unit string // "1" for shares and rates, "seconds", "blocks"
	Help string
	Of   func(*blocks.Result) float64 // NaN: the replica has no such figure
}

// Value is what a sweep sets at a point, for example power.alpha to 0.3.
type Value struct {
	Key    string  `json:"key"`
	Text   string  `json:"text"`   // as in the file, without quotation marks
	Number float64 `json:"number"` // durations in seconds; texts by their place in the list, from 0
}

// Point is one experiment of a plan.
type Point struct {
	Index      int     // from 0
	Values     []Value // in the order of the file; none if nothing is swept
	Experiment blocks.Experiment

	settings map[string]string // for the summary; see draft.settings
}

// Plan says what is run, and how often.
type Plan struct {
	Title  string
	File   []byte // the experiment file in its canonical form
	Points []Point
	Seed   uint64 // of the first replica of each point; each further one has the next number

	// Replicas is the number of replicas of each point. With a HalfWidth it is the least
	// number, and MaxReplicas the greatest.
	Replicas int

	// HalfWidth, if positive, runs replicas of a point until half the width of the 95 %
	// interval of the metric Of is at most this.
	HalfWidth   float64
	Of          string
	MaxReplicas int
}

// Replica is the result of one run of a point.
type Replica struct {
	Point, Number int // both from 0
	Seed          uint64
	Engine        blocks.Engine
	Hash          [sha256.Size]byte // of the blocks.Result
	Values        []float64         // in the order of Metrics of the point's experiment

	// Course is how block interval and difficulty went over time; nil if HasCourse
	// reports false, or if an earlier version that wrote no course.csv made the results.
	Course []blocks.Span
}

// Estimate is the mean over replicas with its 95 % interval by Student's t: Mean-Half to
// Mean+Half. Replicas that lack the figure do not count. Both are NaN if N is less
// than 2.
type Estimate struct {
	Mean, Half float64
	N          int
}

// Summary is the content of summary.json.
type Summary struct {
	Version  string         `json:"version"` // of the program
	Title    string         `json:"title"`
	File     string         `json:"file"` // Plan.File
	Hash     string         `json:"hash"` // of the file, and of all replicas in their order, in hex
	Seed     uint64         `json:"seed"`
	Shard    string         `json:"shard,omitempty"` // such as "2/4"; "" if the run is whole
	Complete bool           `json:"complete"`        // false: interrupted
	Points   []PointSummary `json:"points"`
}

// PointSummary has the results of a point.
type PointSummary struct {
	Values   []Value                  `json:"values,omitempty"`
	Settings map[string]string        `json:"settings"` // every key of the experiment, defaults included
	Replicas int                      `json:"replicas"`
	Engine   blocks.Engine            `json:"engine"` // of the first replica
	Metrics  map[string]MetricSummary `json:"metrics"`
}

// MetricSummary is an estimate with what theory says, if there is a theory.
type MetricSummary struct {
	Estimate
	Theory *float64
	Source string // of the theory
}
