// Command monitor runs three nodes that mine on the network lab, and a Prometheus that
// watches them, until it is interrupted. make monitor runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lodepow/lode/dashboards/live"
)

// The addresses are fixed, so that bookmarks and other Prometheus servers can point at
// them. docs/monitoring.md lists them.
const (
	defaultListen = "127.0.0.1:9090"
	defaultNodes  = "127.0.0.1:8101,127.0.0.1:8102,127.0.0.1:8103"
)

func main() {
	var o options
	flag.StringVar(&o.lode, "lode", "./lode", "path of the program lode")
	flag.StringVar(&o.listen, "listen", defaultListen, "address of Prometheus")
	flag.StringVar(&o.nodes, "nodes", defaultNodes, "addresses of the nodes, separated by commas")
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
	lode, listen, nodes, dir string
	duration                 time.Duration
}

// checkFree returns an error that names every address that cannot be listened on, with
// the flag that changes it.
func checkFree(ctx context.Context, o options) error {
	var errs []error
	check := func(addr, what, flag string) {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", addr)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s, the address of %s, cannot be used (%w): end the program that uses it, or choose another address with %s", addr, what, err, flag))
			return
		}
		errs = append(errs, l.Close())
	}
	for i, addr := range strings.Split(o.nodes, ",") {
		check(addr, nodeName(i), "-nodes")
	}
	check(o.listen, "Prometheus", "-listen")
	return errors.Join(errs...)
}

func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

func run(ctx context.Context, o options) (err error) {
	if err := checkFree(ctx, o); err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "lode-monitor-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	nodes := strings.Split(o.nodes, ",")
	ended := make(chan string, len(nodes)+1)
	follow := func(name string, p *live.Process) {
		go func() {
			<-p.Done()
			ended <- name + " ended unexpectedly; it wrote:\n" + p.Log()
		}()
	}

	var targets []live.Target
	for i, addr := range nodes {
		name := nodeName(i)
		command := []string{
			o.lode, "node", "--network", "lab", "--mine", "continuous", "--workers", "1",
			"--listen", addr, "--tag", name, "--data", filepath.Join(o.dir, name),
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
	p, err := live.StartPrometheus(ctx, filepath.Join(o.dir, "prometheus"), o.listen, targets...)
	if err != nil {
		return err
	}
	defer p.Close()
	defer func() { err = errors.Join(err, p.Stop()) }()
	follow("Prometheus", p.Process)
	fmt.Printf(`prometheus  %s/graph?g0.expr=instance:lode_hashes:rate5m&g0.tab=0
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
