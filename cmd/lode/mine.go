package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
	powmetrics "github.com/lodepow/lode/pow/metrics"
)

type mineCmd struct {
	URL []string `arg:"" name:"url" help:"Where the work comes from: stratum+tcp://HOST:PORT or stratum+ssl://HOST:PORT for a pool, http://USER:PASSWORD@HOST:PORT for a Bitcoin node. Further pools are used when the first cannot be reached."`

	User     string   `short:"u" env:"LODE_USER" placeholder:"NAME" help:"Worker's name at the pool, or user of the node."`
	Password string   `short:"p" env:"LODE_PASSWORD" placeholder:"WORD" help:"Password that belongs to --user (x for a pool)."`
	Suggest  *float64 `placeholder:"N" help:"Difficulty of shares to suggest to the pool; it may be a fraction."`

	nodeFlags
	engineFlags
	Nice    bool   `env:"LODE_NICE" help:"Lower the priority of the threads that mine to the lowest (Linux only)."`
	Metrics string `env:"LODE_METRICS" placeholder:"HOST:PORT" help:"Address to serve Prometheus metrics on, at /metrics."`
	Verbose bool   `env:"LODE_VERBOSE" help:"Also log every job and share."`
}

func (*mineCmd) Help() string {
	return `Mines for a pool that speaks Stratum V1, or for a Bitcoin node that answers
getblocktemplate, until it is told to stop.

  lode mine stratum+tcp://pool.example:3333 -u account.worker
  lode mine stratum+ssl://pool.example:443 stratum+tcp://other.example:3333 -u account.worker
  lode mine http://user:password@127.0.0.1:8332 --pay ADDRESS

One line on the terminal, or one in the log each minute, says how it goes: the hash
rate of this machine, the shares, and beside them the rate that the pool can see from
the shares, with the limits between which the true rate is with 95 % confidence.`
}

// blockAttempts is how often a block is submitted until the other side answers. With the
// pauses of package mine that takes at least nine minutes: longer than the restart of a
// node.
const blockAttempts = 60

// remote is a source of work that is reached over a network.
type remote interface {
	mine.Source

	// Run keeps the source in touch with the other side until the context ends. It
	// returns an error if the user has to change something first.
	Run(ctx context.Context) error

	// Status says in a few words how it goes.
	Status() string

	// Register registers the metrics of the source.
	Register(reg prometheus.Registerer) error
}

// Validate is called after the flags have been parsed.
func (c *mineCmd) Validate() error {
	var errs []error
	if c.Suggest != nil {
		errs = append(errs, isDifficulty("--suggest", *c.Suggest))
	}
	if c.Metrics != "" {
		errs = append(errs, checkListen("--metrics", c.Metrics))
	}
	return errors.Join(errs...)
}

// Run mines until the process receives an interrupt or SIGTERM.
func (c *mineCmd) Run(ctx context.Context, s cli.Std) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	terminal := cli.IsTerminal(s.Err) && !c.Verbose
	out := &statusWriter{w: s.Err}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
	source, err := c.source(log)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	engine, err := pow.New(pow.Config{Workers: c.Workers, Kernel: c.Kernel, Nice: c.Nice, Logger: log})
	if err != nil {
		return cli.UsageError{Err: err}
	}
	setProcs(engine)
	defer watchKernel(ctx, engine)()
	shares := newShareLog(log)
	observer := mine.Observer{
		WorkTaken: func(w mine.Work) {
			log.Debug("job taken", "work", w.ID, "height", w.Height, "versions", len(w.Versions()))
		},
		Retrying:  shares.retrying,
		Submitted: shares.submitted,
	}
	if renewer, ok := source.(interface{ Exhausted(mine.Work) }); ok {
		observer.Exhausted = renewer.Exhausted
	}
	loop, err := mine.New(mine.Config{
		Engine: engine, Source: source, Start: rand.Uint64(), BlockAttempts: blockAttempts, Observer: observer,
		Logger: slog.New(warnings{log.Handler()}), // the status line has the progress
	})
	if err != nil {
		return err
	}
	serve, err := c.serveMetrics(ctx, engine, source, log)
	if err != nil {
		return err
	}
	log.Info("mining", "kernel", engine.Kernel().Name(), "workers", engine.Workers())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The source stays in touch with the other side until the loop has ended, which
	// still submits a block that has just been solved.
	touch, loseTouch := context.WithCancel(context.WithoutCancel(ctx))
	defer loseTouch()
	var failed error // set before the group is done
	var group sync.WaitGroup
	group.Go(func() {
		failed = source.Run(touch)
		cancel(failed)
	})
	group.Go(func() { serve(ctx) })
	group.Go(func() { showStatus(ctx, out, log, terminal, engine, source) })
	loop.Run(ctx)
	status := source.Status()
	loseTouch()
	group.Wait()
	log.Info("stopped", "status", status)
	return failed
}

// source returns the source that the addresses name.
func (c *mineCmd) source(log *slog.Logger) (remote, error) {
	scheme, _, ok := strings.Cut(c.URL[0], "://")
	if !ok {
		return nil, fmt.Errorf("%q: want an address such as stratum+tcp://%s or http://%s", c.URL[0], c.URL[0], c.URL[0])
	}
	switch scheme {
	case "stratum+tcp", "stratum+ssl", "stratum+tls":
		return c.poolSource(log)
	case "http", "https":
		return c.nodeSource(log)
	case "stratum2+tcp":
		return nil, errors.New("scheme stratum2+tcp: Stratum V2 is not supported; run its translator, and mine for that with stratum+tcp")
	}
	return nil, fmt.Errorf("scheme %q: want stratum+tcp or stratum+ssl for a pool, http or https for a node", scheme)
}

// serveMetrics listens on the address of --metrics, if there is one, and returns a
// function that serves it until its context ends.
func (c *mineCmd) serveMetrics(ctx context.Context, engine *pow.Engine, source remote, log *slog.Logger) (serve func(ctx context.Context), err error) {
	if c.Metrics == "" {
		return func(context.Context) {}, nil
	}
	reg := prometheus.NewRegistry()
	if err := errors.Join(powmetrics.Register(reg, engine), source.Register(reg)); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Metrics)
	if err != nil {
		return nil, cli.UsageError{Err: fmt.Errorf("--metrics: %w", err)}
	}
	log.Info("serving metrics", "url", (&url.URL{Scheme: "http", Host: listener.Addr().String(), Path: "/metrics"}).String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	server := &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return func(ctx context.Context) {
		context.AfterFunc(ctx, func() { _ = server.Close() })
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are not served any more", "err", err)
		}
	}, nil
}
