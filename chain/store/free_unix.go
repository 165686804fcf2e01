//go:build linux || darwin

package store

import "syscall"

// freeBytes returns the space that this process may use on the disk of a folder,
// or -1 if the system does not tell.
func freeBytes(dir string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
