//go:build !windows

package main

import (
	"os"
	"os/exec"
)

// separate prepares a command to be ended by send.
func separate(*exec.Cmd) {}

// send sends a signal to a process.
func send(p *os.Process, s os.Signal) error { return p.Signal(s) }
