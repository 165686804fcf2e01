package live

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"

	"github.com/lodepow/lode/dashboards"
)

// Prometheus is a Prometheus server that runs as a child process with the
// configuration of this repository, together with a client for it.
type Prometheus struct {
	*Process
	*Client

	dir string
}

// Interval is the scrape and evaluation interval of the configuration in this
// repository.
const Interval = 5 * time.Second

// StartPrometheus runs the program prometheus and waits until it is ready. It keeps
// its data, its configuration and its list of targets in dir, and listens on the
// address listen, which must be free (see FreeAddr).
func StartPrometheus(ctx context.Context, dir, listen string, targets ...Target) (*Prometheus, error) {
	return startPrometheus(ctx, dir, listen, Interval, targets...)
}

// startPrometheus is like StartPrometheus, with another interval between scrapes and
// evaluations.
func startPrometheus(ctx context.Context, dir, listen string, interval time.Duration, targets ...Target) (*Prometheus, error) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		return nil, fmt.Errorf("%w: install it (Debian's package is called prometheus) or put it on the path", err)
	}
	p := &Prometheus{Client: NewClient("http://" + listen), dir: dir}
	if err := p.writeConfig(interval); err != nil {
		return nil, err
	}
	if err := p.SetTargets(targets...); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, //nolint:noctx // Stop ends it
		"--config.file", filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", listen)
	if p.Process, err = start("prometheus", cmd, nil); err != nil {
		return nil, err
	}
	if err := p.waitReady(ctx); err != nil {
		p.Kill()
		return nil, fmt.Errorf("prometheus is not ready: %w; it wrote:\n%s", err, p.Log())
	}
	return p, nil
}

// FreeAddr returns addr if that address is free, and otherwise the same host with a
// free port. Prometheus cannot choose a free port itself, because it does not report
// which one it has chosen.
func FreeAddr(ctx context.Context, addr string) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		host, _, _ := net.SplitHostPort(addr)
		if l, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0")); err != nil {
			return "", err
		}
	}
	return l.Addr().String(), l.Close()
}

func (p *Prometheus) writeConfig(interval time.Duration) error {
	files, err := fs.Glob(dashboards.PrometheusFiles, "prometheus/*.yml")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(p.dir, "targets"), 0o755); err != nil {
		return err
	}
	for _, name := range files {
		text, err := dashboards.PrometheusFiles.ReadFile(name)
		if err != nil {
			return err
		}
		text = bytes.ReplaceAll(text, []byte("_interval: 5s\n"), fmt.Appendf(nil, "_interval: %ds\n", int(interval.Seconds())))
		if err := os.WriteFile(filepath.Join(p.dir, path.Base(name)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Target is a node for Prometheus to scrape.
type Target struct {
	Name string // value of the label instance
	Addr string // host:port
	Job  string // value of the label job; empty means lode
}

// SetTargets replaces the list of nodes that Prometheus scrapes.
func (p *Prometheus) SetTargets(targets ...Target) error {
	var text string
	for _, t := range targets {
		job := cmp.Or(t.Job, "lode")
		text += fmt.Sprintf("- targets: [%q]\n  labels: {instance: %q, job: %q}\n", t.Addr, t.Name, job)
	}
	name := filepath.Join(p.dir, "targets", "lode.yml")
	if err := os.WriteFile(name+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (p *Prometheus) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, err := p.ready(ctx); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.Done():
			return errors.New("it has ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
