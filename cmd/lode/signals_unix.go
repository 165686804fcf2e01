//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreFileSizeSignal ignores the signal of a write beyond the limit of the size of a
// file, which would end the process. The write then fails like one on a full disk.
func ignoreFileSizeSignal() { signal.Ignore(syscall.SIGXFSZ) }
