//go:build !linux

package store

import "os"

// forgetPages does nothing on systems that cannot be told to read a file from the
// disk again.
func forgetPages(*os.File) {}
