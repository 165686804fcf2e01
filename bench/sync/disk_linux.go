package main

import (
	"io/fs"
	"path/filepath"
	"syscall"
)

// diskBytes returns the disk space that the files in a folder occupy, as du counts
// it, without the log.
func diskBytes(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Base(path) == "log.txt" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	return total, err
}
