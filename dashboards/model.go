package dashboards

import (
	"fmt"
	"time"
)

// Dashboard is a page of panels.
type Dashboard struct {
	UID   string // part of its address in Grafana, and name of its file
	Title string
	About string // description
	Rows  []Row
	Marks []Mark // events that are marked in all panels
}

// Mark is a kind of event. Each series of its query has a value while it happens.
type Mark struct {
	Name  string
	Expr  string
	Label string // format of the text, as a legend
	Color string // one of the colours of steps
}

// Row is a heading with the panels below it.
type Row struct {
	Title  string
	Panels []Panel
}

// Kind is the way in which a panel draws its series.
type Kind string

// The kinds of panels.
const (
	Stat  Kind = "stat"  // the latest value of each series, in large type
	Lines Kind = "lines" // a line for each series
	Stack Kind = "stack" // an area for each series, stacked on top of each other
	Heat  Kind = "heat"  // a heat map of the number of samples in each bucket of a histogram
)

// Panel is one diagram of a dashboard.
type Panel struct {
	Title string
	About string // description: what it shows, and what to do if that looks wrong
	Kind  Kind
	Width uint32 // in columns, of 24; 0 means 4 for a Stat, and 8 otherwise
	Unit  string // one of the constants of package units; every panel has one

	Queries []Query
	Steps   []Step            // colours of values, in ascending order; empty leaves them to Grafana
	Words   map[string]string // words to show instead of some values
	Text    bool              // show the legends of the series that exist now, instead of values
	Log     bool              // use a logarithmic axis
	Max     float64           // upper end of the axis; 0 means automatic
}

// Query is a PromQL expression with the format of its series' names. The expression
// may use the variables $job, $instance, $__rate_interval and $__range. In the legend,
// {{label}} is replaced by the value of the label.
//
// The only ranges in expressions are $__rate_interval, for which see MinStep, and
// $__range, the period that is shown.
type Query struct{ Expr, Legend string }

// MinStep is the least distance between two points of a query with $__rate_interval.
// Grafana makes that interval at least four times as long, so that it contains at least
// four scrapes at any scrape interval up to this one, whatever the data source says.
const MinStep = time.Minute

// Step is the colour of values from a threshold up to that of the next step. The
// threshold of the first step is ignored.
type Step struct {
	From  float64
	Color string
}

// The colours of steps, by their names in Grafana.
const (
	good = "green"
	odd  = "orange"
	bad  = "red"
)

// The size of Grafana's grid, and of panels in it. Its cells are 30 px high.
const (
	Columns    = 24
	statWidth  = 4
	lineWidth  = 8
	statHeight = 4
	lineHeight = 8
)

// Size returns the width and height of the panel in columns and rows of the grid.
func (p Panel) Size() (width, height uint32) {
	width, height = lineWidth, lineHeight
	if p.Kind == Stat {
		width, height = statWidth, statHeight
	}
	if p.Width != 0 {
		width = p.Width
	}
	return width, height
}

// All returns the dashboards.
func All() []Dashboard {
	all := []Dashboard{Overview(), Miner(), Consensus(), Node(), Network(), Stratum(), Pool()}
	for i := range all {
		all[i].Marks = marks()
	}
	return all
}

// marks returns the events that are marked in all dashboards.
func marks() []Mark {
	const (
		selector = `{job=~"$job", instance=~"$instance"}`
		started  = `time() - process_start_time_seconds` + selector

		// The blocks that reorgs have disconnected, less one for each reorg. Only a reorg of
		// more than one block makes the number grow, whatever reorgs there were before. It
		// is compared with that of 75 seconds ago, or with 0 if the process has just begun.
		extra  = `(lode_chain_reorg_depth_blocks_sum` + selector + ` - lode_chain_reorg_depth_blocks_count` + selector + `)`
		before = `(lode_chain_reorg_depth_blocks_sum` + selector + ` offset 75s - lode_chain_reorg_depth_blocks_count` + selector + ` offset 75s)`
		deep   = extra + ` > ` + before + ` or ` + extra + ` > 0 and on (job, instance) ` + started + ` < 90`
	)
	return []Mark{
		{"Reorgs of more than one block", deep, "reorg on {{instance}}", odd},
		{"Starts", started + " < 90", "start of {{instance}}", good},
		{"Alerts", `ALERTS{alertstate="firing", alertname=~"Lode.*", job=~"$job|"}`, "{{alertname}} {{instance}}", bad},
	}
}

// orNone returns the end of a query that yields no series as long as nothing is
// wrong. With it, the query then yields a single series of zeros, whose given label
// is "none", so that the panel does not look broken.
func orNone(label string) string {
	return fmt.Sprintf(` or on () label_replace(vector(0), %q, "none", "", "")`, label)
}

// rising returns steps for a value that is better when it is low: it is good below
// oddFrom, and bad from badFrom on.
func rising(oddFrom, badFrom float64) []Step {
	return []Step{{0, good}, {oddFrom, odd}, {badFrom, bad}}
}

// zeroIsGood returns steps in which every value above 0 is bad.
func zeroIsGood() []Step { return []Step{{0, good}, {1e-9, bad}} }

// quantiles returns queries for the distribution of a histogram over all nodes.
func quantiles(metric string) []Query {
	var queries []Query
	for _, q := range []struct {
		share  float64
		legend string
	}{{.1, "one in ten is below"}, {.5, "half"}, {.9, "one in ten is above"}} {
		queries = append(queries, Query{
			fmt.Sprintf(`histogram_quantile(%v, sum by (le) (rate(%s_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, q.share, metric), q.legend,
		})
	}
	return queries
}
