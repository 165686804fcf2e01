package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// settle makes sure that what Open is about to read from the file is on the disk. A
// process that was killed may have written a transaction and not synced it; without
// this, a reader would see it and could be told that it is stored.
//
// Unless the file was closed properly, settle also makes the kernel forget the file,
// so that Open reads the disk. After a sync that failed, the kernel keeps the pages
// that it could not write as if they were on the disk.
func settle(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // Windows syncs no file that is open for reading only
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if m, err := readMetas(f, info.Size()); err != nil || !m.closed {
		forgetPages(f)
	}
	return f.Close()
}

// syncDirs syncs a folder and all folders above it, each of which may be new. A file
// is only safe once all of their entries are.
func syncDirs(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	for {
		if err := syncDir(dir); err != nil {
			return err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

// syncDir syncs a folder. It skips folders that this process may not read, which it
// can therefore not have made, and file systems that cannot sync folders. Windows syncs
// no folders and says that this is not permitted; NTFS keeps them in its journal.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	err = d.Sync()
	for _, harmless := range []error{fs.ErrPermission, syscall.EINVAL, syscall.EROFS, errors.ErrUnsupported} {
		if errors.Is(err, harmless) {
			err = nil
		}
	}
	return errors.Join(err, d.Close())
}
