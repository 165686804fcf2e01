package dashboards

import "fmt"

// Dashboard is one page.
type Dashboard struct {
	UID   string // of its address, and its file's name
	Title string
	About string
	Rows  []Row
}

// Row is a heading and what stands under it.
type Row struct {
	Title  string
	Panels []Panel
}

// Kind is a way to draw.
type Kind string

// The kinds of panels.
const (
	Stat  Kind = "stat"  // the latest value of each series, in large type
	Lines Kind = "lines" // a line for each series
	Stack Kind = "stack" // the same, on top of each other
	Heat  Kind = "heat"  // how many samples of a histogram are in each bucket
)

// Panel is one picture.
type Panel struct {
	Title string
	About string // what it shows, and what to do when it looks wrong
	Kind  Kind
	Width uint32 // of 24 columns; 0: 4 for a Stat, else 8
	Unit  string // of package units

	Queries []Query
	Steps   []Step            // colours of values; none: as Grafana likes
	Words   map[string]string // instead of some values
	Text    bool              // show the legend, not the value
	Log     bool              // logarithmic axis
	Max     float64           // of the axis; 0: automatic
}

// Query is a PromQL expression and the name of its series. The expression may
// have the variables $job, $instance and $__rate_interval; {{label}} in the
// legend stands for a label's value.
type Query struct{ Expr, Legend string }

// Step is a colour and the least value that has it.
type Step struct {
	From  float64
	Color string
}

// The colours of steps: Grafana's names.
const (
	good = "green"
	odd  = "orange"
	bad  = "red"
)

// Width and height of panels in Grafana's grid, whose cells are 30 px high.
const (
	Columns    = 24
	statWidth  = 4
	lineWidth  = 8
	statHeight = 4
	lineHeight = 8
)

// Size returns the panel's columns and rows in the grid.
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
	return []Dashboard{Overview(), Miner(), Consensus(), Node(), Network()}
}

// orNone ends a query that has nothing to show as long as all is well: then there
// is one series, called none.
func orNone(label string) string {
	return fmt.Sprintf(` or on () label_replace(vector(0), %q, "none", "", "")`, label)
}

// rising colours values that are good below odd and bad from bad on.
func rising(from, worse float64) []Step {
	return []Step{{0, good}, {from, odd}, {worse, bad}}
}

// zeroIsGood colours everything above 0 as bad.
func zeroIsGood() []Step { return []Step{{0, good}, {1e-9, bad}} }

// zeroIsBad is its opposite.
func zeroIsBad() []Step { return []Step{{0, bad}, {1e-9, good}} }
