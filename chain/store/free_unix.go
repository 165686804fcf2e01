//go:build linux || darwin

package store

import (
	"math"
	"syscall"
)

// freeBytes returns the space that is left to this process on the disk of a
// folder.
func freeBytes(dir string) float64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return math.NaN()
	}
	return float64(s.Bavail) * float64(s.Bsize)
}
