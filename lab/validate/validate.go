// Package validate compares the laboratory with published results: closed forms, tables
// of papers, and measurements. Command lodelab validate prints the comparison, and writes
// docs/validation.md.
//
// The seed of a row is the hash of its text, and no criterion was loosened after a result
// had been seen. The usual criterion is 3.5 standard errors: the figures of a right model
// are further off in one of two thousand rows, or in one of seven hundred where the error
// itself is estimated from replicas. The usual 95 % would not do, because five of a hundred
// rows would differ by chance. The head of docs/validation.md says what was settled after
// first results had been seen.
package validate

import (
	"context"
	"fmt"
	"math"

	"github.com/lodepow/lode/lab/blocks"
)

// Form is the size of the runs.
type Form string

// The forms.
const (
	Quick Form = "quick" // a minute or two on two cores
	Full  Form = "full"  // a million blocks for a row
)

// Verdict is what a comparison has shown.
type Verdict string

// The verdicts.
const (
	Agrees    Verdict = "agrees"
	Explained Verdict = "explained" // differs as the note of the check says
	Differs   Verdict = "differs"
)

// Row is a comparison.
type Row struct {
	What    string
	Ours    float64
	Half    float64 // half of the width of the 95 % interval; NaN: the figure is computed exactly
	Theirs  float64
	Percent bool // print shares in percent
	Digits  int  // after the point
	Off     string
	Verdict Verdict
}

// Check is a group of rows from one source.
type Check struct {
	Name      string // for --only
	Title     string
	Source    string
	Criterion string // by which rows agree
	Note      string // what is assumed, and why a row may differ
	Cheap     bool   // takes less than a second, so that the tests of the project run it

	rows func(context.Context, *runner) ([]Row, error)
}

// Options say how the checks are run.
type Options struct {
	Form    Form // "": Quick
	Threads int  // 0: one for each core. The rows do not depend on it

	// Change, if set, changes each experiment before it is run. Tests use it to see that
	// a wrong model is found.
	Change func(*blocks.Experiment)
}

// Group has the rows of a check.
type Group struct {
	Check
	Rows []Row
}

// Checks returns all checks in the order of the report.
func Checks() []Check {
	var list []Check
	list = append(list, staleChecks()...)
	list = append(list, selfishChecks()...)
	list = append(list, doubleSpendChecks()...)
	list = append(list, networkChecks()...)
	return append(list, difficultyChecks()...)
}

// Run runs checks. The result is a function of the checks and the form.
func Run(ctx context.Context, checks []Check, o Options) ([]Group, error) {
	if o.Form == "" {
		o.Form = Quick
	}
	if o.Form != Quick && o.Form != Full {
		return nil, fmt.Errorf("form %q: want %q or %q", o.Form, Quick, Full)
	}
	groups := make([]Group, len(checks))
	for i, c := range checks {
		rows, err := c.rows(ctx, &runner{o})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		groups[i] = Group{c, rows}
	}
	return groups, nil
}

// Failed returns the number of rows that differ without an explanation.
func Failed(groups []Group) (n int) {
	for _, g := range groups {
		for _, r := range g.Rows {
			if r.Verdict == Differs {
				n++
			}
		}
	}
	return n
}

// byErrors judges a measured figure by standard errors that are known.
func byErrors(r Row, se, limit float64) Row {
	off := (r.Ours - r.Theirs) / se
	r.Half = 1.96 * se
	r.Off = fmt.Sprintf("%+.1f se", off)
	return judge(r, math.Abs(off) <= limit)
}

// byReplicas judges a mean over replicas by 3.5 standard errors, estimated from them.
// Its 95 % interval is that of Student's t.
func byReplicas(r Row, se float64) Row {
	r = byErrors(r, se, 3.5)
	r.Half = student * se
	return r
}

// byTolerance judges a figure by its difference.
func byTolerance(r Row, tolerance float64) Row {
	difference := r.Ours - r.Theirs
	r.Off = fmt.Sprintf("%+.*f", r.Digits, r.scale(difference))
	return judge(r, math.Abs(difference) <= tolerance)
}

// byFactor judges a figure by its quotient: a trend.
func byFactor(r Row, factor float64) Row {
	quotient := r.Ours / r.Theirs
	r.Off = fmt.Sprintf("× %.2f", quotient)
	return judge(r, quotient <= factor && quotient >= 1/factor)
}

func judge(r Row, agrees bool) Row {
	r.Verdict = Differs
	if agrees {
		r.Verdict = Agrees
	}
	return r
}

// explained turns a difference that the note of the check explains into what it is.
func explained(r Row) Row {
	if r.Verdict == Differs {
		r.Verdict = Explained
	}
	return r
}

func (r Row) scale(x float64) float64 {
	if r.Percent {
		return 100 * x
	}
	return x
}
