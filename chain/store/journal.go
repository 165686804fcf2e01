package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// journalName is the file that holds the pending transactions that are not in the
// database yet. It exists only while a store is open, and after a crash.
const journalName = "chain.journal"

// journal is the file to which the committer writes changes that only add pending
// transactions. One write and one sync make a group of them durable, where the database
// needs several writes and two syncs. The next transaction of the database takes the
// posts over, whatever else is in it. From then on the records in the journal no longer
// count, and the next ones overwrite them from the beginning of the file.
//
// A record says on which transaction of the database it builds, and its number among the
// records that build on that one. So Open knows which records count, see parseJournal.
//
// The file is written with zeros to its full length before it is used, because a sync is
// faster where the file has been written before; see ahead. A record begins at a multiple
// of journalAlign, so that a write never touches a block of the disk that has a record
// that was acknowledged.
//
// Only the committer uses the fields, and Open and Close when it does not run. Load
// reads posts; mu guards that field, and is held while posts go into the database.
type journal struct {
	path   string
	file   *os.File // nil: there is none
	failed bool     // the file could not be made, and is not tried again until the store is opened anew

	base   base
	number uint64 // of the next record
	at     int64  // where it goes
	buf    []byte // its bytes

	mu    sync.RWMutex
	posts []encodedTx         // of all records that count
	keys  map[uint64]struct{} // numbers of posts
	fresh map[uint64]struct{} // what checkKeys has seen in a group
}

// remove is os.Remove, except in tests.
var remove = os.Remove

const (
	journalBytes = 1 << 20 // length of the file; when it is full, the posts go into the database
	journalAlign = 4 << 10
)

// writeJournal makes a group durable with a record in the journal. taken is false if the
// group has to go into the database instead: because it does more than to add pending
// transactions, or the journal is full or cannot be written. failed and err are as those
// of write.
func (s *Store) writeJournal(group []*request) (taken bool, failed int, err error) {
	j := &s.journal
	size := recordHeader
	for _, r := range group {
		if !r.onlyAdds() {
			return false, -1, nil
		}
		for _, p := range r.add {
			size += postHeader + len(p.record)
		}
	}
	if j.failed || int64(size) > journalBytes-j.at {
		return false, -1, nil
	}
	start := time.Now()
	if failed, err = s.checkKeys(group); err != nil {
		return true, failed, err
	}
	if j.file == nil {
		if err := s.startJournal(); err != nil {
			return s.broken != nil, -1, s.broken
		}
	}
	if s.hooks.beforeSync != nil {
		if err := s.hooks.beforeSync(); err != nil {
			return true, -1, err
		}
	}
	j.encode(group, size)
	if _, err := j.file.WriteAt(j.buf, j.at); err != nil {
		// What was written is not the whole record, so it does not count.
		err, goOn := diskError(err)
		if goOn {
			return false, -1, nil
		}
		return true, -1, s.giveUp(err)
	}
	if err := dataSync(j.file); err != nil {
		return true, -1, s.giveUp(fmt.Errorf("sync the journal: %w", err))
	}
	j.number++
	j.at += int64(len(j.buf))
	j.keep(group)
	s.tellCommitted(len(group), time.Since(start))
	if s.hooks.afterSync != nil {
		if err := s.hooks.afterSync(); err != nil {
			err, _ = diskError(err)
			return true, -1, s.giveUp(err)
		}
	}
	return true, -1, nil
}

// onlyAdds reports whether the change adds pending transactions and does nothing else.
func (c *change) onlyAdds() bool {
	return len(c.add) > 0 && len(c.blocks)+len(c.disconnect)+len(c.connect)+len(c.remove) == 0
}

// checkKeys returns an error if a change of the group uses the number of a pending
// transaction that is there already, with the index of the change.
func (s *Store) checkKeys(group []*request) (failed int, err error) {
	j := &s.journal
	clear(j.fresh)
	for i, r := range group {
		for _, p := range r.add {
			_, taken := j.keys[p.seq()]
			if !taken {
				_, taken = j.fresh[p.seq()]
			}
			if !taken && p.seq() <= s.lastSeq {
				if taken, err = s.hasPending(p.key); err != nil {
					return i, err
				}
			}
			if taken {
				return i, errTaken(p.key)
			}
			j.fresh[p.seq()] = struct{}{}
		}
	}
	return -1, nil
}

func errTaken(key []byte) error {
	return fmt.Errorf("pending transaction %x: its sequence number is taken", key)
}

// startJournal makes the file. Before the first record, the database says that there is a
// journal, so that earlier versions, which would ignore it, refuse to open the store.
func (s *Store) startJournal() error {
	j := &s.journal
	file, err := createJournal(j.path)
	if err == nil {
		if _, err = s.transact(nil, schemaJournal); err != nil {
			err = errors.Join(err, file.Close())
			if s.broken == nil { // the database does not say that there is a journal
				_ = os.Remove(j.path)
			}
		}
	}
	if err != nil {
		j.failed = true
		s.log.Info("the store has no journal, so each group of posts takes two syncs", "err", err)
		return err
	}
	j.file = file
	return nil
}

// createJournal makes a file of zeros that is on disk when it returns.
func createJournal(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, journalBytes)
	if _, err = file.Write(zeros); err == nil {
		err = errors.Join(file.Sync(), syncDir(filepath.Dir(path)))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return file, nil
}

// keep remembers the posts of a group that is in the journal.
func (j *journal) keep(group []*request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range group {
		for _, p := range r.add {
			j.add(p)
		}
	}
}

func (j *journal) add(p encodedTx) {
	j.posts = append(j.posts, p)
	j.keys[p.seq()] = struct{}{}
}

// rebase notes that the database has all posts since its latest transaction.
func (j *journal) rebase(b base) {
	j.base, j.number, j.at = b, 0, 0
	clear(j.posts)
	j.posts = j.posts[:0]
	clear(j.keys)
}

// retireJournal puts what the journal has into the database and removes the file. It
// reports whether the database now has everything. Otherwise the files stay as they are,
// and the next Open reads both.
func (s *Store) retireJournal() bool {
	j := &s.journal
	if j.file == nil {
		return true
	}
	err := s.broken
	if err == nil {
		_, err = s.transact(nil, schema)
	}
	_ = j.file.Close()
	if err != nil {
		s.log.Info("the journal was not put into the store, so the next start does it", "err", err)
		return false
	}
	_ = remove(j.path) // what is left of it does not count
	return true
}

// openJournal reads the journal that a crash has left behind. Its posts count as if they
// were in the database, and the committer goes on behind them.
func (s *Store) openJournal(inv *inventory) error {
	j := &s.journal
	j.path = filepath.Join(filepath.Dir(s.path), journalName)
	j.base = base{s.txid, s.state.sum()}
	j.keys, j.fresh = map[uint64]struct{}{}, map[uint64]struct{}{}
	s.lastSeq = inv.lastSeq
	expected := inv.schema == schemaJournal
	info, err := os.Stat(j.path)
	switch {
	case errors.Is(err, os.ErrNotExist) && expected:
		return damagedJournal("it is missing, and has posts that were acknowledged")
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return damagedJournal("it is not a regular file (%s)", info.Mode())
	case expected && info.Size() != journalBytes:
		// It had its full length, durably, before the database knew of it.
		return damagedJournal("it has %d bytes and not %d", info.Size(), journalBytes)
	}
	file, err := os.OpenFile(j.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := s.readJournal(file, expected); err != nil {
		return errors.Join(err, file.Close())
	}
	if expected {
		j.file = file
		return nil
	}
	// The process has died in startJournal, or in retireJournal. If the file cannot be
	// removed, it does no harm: no record in it counts, and startJournal writes it anew.
	if err := errors.Join(file.Close(), remove(j.path)); err != nil {
		s.log.Warn("a journal that is not needed any more stays", "err", err)
	}
	return nil
}

func (s *Store) readJournal(file *os.File, expected bool) error {
	j := &s.journal
	data, err := settled(file)
	if err != nil {
		return err
	}
	posts, number, at, err := parseJournal(data, j.base)
	if err != nil {
		return err
	}
	if len(posts) > 0 && !expected {
		return damagedJournal("it has posts, and %s does not know of it", fileName)
	}
	for _, p := range posts {
		if _, twice := j.keys[p.seq()]; twice {
			return damagedJournal("it has pending transaction %x twice", p.key)
		}
		if p.seq() <= s.lastSeq {
			if has, err := s.hasPending(p.key); err != nil || has {
				return errors.Join(err, damagedJournal("it has pending transaction %x, and so has the database, perhaps of another node", p.key))
			}
		}
		j.add(p)
	}
	j.number, j.at = number, at
	return nil
}
