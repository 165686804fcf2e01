package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/lodepow/lode/chain"
)

// diskError wraps the error of a write or a sync, and reports whether the store can
// go on. It can only if space was lacking for a write or for growing the file: bbolt
// has then rolled the transaction back, and anything that reached the disk lies in
// free pages. Then, and only then, the error wraps [chain.ErrNoSpace]. A sync that
// fails for lack of space is as fatal as any other that fails.
func diskError(err error) (_ error, goOn bool) {
	var failed *fs.PathError
	goOn = full(err) && (errors.As(err, &failed) && failed.Op == "write" ||
		strings.HasPrefix(err.Error(), "file resize error"))
	if goOn {
		return fmt.Errorf("%w: %w", chain.ErrNoSpace, err), true
	}
	return fmt.Errorf("write to the store: %w", err), false
}

// full reports whether the error means that a disk, a quota or a limit is full.
func full(err error) bool {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		// bbolt does not wrap the error of growing the file, so its text is searched.
		if errors.Is(err, errno) || strings.Contains(err.Error(), errno.Error()) {
			return true
		}
	}
	return false
}
