//go:build unix && !solaris && !aix

package lab

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file, or returns errLocked if another has. Any other error says that the
// file system has no locks.
func tryLock(f *os.File) error {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		default:
			return err
		}
	}
}
