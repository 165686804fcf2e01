package dashboards

import "fmt"

// Dashboard is a page of panels.
type Dashboard struct {
	UID   string // part of its address in Grafana, and name of its file
	Title string
	About string // description
	Rows  []Row
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
	Unit  string // one of the constants of package units

	Queries []Query
	Steps   []Step            // colours of values, in ascending order; empty leaves them to Grafana
	Words   map[string]string // words to show instead of some values
	Text    bool              // show the legend instead of the value
	Log     bool              // use a logarithmic axis
	Max     float64           // upper end of the axis; 0 means automatic
}

// Query is a PromQL expression with the format of its series' names. The expression
// may use the variables $job, $instance and $__rate_interval. In the legend,
// {{label}} is replaced by the value of the label.
type Query struct{ Expr, Legend string }

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
	return []Dashboard{Overview(), Miner(), Consensus(), Node(), Network(), Stratum()}
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

// zeroIsBad returns steps in which every value above 0 is good.
func zeroIsBad() []Step { return []Step{{0, bad}, {1e-9, good}} }
