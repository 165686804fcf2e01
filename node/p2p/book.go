package p2p

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/tick"
)

const (
	saveEvery    = 10 * time.Second
	maxBookBytes = 8 << 20 // of the file; a longer one cannot be read
)

// book is the file of the address book.
type book struct {
	path    string // "": the book is not kept
	log     *slog.Logger
	unsaved bool // the latest attempt to save failed
}

type bookJSON struct {
	Addresses []gossip.Entry `json:"addresses"`
}

// load reads the book. It renames a damaged one to path.bad and returns an empty
// book, because the node can find addresses again.
func (b *book) load() ([]gossip.Entry, error) {
	if b.path == "" {
		return nil, nil
	}
	data, err := readAtMost(b.path, maxBookBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("address book: %w", err)
	}
	var j bookJSON
	if err = json.Unmarshal(data, &j); err == nil && slices.ContainsFunc(j.Addresses, func(e gossip.Entry) bool { return e.Address == "" || e.Failures < 0 }) {
		err = errors.New("an entry has no address or a negative number of failures")
	}
	if err != nil {
		bad := b.path + ".bad"
		b.log.Warn("the address book cannot be read: beginning with an empty one", "kept", bad, "err", err)
		if err := os.Rename(b.path, bad); err != nil {
			return nil, fmt.Errorf("address book: %w", err)
		}
		return nil, nil
	}
	return j.Addresses, nil
}

// readAtMost reads the beginning of a regular file. It refuses anything else, such as
// a named pipe, on which opening or reading could wait for ever.
func readAtMost(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := mustBeRegular(path, info); err != nil {
		return nil, err // without opening it, for that can have effects on a device
	}
	// Another kind of file may be there by now, so opening it must not wait either.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := mustBeRegular(path, info); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, most))
}

func mustBeRegular(path string, info fs.FileInfo) error {
	kind := "no regular file"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return fmt.Errorf("%s is %s, want a regular file: remove it, and the node begins with an empty address book", path, kind)
}

// save writes the book. If the program or the machine stops meanwhile, the file
// has either the old contents or the new.
func (b *book) save(entries []gossip.Entry) error {
	if b.path == "" {
		return nil
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(x, y gossip.Entry) int { return cmp.Compare(x.Address, y.Address) })
	data, err := json.MarshalIndent(bookJSON{entries}, "", " ")
	if err != nil {
		return fmt.Errorf("address book: %w", err)
	}
	if err := replaceFile(b.path, append(data, '\n')); err != nil {
		return fmt.Errorf("address book: %w", err)
	}
	return nil
}

// replaceFile writes a temporary file in the same folder and renames it to path.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// saveBook saves the book at intervals until the context ends.
func (n *Network) saveBook(ctx context.Context) {
	tick.Every(ctx, saveEvery, func() {
		if err := n.saveNow(); err != nil {
			n.log.Error("the address book was not saved", "err", err)
		}
	})
}

// saveNow saves the book if it has changed, or if the latest attempt failed.
func (n *Network) saveNow() error {
	n.mu.Lock()
	entries, changed := n.machine.Book()
	n.mu.Unlock()
	if !changed && !n.book.unsaved {
		return nil
	}
	err := n.book.save(entries)
	n.book.unsaved = err != nil
	return err
}
