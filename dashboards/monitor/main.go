// Command monitor runs three nodes that mine on the network lab, and a Prometheus that
// watches them, until it is interrupted. make monitor runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lodepow/lode/dashboards/live"
)

const nodes = 3

func main() {
	var o options
	flag.StringVar(&o.lode, "lode", "./lode", "path of the program lode")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:9090", "address of Prometheus; if its port is taken, a free one is used instead")
	flag.StringVar(&o.dir, "dir", "", "folder for all data; if empty, a temporary one that is removed at the end")
	flag.DurationVar(&o.duration, "for", 0, "time after which everything ends; 0 means never")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "monitor:", err)
		os.Exit(1)
	}
}

type options struct {
	lode, listen, dir string
	duration          time.Duration
}

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "lode-monitor-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	ended := make(chan string, nodes+1)
	follow := func(name string, p *live.Process) {
		go func() {
			<-p.Done()
			ended <- name + " ended unexpectedly; it wrote:\n" + p.Log()
		}()
	}

	var targets []live.Target
	for i := range nodes {
		name := fmt.Sprintf("node-%d", i+1)
		command := []string{
			o.lode, "node", "--network", "lab", "--mine", "continuous", "--workers", "1",
			"--listen", "127.0.0.1:0", "--tag", name, "--data", filepath.Join(o.dir, name),
		}
		for _, t := range targets {
			command = append(command, "--peer", "http://"+t.Addr)
		}
		n, err := live.StartNode(ctx, command...)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, n.Stop()) }()
		follow(name, n.Process)
		targets = append(targets, live.Target{Name: name, Addr: n.Addr()})
		fmt.Printf("%-11s %s/status\n", name, n.URL)
	}
	listen, err := live.FreeAddr(ctx, o.listen)
	if err != nil {
		return err
	}
	p, err := live.StartPrometheus(ctx, filepath.Join(o.dir, "prometheus"), listen, targets...)
	if err != nil {
		return err
	}
	defer p.Close()
	defer func() { err = errors.Join(err, p.Stop()) }()
	follow("Prometheus", p.Process)
	fmt.Printf(`prometheus  %s/graph?g0.expr=instance:lode_hashes:rate1m&g0.tab=0
alerts      %[1]s/alerts
picture     go run ./dashboards/render -prometheus %[1]s overview.png
Press Ctrl-C to end everything.
`, p.URL)

	var over <-chan time.Time
	if o.duration > 0 {
		timer := time.NewTimer(o.duration)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
	case <-over:
	case what := <-ended:
		select {
		case <-ctx.Done(): // Ctrl-C reaches all processes, and this one ended first
		case <-time.After(time.Second):
			return errors.New(what)
		}
	}
	return nil
}
