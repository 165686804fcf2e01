package blocks

import "fmt"

// text returns the main figures of a result.
func text(r *Result) string {
	s := fmt.Sprintf("%d found, %d main, %d stale, %d withheld, span %s, forks %v, reorgs %v, interval %s ± %s, reach",
		r.Found, r.Main, r.Stale, r.Withheld, r.Span, r.ForkLengths[:8], r.Reorgs[:8], r.Intervals.Mean(), r.Intervals.Deviation())
	for i := range r.Reach {
		s += fmt.Sprintf(" %d×%s", r.Reach[i].Count, r.Reach[i].Mean())
	}
	return s
}
