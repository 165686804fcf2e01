// Command render draws a dashboard as a PNG file from the data of a running
// Prometheus. It needs no Grafana:
//
//	go run ./dashboards/render -dashboard lode-overview -range 10m overview.png
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"gonum.org/v1/plot/vg"

	"github.com/lodepow/lode/dashboards"
	"github.com/lodepow/lode/dashboards/live"
)

type options struct {
	prometheus, dashboard, job string
	length, scrape             time.Duration
	width                      int // pixels
	out                        string
}

// defaultWidth is the width of the picture in pixels, unless another one is asked for.
const defaultWidth = pageWidth * dpi / 72

// leastWidth is the least width of a picture in pixels, on which all texts have room.
const leastWidth = 400

func main() {
	var o options
	flag.StringVar(&o.prometheus, "prometheus", "http://127.0.0.1:9090", "URL of the Prometheus to query")
	flag.StringVar(&o.dashboard, "dashboard", "lode-overview", "dashboard to draw: lode-overview, lode-miner, lode-consensus, lode-node, lode-network, lode-stratum or lode-pool")
	flag.StringVar(&o.job, "job", "lode.*", "regular expression for the jobs to show")
	flag.DurationVar(&o.length, "range", 15*time.Minute, "length of the period to draw, which ends now")
	flag.DurationVar(&o.scrape, "scrape", 5*time.Second, "Prometheus's scrape interval")
	flag.IntVar(&o.width, "width", defaultWidth, "width of the picture in pixels, 400 at least; on a narrow one, panels are below each other")
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
		return errors.New("no output file given, want: render [flags] FILE.png")
	}
	if o.width < leastWidth {
		return fmt.Errorf("-width %d: want %d pixels at least", o.width, leastWidth)
	}
	for _, d := range dashboards.All() {
		if d.UID != o.dashboard {
			continue
		}
		c := live.NewClient(o.prometheus)
		defer c.Close()
		image, err := drawDashboard(ctx, c, d, vars{job: o.job, instance: ".*", scrape: o.scrape}, newWindow(time.Now(), o.length, o.scrape), vg.Length(o.width)*72/dpi)
		if err != nil {
			return err
		}
		return os.WriteFile(o.out, image, 0o644)
	}
	return fmt.Errorf("unknown dashboard %q; -help lists them", o.dashboard)
}
