package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/lodepow/lode/lab"
)

// writeSummary prints the results of a run: all metrics if it has one point, and
// otherwise the metric that the run is about for each point.
func writeSummary(out io.Writer, p *lab.Plan, s *lab.Summary) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(p.Points) == 1 {
		fmt.Fprintf(w, "metric\tunit\tmean\t95 %% interval\ttheory\n")
		for _, m := range lab.Metrics(p.Points[0].Experiment) {
			one := s.Points[0].Metrics[m.Name]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, m.Unit, row(one.Estimate, "%.5g", 1), theoryText(one))
		}
	} else {
		for _, v := range p.Points[0].Values {
			fmt.Fprintf(w, "%s\t", v.Key)
		}
		fmt.Fprintf(w, "replicas\tmetric\tmean\t95 %% interval\ttheory\n")
		for i, point := range p.Points {
			name := p.MainMetric(i)
			for _, v := range point.Values {
				fmt.Fprintf(w, "%s\t", v.Text)
			}
			one := s.Points[i].Metrics[name]
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", s.Points[i].Replicas, name, row(one.Estimate, "%.5g", 1), theoryText(one))
		}
	}
	fmt.Fprintf(w, "\nhash %s\n", s.Hash[:16])
	return w.Flush()
}

func theoryText(m lab.MetricSummary) string {
	if m.Theory == nil {
		return "-"
	}
	return fmt.Sprintf("%.5g", *m.Theory)
}
