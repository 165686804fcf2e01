//go:build !linux

package main

import "errors"

// diskBytes fails, because this command runs only on Linux.
func diskBytes(string) (int64, error) {
	return 0, errors.New("the disk space of a node is known on Linux only")
}
