package report

import (
	"fmt"
	"strings"

	"github.com/lodepow/lode/lab"
)

// title returns the title of the page.
func (r *results) title() string {
	if t := strings.TrimSpace(plain(r.summary.Title)); t != "" {
		return t
	}
	return "Experiment with a simulated network"
}

// lead returns the question and the answer.
func (r *results) lead() []string {
	question := "What is " + r.mainText() + "?"
	answer := r.answer()
	if r.swept() {
		question = "How does " + r.mainText() + " depend on " + strings.Join(r.keys(), " and ") + "?"
		answer = r.sweptAnswer()
	}
	lead := []string{question + " " + answer}
	if s := r.theoryVerdict(); s != "" {
		lead = append(lead, s)
	}
	if !r.summary.Complete {
		lead = append(lead, "The run is not complete: some replicas are missing, so the intervals are wider than planned.")
	}
	return lead
}

// mainText names the main metric and says what it is.
func (r *results) mainText() string { return r.main.Name + " (" + r.main.Help + ")" }

// answer answers the question of an experiment with a single point.
func (r *results) answer() string {
	m := r.at(0, r.main.Name)
	if m.N == 0 {
		return "Nothing was measured of it: no replica has a value."
	}
	x := r.plan.Points[0].Experiment
	answer := fmt.Sprintf("It is %s, from %s of %s in a network of %s",
		said(r.main, m.Estimate), count(m.N, "replica", "replicas"), count(x.Blocks, "block", "blocks"), count(x.Nodes, "node", "nodes"))
	if m.Theory != nil {
		factor, unit := scale(r.main)
		return answer + fmt.Sprintf("; theory says %s.", withUnit(number(*m.Theory*factor), unit))
	}
	return answer + "."
}

// sweptAnswer answers the question of a sweep: the points with the least and the greatest
// value.
func (r *results) sweptAnswer() string {
	low, high := -1, -1
	least, most := 0, 0 // numbers of replicas
	for i := range r.summary.Points {
		m := r.at(i, r.main.Name)
		if !isFinite(m.Mean) {
			continue
		}
		if low < 0 || m.Mean < r.at(low, r.main.Name).Mean {
			low = i
		}
		if high < 0 || m.Mean > r.at(high, r.main.Name).Mean {
			high = i
		}
		if least == 0 || m.N < least {
			least = m.N
		}
		most = max(most, m.N)
	}
	if low < 0 {
		return "Nothing was measured of it: no replica has a value."
	}
	replicas := count(most, "replica", "replicas")
	if least < most {
		replicas = fmt.Sprintf("%d to %d replicas", least, most)
	}
	return fmt.Sprintf("It is least at %s: %s, and greatest at %s: %s. There are %d points with %s each.",
		pointName(r.plan.Points[low].Values), said(r.main, r.at(low, r.main.Name).Estimate),
		pointName(r.plan.Points[high].Values), said(r.main, r.at(high, r.main.Name).Estimate),
		len(r.plan.Points), replicas)
}

// theoryVerdict says in how many points theory is within the interval of the main metric.
func (r *results) theoryVerdict() string {
	within, all := 0, 0
	source := ""
	for i := range r.summary.Points {
		m := r.at(i, r.main.Name)
		if m.Theory == nil || !isFinite(m.Half) {
			continue
		}
		all++
		if contains(m.Estimate, *m.Theory) {
			within++
		}
		source = m.Source
	}
	switch {
	case all == 0:
		return ""
	case all == 1 && within == 1:
		return fmt.Sprintf("Theory (%s) is within the interval.", source)
	case all == 1:
		return fmt.Sprintf("Theory (%s) is outside the interval. By chance alone that happens in 1 of 20 runs.", source)
	}
	return fmt.Sprintf("Theory (%s) is within %d of %d intervals. By chance alone, 1 of 20 intervals misses it.", source, within, all)
}

func contains(e lab.Estimate, x float64) bool { return e.Mean-e.Half <= x && x <= e.Mean+e.Half }
