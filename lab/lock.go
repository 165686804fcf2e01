package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// LockFile is a file in a folder of results while a run writes to it.
const LockFile = "run.lock"

// errLocked says that another process, or another Folder, has the lock.
var errLocked = errors.New("locked")

// lockFolder makes sure that only one run writes to a folder. The system ends the lock when
// the process does, in whatever way. A file system that knows no locks is not checked.
func lockFolder(dir string) (*os.File, error) {
	name := filepath.Join(dir, LockFile)
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		if err := tryLock(f); errors.Is(err, errLocked) {
			_ = f.Close()
			return nil, fmt.Errorf("another process is writing to the folder %s: wait until it ends, or take another folder", dir)
		}
		if isStill(f, name) {
			return f, nil
		}
		_ = f.Close() // its run has ended since it was opened, and has removed the file
	}
}

// isStill reports whether the name is that of an open file.
func isStill(f *os.File, name string) bool {
	open, err1 := f.Stat()
	now, err2 := os.Stat(name)
	return err1 == nil && err2 == nil && os.SameFile(open, now)
}

// unlockFolder ends a lock and removes its file. It removes the file first: a process that has
// opened the old file and locks it afterwards sees that the name is gone, and tries again.
// Windows does not remove open files, so that the file is removed after the lock has ended;
// nobody can open a file there that is being removed.
func unlockFolder(f *os.File) error {
	gone := os.Remove(f.Name())
	err := f.Close()
	if gone != nil {
		_ = os.Remove(f.Name()) // fails if another run has opened it
	}
	return err
}
