package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/internal/syserr"
)

// ErrUpgradeStopped is the error of Open if Options.Stop was closed during an upgrade.
var ErrUpgradeStopped = errors.New("the upgrade of the store was interrupted: the store is sound, and the next start goes on with the upgrade")

// diskError wraps the error of a write or a sync, and reports whether the store can
// go on. It can only if space was lacking for a write or for growing the file: bbolt
// has then rolled the transaction back, and anything that reached the disk lies in
// free pages. Then, and only then, the error wraps [chain.ErrNoSpace]. A sync that
// fails for lack of space is as fatal as any other that fails.
//
// On Windows, bbolt grows the file while it is not mapped. If that fails, bbolt has lost
// its mapping, so it is fatal, too; only a write into space that the file has already
// can fail for lack of space and leave the store usable.
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
	for _, number := range syserr.Numbers(syserr.DiskFull) {
		// bbolt does not wrap the error of growing the file, so its text is searched.
		if errors.Is(err, number) || strings.Contains(err.Error(), number.Error()) {
			return true
		}
	}
	return false
}
