package p2p

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

func TestBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	b := &book{path: path, log: slog.New(slog.DiscardHandler)}
	if entries, err := b.load(); err != nil || entries != nil {
		t.Errorf("without a file: %v, %v", entries, err)
	}
	entries := []gossip.Entry{
		{Address: "http://b:1", Seen: testTime.UTC()},
		{Address: "http://a:1", Failures: 3, Next: testTime.UTC().Add(time.Hour)},
	}
	for range 2 {
		if err := b.save(entries); err != nil {
			t.Fatal(err)
		}
	}
	if entries[0].Address != "http://b:1" {
		t.Error("saving has sorted the caller's entries")
	}
	got, err := b.load()
	if err != nil || !reflect.DeepEqual(got, []gossip.Entry{entries[1], entries[0]}) {
		t.Errorf("read back: %v, %v", got, err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("files left: %v, %v", files, err)
	}
}

// TestDamagedBook renames a file that cannot be read and begins with an empty book.
func TestDamagedBook(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]x", `{"addresses":[{"address":"ftp://a"}]}`, `{"addresses":[{"seen":"2026-01-01T00:00:00Z"}]}`,
		`{"addresses":[{"address":"http://a:1","failures":-1}]}`, `{"addresses":[{"address":"http://a:1","seen":"yesterday"}]}`,
		"\x00\xff", `{"addresses":"` + longText(maxBookBytes) + `"}`,
	} {
		path := filepath.Join(t.TempDir(), "peers.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		config := testConfig(newTestChain(t))
		config.Book, config.Logger = path, slog.New(slog.NewTextHandler(&log, nil))
		n := newTestNetwork(t, config)
		if n.machine.Known() != 0 {
			t.Errorf("%.60q: %d addresses", text, n.machine.Known())
		}
		kept, err := os.ReadFile(path + ".bad")
		if err != nil || string(kept) != text {
			t.Errorf("%.60q: kept %.60q, %v", text, kept, err)
		}
		if !strings.Contains(log.String(), "the address book cannot be read") {
			t.Errorf("%.60q: log %s", text, log.String())
		}
	}
}

// TestBookThatCannotBeSaved saves again after a failure, although the book has not
// changed since.
func TestBookThatCannotBeSaved(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	config := testConfig(newTestChain(t))
	config.Book = filepath.Join(folder, "peers.json")
	n := newTestNetwork(t, config)
	s := &script{book: []gossip.Entry{{Address: "http://a:1"}}}
	n.machine = &unchanged{s}
	if err := n.saveNow(); err != nil {
		t.Errorf("a book that has not changed was saved: %v", err)
	}
	n.machine = s
	if err := n.saveNow(); err == nil {
		t.Error("no error, although the folder does not exist")
	}
	n.machine = &unchanged{s}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := n.saveNow(); err != nil {
		t.Error(err)
	}
	if entries, err := n.book.load(); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// unchanged is a state machine whose book has not changed.
type unchanged struct{ *script }

func (u *unchanged) Book() ([]gossip.Entry, bool) { return u.book, false }
