//go:build !windows && (!unix || solaris || aix)

package lab

import (
	"errors"
	"os"
)

// tryLock returns an error, because this system has no such locks.
func tryLock(*os.File) error { return errors.ErrUnsupported }
