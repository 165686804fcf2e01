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
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/tick"
)

const (
	saveEvery    = 10 * time.Second
	maxBookBytes = 8 << 20
)

// book is the address book's file.
type book struct {
	path    string
	log     *slog.Logger
	unsaved bool
}

type bookJSON struct {
	Addresses []gossip.Entry `json:"addresses"`
}

// load reads the book. A damaged one is put aside: addresses can be found again.
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

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, most))
}

// save writes the book. The file is the old one or the new
// one, whatever happens meanwhile.
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

// saveBook saves the book now and then.
func (n *Network) saveBook(ctx context.Context) {
	tick.Every(ctx, saveEvery, func() {
		if err := n.saveNow(); err != nil {
			n.log.Error("the address book was not saved", "err", err)
		}
	})
}

// saveNow saves the book if it has changed, or could not be saved before.
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
