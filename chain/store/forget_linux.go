package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// forgetPages makes the kernel drop the pages of a file that are in its cache and not
// in use, so that the file is read from the disk again. It is advice, so an error
// changes nothing.
func forgetPages(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
