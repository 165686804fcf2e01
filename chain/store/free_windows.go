package store

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// freeBytes returns the space that this process may use on the disk of a folder,
// or -1 if the system does not tell.
func freeBytes(dir string) int64 {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return -1
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return -1
	}
	return int64(min(free, math.MaxInt64))
}

// unlock does nothing, because Windows ends a lock when its file is closed.
func unlock(*os.File) error { return nil }
