package live

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// stopGrace is the time that a process has to end before Stop kills it.
const stopGrace = 10 * time.Second

// maxLog is the length of the log of a process, in bytes. Older output is dropped.
const maxLog = 64 << 10

// Process is a child process. It runs until Stop or Kill is called, or until it ends
// by itself.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

// start starts a program. Its standard error goes to the log. Its standard output
// goes to out or, if out is nil, to the log as well.
func start(name string, cmd *exec.Cmd, out io.Writer) (*Process, error) {
	p := &Process{name: name, cmd: cmd, log: &tail{}, done: make(chan struct{})}
	cmd.Stderr = p.log
	cmd.Stdout = p.log
	if out != nil {
		cmd.Stdout = out
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	return p, nil
}

// Done returns a channel that is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Log returns the latest output of the process.
func (p *Process) Log() string { return p.log.String() }

// Kill kills the process, as kill -9 does, and waits until it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop interrupts the process and waits until it has ended. If it does not end in
// time, Stop kills it and returns an error.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.Kill() // not every system can send an interrupt
		return nil
	}
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.Kill()
		return fmt.Errorf("%s did not end within %s and was killed; it wrote:\n%s", p.name, stopGrace, p.Log())
	}
}

// tail is a writer that keeps the last maxLog bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.buf.Write(p)
	if over := t.buf.Len() - maxLog; over > 0 {
		t.buf.Next(over)
	}
	return n, err
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
