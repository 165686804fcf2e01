//go:build linux || darwin

package store

import (
	"os"
	"syscall"
)

// freeBytes returns the space that this process may use on the disk of a folder,
// or -1 if the system does not tell.
func freeBytes(dir string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return -1
	}
	return int64(float64(s.Bavail) * float64(s.Bsize)) // their types depend on the system
}

// unlock releases the lock that bbolt has taken on a file.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
