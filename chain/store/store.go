package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/internal/observe"
	"github.com/lodepow/lode/pow"
)

const (
	fileName = "chain.db"
	newName  = fileName + ".new-*"

	schema        = 2
	schemaJournal = 3 // the same, with posts in the journal that are not in the file
	lockWait      = time.Second
)

// The buckets.
const (
	bucketMeta    = "meta"
	bucketHeaders = "headers"
	bucketBodies  = "bodies"
	bucketTxs     = "txs"
	bucketOwners  = "owners"
	bucketPending = "pending"
)

const (
	keySchema  = "schema"
	keyNetwork = "network"
	keyUpgrade = "upgrade"
)

// Options say which network's chain the store has.
type Options struct {
	NetworkID   pow.Hash
	NetworkName string
	Logger      *slog.Logger // nil: discards

	// Stop, once it is closed, ends an upgrade that Open makes, at the next moment at
	// which the file is sound. Open then returns [ErrUpgradeStopped]. nil: nothing does.
	Stop <-chan struct{}

	hooks hooks
}

// checkBodiesUpTo is the size of the largest file whose block bodies Open reads and
// checks, which takes seconds at some hundred megabytes a second. The bodies of a
// larger file are checked only when they are read.
const checkBodiesUpTo = 1 << 30

// hooks let tests stop the committer or make it fail.
type hooks struct {
	beforeSync func() error // called when all changes of the group are in the transaction
	afterSync  func() error // called before any change of the group is acknowledged

	upgraded     func() error // called after each transaction of an upgrade
	upgradeSteps upgradeSteps // smaller than the default ones
}

// Store is a [chain.Store] in a file.
type Store struct {
	path   string
	file   *os.File // the one that db reads and writes
	db     *bbolt.DB
	log    *slog.Logger
	hooks  hooks
	blocks *index

	counts    counts
	observers observe.List[Observer]

	gate   sync.RWMutex // held for reading while a change enters the queue
	closed bool         // guarded by gate; once true, nothing enters the queue
	queue  chan *request
	done   chan struct{} // closed when the committer has returned

	gaveUp chan struct{} // closed when broken is set

	// Only the committer uses the following fields, and Close when it has returned.
	// Others may read broken once gaveUp is closed.
	state   state  // after the last commit
	txid    uint64 // of the last commit
	lastSeq uint64 // no pending transaction in the database has a greater number
	ahead   ahead
	journal journal
	broken  error // why the store refuses all changes; nil: it does not
	stuck   bool  // bbolt has panicked while it held its locks, and cannot be closed
}

var _ chain.Store = (*Store)(nil)

// Open opens the store in a folder, and creates both if they do not exist. The
// error wraps [chain.ErrLocked] if another process has the store open,
// [chain.ErrDamaged] if the file is not as it was written, and [chain.ErrNoSpace]
// if the disk is full.
func Open(dir string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	began := time.Now()
	path := filepath.Join(dir, fileName)
	s, err := openDir(dir, path, o)
	if err != nil && full(err) {
		err = fmt.Errorf("%w: %w", chain.ErrNoSpace, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	o.Logger.Info("opened the store", "path", path, "blocks", s.state.blocks, "indexed_txs", s.state.txs,
		"pending", s.state.pending+uint64(len(s.journal.posts)), "took", time.Since(began).Round(time.Millisecond))
	go s.commitAll()
	return s, nil
}

func openDir(dir, path string, o Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := create(dir, path, o); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() { // to open a named pipe would wait for ever
		return nil, damaged("it is not a regular file (%s)", info.Mode())
	}
	// A process that was killed may have left all of this to the kernel alone.
	if err := errors.Join(syncDirs(dir), settle(path)); err != nil {
		return nil, err
	}
	inv, err := checkFile(path)
	if err != nil {
		return nil, err
	}
	if err := inv.check(o); err != nil {
		return nil, err
	}
	if inv.torn != nil {
		o.Logger.Warn("one of the two meta pages of the store is not what was written: the other one is used, and the next change writes this one anew. If this was a power failure, nothing that was acknowledged is lost",
			"path", path, "err", inv.torn)
	}

	s := &Store{
		path:   path,
		log:    o.Logger,
		hooks:  o.hooks,
		blocks: inv.blocks,
		state:  inv.state,
		txid:   inv.txid,
		queue:  make(chan *request, maxGroup),
		done:   make(chan struct{}),
		gaveUp: make(chan struct{}),
	}
	if s.db, s.file, err = openBolt(path, false); err != nil {
		return nil, err
	}
	if err := s.prepare(dir, inv, o.Stop); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// prepare does what is left to do once this process has the file to itself.
func (s *Store) prepare(dir string, inv *inventory, stop <-chan struct{}) error {
	// Another process may have written since checkFile read the file and before this
	// process got the exclusive lock.
	if err := s.isAt(inv.txid); err != nil {
		return fmt.Errorf("%w: %w", chain.ErrLocked, err)
	}
	// Remove files that processes which died in create have left behind.
	if left, err := filepath.Glob(filepath.Join(dir, newName)); err == nil {
		for _, name := range left {
			_ = os.Remove(name)
		}
	}
	if inv.schema < schema || inv.upgrading {
		if err := s.upgrade(stop); err != nil {
			return err
		}
	}
	return s.openJournal(inv)
}

// create writes an empty store under a temporary name and then links it to path, so
// that a file at path is complete even if this process dies. If two processes
// create the store at the same time, both use the file that was linked first.
func create(dir, path string, o Options) (err error) {
	temp, err := os.CreateTemp(dir, newName)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	if err := temp.Close(); err != nil {
		return err
	}
	db, _, err := openBolt(temp.Name(), false)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{bucketMeta, bucketHeaders, bucketBodies, bucketTxs, bucketOwners, bucketPending} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		meta := tx.Bucket([]byte(bucketMeta))
		return errors.Join(
			putMeta(meta, keySchema, binary.BigEndian.AppendUint32(nil, schema)),
			putMeta(meta, keyNetwork, append(o.NetworkID[:], o.NetworkName...)),
			meta.Put(keyState(), state{}.record()))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil {
		if _, err := os.Stat(path); err == nil {
			return nil // another process was faster
		}
		// Some file systems have no links. There, the file of one of two processes
		// that create the same store at the same time may replace the other's.
		if err := os.Rename(temp.Name(), path); err != nil {
			return err
		}
	}
	return nil
}

// putMeta writes a record of the bucket meta.
func putMeta(meta *bbolt.Bucket, name string, value []byte) error {
	return meta.Put([]byte(name), seal([]byte(name), append(make([]byte, sumSize), value...)))
}

// checkFile reads and checks the whole file before bbolt relies on it. Its shared
// lock keeps other processes from writing meanwhile.
func checkFile(path string) (*inventory, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 { // bbolt would turn it into an empty database
		return nil, damaged("the file is empty")
	}
	db, file, err := openBolt(path, true)
	if err != nil {
		return nil, err
	}
	inv := &inventory{blocks: newIndex(0)}
	if info, err = file.Stat(); err == nil {
		var last lastCommit
		last, err = checkPages(file, info.Size(), checkBodiesUpTo, inv.record)
		inv.txid, inv.torn = last.txid, last.torn
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return inv, nil
}

// isAt returns an error unless the last transaction in the file is txid.
func (s *Store) isAt(txid uint64) error {
	return s.view(func(tx *bbolt.Tx) error {
		if now := uint64(tx.ID()); now != txid {
			return fmt.Errorf("the last transaction is %d, want %d", now, txid)
		}
		return nil
	})
}

// openBolt opens the database and also returns its file, on which Close falls back
// and which checkFile reads.
func openBolt(path string, readOnly bool) (db *bbolt.DB, file *os.File, err error) {
	defer func() {
		if err != nil && file != nil {
			_ = file.Close() // releases the lock, too, if bbolt has panicked
		}
	}()
	defer guard(&err)()
	db, err = bbolt.Open(path, 0o644, &bbolt.Options{
		Timeout:      lockWait,
		ReadOnly:     readOnly,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	var disk *os.PathError
	switch {
	case err == nil:
		return db, file, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, fmt.Errorf("%w; stop it, or choose another data folder", chain.ErrLocked)
	case errors.As(err, &disk):
		return nil, nil, err
	default:
		return nil, nil, damaged("%v", err)
	}
}

// Close waits until all changes that have been handed to Commit are answered, and
// closes the file. Later calls return nil after the first has stopped the
// committer.
func (s *Store) Close() error {
	s.gate.Lock()
	if s.closed {
		s.gate.Unlock()
		<-s.done
		return nil
	}
	s.closed = true
	close(s.queue)
	s.gate.Unlock()

	<-s.done
	if s.retireJournal() && s.broken == nil {
		s.writeOtherMeta()
	}
	if s.stuck {
		// bbolt cannot unmap the file, which keeps its lock alive after the close.
		return errors.Join(unlock(s.file), s.file.Close())
	}
	return s.db.Close()
}

// writeOtherMeta commits a transaction without changes. Both meta pages then lead to
// the same records, so that a file that was closed survives the loss of either page.
// An error is only logged: everything that was acknowledged is on disk anyway.
func (s *Store) writeOtherMeta() {
	tx, err := s.begin()
	if err == nil {
		w := &writer{tx: tx}
		if err = w.commit(); err != nil {
			s.rollBack(w)
		}
	}
	if err != nil {
		s.log.Info("the second meta page of the store was not written", "err", err)
	}
}
