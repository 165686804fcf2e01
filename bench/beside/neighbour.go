//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lodepow/lode/pow"
)

// neighbour keeps a core busy. It begins paused.
type neighbour struct {
	resume, pause func()
	stop          func() error // may be called more than once
}

func startNeighbour(ctx context.Context, name string, k pow.Kernel, core int) (neighbour, error) {
	switch name {
	case "kernel":
		return kernelNeighbour(k, core), nil
	case "compiler":
		dir, err := os.MkdirTemp("", "lode-beside-")
		if err != nil {
			return neighbour{}, err
		}
		n, err := commandNeighbour(ctx, []string{"go", "build", "-a", "-o", os.DevNull, "./cmd/lode"}, []string{"GOCACHE=" + dir}, core)
		stop := n.stop
		n.stop = func() error { return errors.Join(stop(), os.RemoveAll(dir)) }
		if err != nil {
			return n, errors.Join(err, os.RemoveAll(dir))
		}
		return n, nil
	}
	return commandNeighbour(ctx, strings.Fields(name), nil, core)
}

// kernelNeighbour runs a kernel on a goroutine of this program.
func kernelNeighbour(k pow.Kernel, core int) neighbour {
	var running, ended atomic.Bool
	wake := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, so the thread ends with the goroutine
		err := bind(core)
		job := jobOf(1)
		job.Count = uint64(k.Chunk())
		for err == nil && !ended.Load() {
			if !running.Load() {
				<-wake
				continue
			}
			_, _ = k.Scan(job) // without an answer
		}
		done <- err
	}()
	signal := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	return neighbour{
		resume: func() { running.Store(true); signal() },
		pause:  func() { running.Store(false) },
		stop: sync.OnceValue(func() error {
			ended.Store(true)
			signal()
			return <-done
		}),
	}
}

// commandNeighbour runs a command, with the processes that it starts.
func commandNeighbour(ctx context.Context, command, env []string, core int) (neighbour, error) {
	if len(command) == 0 {
		return neighbour{}, errors.New("no command")
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with those that it has started
	if err := startOn(cmd, core); err != nil {
		return neighbour{stop: func() error { return nil }}, err
	}
	group := -cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	signal := func(s syscall.Signal) { _ = syscall.Kill(group, s) }
	signal(syscall.SIGSTOP)
	return neighbour{
		resume: func() { signal(syscall.SIGCONT) },
		pause:  func() { signal(syscall.SIGSTOP) },
		stop: sync.OnceValue(func() error {
			select {
			case err := <-ended:
				return errors.Join(errors.New("the neighbour has ended too early"), err)
			default:
			}
			signal(syscall.SIGKILL)
			<-ended //nolint:errcheck // the error says that it was killed
			return nil
		}),
	}, nil
}

// startOn starts a command on a core, which its processes inherit.
func startOn(cmd *exec.Cmd, core int) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is bound, and ends with the goroutine
		if err := bind(core); err != nil {
			started <- err
			return
		}
		started <- cmd.Start()
	}()
	return <-started
}

// bind binds the calling thread to a core.
func bind(core int) error {
	var set unix.CPUSet
	set.Set(core)
	return unix.SchedSetaffinity(0, &set)
}

// busyTime returns for how long a core has been busy since the machine was started. The
// kernel counts in hundredths of a second.
func busyTime(core int) time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var name string
		var user, nice, system int64
		if n, _ := fmt.Sscan(line, &name, &user, &nice, &system); n == 4 && name == fmt.Sprint("cpu", core) {
			return time.Duration(user+nice+system) * 10 * time.Millisecond
		}
	}
	return 0
}
