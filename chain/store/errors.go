package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/lodepow/lode/chain"
)

// diskError turns the error of a write or a sync into the store's own, and says
// whether the next change may be tried: only after a write, or a growing of the
// file, that failed for want of space. Then bbolt has taken the transaction back,
// and whatever reached the disk lies in pages that are free.
func diskError(err error) (_ error, goOn bool) {
	if !full(err) {
		return fmt.Errorf("write to the store: %w", err), false
	}
	var failed *fs.PathError
	goOn = errors.As(err, &failed) && failed.Op == "write" ||
		strings.HasPrefix(err.Error(), "file resize error")
	return fmt.Errorf("%w: %w", chain.ErrNoSpace, err), goOn
}

func full(err error) bool {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		// bbolt does not wrap the error of growing the file.
		if errors.Is(err, errno) || strings.Contains(err.Error(), errno.Error()) {
			return true
		}
	}
	return false
}
