package store

import (
	"testing"

	"golang.org/x/sys/unix"
)

// firstHole returns the offset of the first part of the file behind what is in use
// that has never been written. On file systems that do not tell, it is the length.
func firstHole(t *testing.T, s *Store) int64 {
	t.Helper()
	hole, err := s.file.Seek(s.ahead.used, unix.SEEK_HOLE) // bbolt never uses the position of the file
	if err != nil {
		t.Fatal(err)
	}
	return hole
}
