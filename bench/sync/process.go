package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running node.
type process struct {
	cmd  *exec.Cmd
	log  string        // file that receives the output of the process
	peer string        // address for other nodes
	api  string        // address of the API
	done chan struct{} // closed when the process has ended
	err  error         // result of the process; valid once done is closed
}

// start starts a process and writes its output to a file in dir. HOME is set to
// dir, so that the process does not read the configuration of the user.
func start(ctx context.Context, dir string, p process, path string, args ...string) (*process, error) {
	p.log = filepath.Join(dir, "log.txt")
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close() //nolint:errcheck // the process has its own descriptor
	p.cmd = exec.CommandContext(ctx, path, args...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = time.Minute
	p.cmd.Env = append(os.Environ(), "HOME="+dir)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.done = make(chan struct{})
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return &p, nil
}

// stop asks the process to end and waits until it has ended. If that takes more
// than a minute, stop kills it and returns an error.
func (p *process) stop() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended before it was asked to (%w); see %s", p.cmd.Path, p.err, p.log)
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill() // fails only if the process has just ended
		<-p.done
		return fmt.Errorf("%s did not end within a minute and was killed; see %s", p.cmd.Path, p.log)
	}
}

// peakRSS returns the peak resident memory of the process so far, in bytes.
func (p *process) peakRSS() (int64, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no line VmHWM (peak resident memory)", file.Name())
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
