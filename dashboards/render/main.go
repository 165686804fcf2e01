// Command render draws a dashboard as a PNG from the data of a live Prometheus,
// for those who have no Grafana.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/lodepow/lode/dashboards"
	"github.com/lodepow/lode/dashboards/live"
)

type options struct {
	prometheus, dashboard, job string
	length, scrape             time.Duration
	out                        string
}

func main() {
	var o options
	flag.StringVar(&o.prometheus, "prometheus", "http://127.0.0.1:9090", "Prometheus to ask")
	flag.StringVar(&o.dashboard, "dashboard", "lode-overview", "which one: lode-overview, lode-miner, lode-consensus, lode-node, lode-network")
	flag.StringVar(&o.job, "job", "lode.*", "jobs, as a regular expression")
	flag.DurationVar(&o.length, "range", 15*time.Minute, "how far back")
	flag.DurationVar(&o.scrape, "scrape", 5*time.Second, "Prometheus's scrape interval")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	o.out = flag.Arg(0)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.out == "" {
		return errors.New("which file shall be written? render [flags] FILE.png")
	}
	for _, d := range dashboards.All() {
		if d.UID != o.dashboard {
			continue
		}
		c := live.NewClient(o.prometheus)
		defer c.Close()
		image, err := drawDashboard(ctx, c, d, vars{job: o.job, instance: ".*", scrape: o.scrape}, newWindow(time.Now(), o.length, o.scrape))
		if err != nil {
			return err
		}
		return os.WriteFile(o.out, image, 0o644)
	}
	return fmt.Errorf("no dashboard %q", o.dashboard)
}
