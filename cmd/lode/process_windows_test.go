package main

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// separate prepares a command to be ended by send: in a group of its own, so that the
// event that ends it does not end the test.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// send ends a process at once, or sends it the event of Ctrl-Break. Windows has no other
// signals.
func send(p *os.Process, s os.Signal) error {
	if s == os.Kill {
		return p.Kill()
	}
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.Pid))
}
