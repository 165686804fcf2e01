package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// dataSync syncs what was written to a file, without its times.
func dataSync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
