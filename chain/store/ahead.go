package store

// How far the file is written in advance.
const (
	aheadLeast = 64 << 10  // no more are written while this many bytes lie ahead
	aheadPiece = 256 << 10 // bytes to write in advance at once

	// aheadGrowth is how many bytes the latest commit may have added to the used part of
	// the file for the next piece to be written in advance. A commit of many blocks adds so
	// much that writing it twice would cost more than it saves.
	aheadGrowth = 64 << 10
)

// ahead knows which part of the file has been written. bbolt makes the file longer by up
// to 16 MiB at once without writing them. When a page there is written for the first time,
// the file system has to choose a place for it on the disk, and to write that down in its
// own journal before a sync can return. A page that has been written before, if only with
// zeros, is synced without that, which takes about two thirds of the time on ext4. File
// systems that never write in place, such as APFS, btrfs and ZFS, gain nothing by it.
//
// bbolt never reads a page behind the used part of the file, so zeros there change nothing.
type ahead struct {
	used    int64 // bytes of the file that were in use before the latest commit; 0: not known
	written int64 // the file has been written up to here, as far as known
}

// next returns the part of the file to write with zeros before a commit: up to most bytes
// from the offset at. most is 0 if there is nothing to write. used is how many bytes of the
// file are in use.
func (a *ahead) next(used int64) (at, most int64) {
	grown, known := used-a.used, a.used != 0
	a.used, a.written = used, max(a.written, used)
	if !known || grown <= 0 || grown > aheadGrowth || a.written-used >= aheadLeast {
		return a.written, 0
	}
	return a.written, aheadPiece
}

// writeAhead writes the part of the file that the next commits will use, if it is time
// for that. used is how many bytes of the file are in use. An error is ignored, because
// then the commits only take longer. The committer calls it during a transaction, so that
// the file does not grow meanwhile.
func (s *Store) writeAhead(used int64) {
	at, most := s.ahead.next(used)
	if most == 0 {
		return
	}
	info, err := s.file.Stat()
	if err != nil {
		return
	}
	most = min(most, info.Size()-at) // bbolt takes care of the length of the file
	if most <= 0 {
		return
	}
	s.ahead.written += most // also after an error, so that a full disk is not tried at each commit
	zeros := make([]byte, min(most, aheadLeast))
	for most > 0 {
		n, err := s.file.WriteAt(zeros[:min(most, aheadLeast)], at)
		if err != nil {
			return
		}
		at, most = at+int64(n), most-int64(n)
	}
}
