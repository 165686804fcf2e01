package lab_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lodepow/lode/lab"
)

// A file describes an experiment with a sweep. Each point is run until it is known well
// enough.
func Example() {
	plan, err := lab.Parse([]byte(`
		title = "How much a miner earns who hides blocks"
		replicas = 10
		half_width = 0.01
		of = "miner_0_revenue"
		nodes = 10
		blocks = 5000

		[topology]
		shape = "clique"
		[latency]
		mean = "1us"
		[tie]
		rule = "share"
		[power]
		alpha = [0.2, 0.4]
		[[strategists]]
		strategy = "sm1"
	`))
	if err != nil {
		log.Fatal(err)
	}
	replicas, err := lab.Run(context.Background(), plan, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, point := range lab.Summarize(plan, replicas, "example").Points {
		revenue := point.Metrics["miner_0_revenue"]
		fmt.Printf("%s %s: revenue %.2f, theory %.2f\n", point.Values[0].Key, point.Values[0].Text, revenue.Mean, *revenue.Theory)
	}
	// Output:
	// power.alpha 0.2: revenue 0.13, theory 0.13
	// power.alpha 0.4: revenue 0.48, theory 0.48
}
