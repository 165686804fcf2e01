package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a process has to start, and to end.
const patience = time.Minute

// process is a node or a miner that runs.
type process struct {
	cmd     *exec.Cmd
	log     string        // file that receives its output
	address string        // HOST:PORT of its metrics
	done    chan struct{} // closed when it has ended
	err     error         // of Wait; valid once done is closed
}

// group is a set of processes that are stopped together, the latest first.
type group struct{ all []*process }

// start starts lode and adds it to the group. It writes its output to a file in dir.
func (s setup) start(ctx context.Context, to *group, dir, address string, args ...string) (*process, error) {
	out, err := os.CreateTemp(dir, "log-")
	if err != nil {
		return nil, err
	}
	defer out.Close() //nolint:errcheck // the process has its own descriptor
	program := s.lode
	if s.cpus != "" {
		program, args = "taskset", append([]string{"-c", s.cpus, s.lode}, args...)
	}
	p := &process{cmd: exec.CommandContext(ctx, program, args...), log: out.Name(), address: address, done: make(chan struct{})}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = patience
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	to.all = append(to.all, p)
	return p, nil
}

// stop ends all processes of the group and waits for them.
func (g *group) stop() error {
	var errs []error
	for i := len(g.all) - 1; i >= 0; i-- {
		p := g.all[i]
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended, which the next lines notice
		select {
		case <-p.done:
		case <-time.After(patience):
			_ = p.cmd.Process.Kill() // fails only if the process has just ended
			<-p.done
		}
		if p.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w%s", p.cmd, p.err, p.lastLines()))
		}
	}
	return errors.Join(errs...)
}

// lastLines returns the end of the process's output, to be appended to an error.
func (p *process) lastLines() string {
	const most = 1000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	return "\n" + string(text[max(0, len(text)-most):])
}

// awaitHashes waits until the process has hashed something.
func (p *process) awaitHashes(ctx context.Context) error {
	return p.await(ctx, "hashed", func() (bool, error) {
		values, err := p.metrics(ctx)
		return err == nil && values["lode_hashes_total"] > 0, err
	})
}

// awaitListener waits until the process listens on the address.
func (p *process) awaitListener(ctx context.Context, address string) error {
	return p.await(ctx, "listened on "+address, func() (bool, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return false, err
		}
		return true, conn.Close()
	})
}

// await waits until the process has done something.
func (p *process) await(ctx context.Context, what string, done func() (bool, error)) error {
	for deadline := time.Now().Add(patience); ; {
		ok, err := done()
		if ok {
			return err
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s has ended%s", p.cmd, p.lastLines())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s has not %s for %v (%w)%s", p.cmd, what, patience, err, p.lastLines())
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// metrics returns the metrics of the process. The key is the name, with its labels if there
// are any; that of lode_hashes_total is the name alone.
func (p *process) metrics(ctx context.Context) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	values := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		end := strings.LastIndexByte(lines.Text(), ' ')
		if end < 0 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		v, err := strconv.ParseFloat(lines.Text()[end+1:], 64)
		if err != nil {
			return nil, err
		}
		name := lines.Text()[:end]
		if strings.HasPrefix(name, "lode_hashes_total{") {
			name = "lode_hashes_total"
		}
		values[name] += v
	}
	return values, lines.Err()
}

// cpu returns the processor time that the process has used, of user and system together.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The fields after the name, which is in parentheses; the times are in hundredths of a
	// second (proc(5)).
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const user, system, tick = 11, 12, 10 * time.Millisecond
	if len(fields) <= system {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", p.cmd.Process.Pid, len(fields))
	}
	u, err1 := strconv.ParseInt(fields[user], 10, 64)
	s, err2 := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * tick, errors.Join(err1, err2)
}

// freeAddress returns a loopback address with a port that is free at the moment.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
