package store

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// branchesTip is the tip of the store in testdata/schema1-branches.db.gz.
const branchesTip = "072b968b7eef237c4a73e9144e288d75347c48b3bfeb688b547d4d3f02a2894d"

// oldStore writes the store of schema 1 that testdata has into a new folder, and returns
// the options to open it with.
func oldStore(t testing.TB) (dir string, o Options) {
	t.Helper()
	zipped, err := os.ReadFile("testdata/schema1-branches.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, oldOptions()
}

func oldOptions() Options {
	params, err := rules.Tutorial(1)
	if err != nil {
		panic(err)
	}
	return Options{NetworkID: params.ID(), NetworkName: params.Name()}
}

// bucketOf returns the records of a bucket of a file that no store has open, and the schema
// that the file has. The keys and values are in hex.
func bucketOf(t testing.TB, dir, bucket string) (records []string, schema byte) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, fileName), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		value := tx.Bucket([]byte(bucketMeta)).Get([]byte(keySchema))
		schema = value[len(value)-1]
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			records = append(records, fmt.Sprintf("%x=%x", k, v))
			return nil
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return records, schema
}

// writtenAnew returns the records of the index of owners that this version writes if it
// gets the blocks of the old store one after another.
func writtenAnew(t *testing.T) []string {
	t.Helper()
	from, o := oldStore(t)
	old, err := Open(from, o)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	parents := map[pow.Hash]pow.Hash{}
	tip, _, err := old.Load(func(h pow.Header) error {
		raw, err := old.Block(h.Hash())
		if err != nil {
			return err
		}
		b, err := block.Parse(raw)
		if err != nil {
			return err
		}
		parents[h.Hash()] = h.Prev
		return s.Commit(chain.Change{Blocks: []block.Block{b}})
	})
	if err != nil {
		t.Fatal(err)
	}
	var connect []pow.Hash
	for hash := tip; hash != (pow.Hash{}); hash = parents[hash] {
		connect = append(connect, hash)
	}
	slices.Reverse(connect)
	mustCommit(t, s, chain.Change{Connect: connect})
	mustClose(t, s)
	mustClose(t, old)
	records, _ := bucketOf(t, dir, bucketOwners)
	return records
}

// checkUpgraded opens the upgraded store, compares its index with the one that was written
// anew, and lets it take changes.
func checkUpgraded(t *testing.T, dir string, o Options, want []string) {
	t.Helper()
	var log bytes.Buffer
	o.Logger, o.hooks = slog.New(slog.NewTextHandler(&log, nil)), hooks{}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	tip, pending, err := s.Load(func(pow.Header) error { return nil })
	if err != nil || tip.String() != branchesTip || len(pending) != 3 {
		t.Errorf("tip %s, %d pending (%v), want %s and 3", tip, len(pending), err, branchesTip)
	}
	mustClose(t, s)
	if got, number := bucketOf(t, dir, bucketOwners); number != schema || !slices.Equal(got, want) {
		t.Fatalf("schema %d, the index has %d records:\n%s\nwant %d:\n%s", number, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
	if records, _ := bucketOf(t, dir, bucketMeta); len(records) != 3 {
		t.Errorf("the bucket meta has %d records, want 3: %v", len(records), records)
	}
	log.Reset()
	if s, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	if strings.Contains(log.String(), "upgrad") {
		t.Errorf("a store that has been upgraded is upgraded again: %s", &log)
	}
	next := testBlock(tip, 45, "next", testTx("after the upgrade"))
	mustCommit(t, s, chain.Change{Blocks: []block.Block{next}, Connect: []pow.Hash{next.Hash()}})
	if places, err := s.TxsOf(chain.TxOwner{Author: "a"}, chain.TxCursor{}, 9); err != nil || len(places) != 1 || places[0].Block != next.Hash() {
		t.Errorf("the transaction after the upgrade is at %v (%v)", places, err)
	}
}

// The upgrade makes the index that this version would have written, whatever the size of
// its steps, and says what it does.
func TestUpgradeSteps(t *testing.T) {
	want := writtenAnew(t)
	for _, steps := range []upgradeSteps{
		{}, {records: 1, write: 1, blocks: 1}, {records: 7, write: 3, blocks: 10}, {records: len(want), write: 1000, blocks: 48}, {records: len(want) - 1}, {records: 50, write: 7},
	} {
		dir, o := oldStore(t)
		var log bytes.Buffer
		o.Logger, o.hooks.upgradeSteps = slog.New(slog.NewTextHandler(&log, nil)), steps
		s, err := Open(dir, o)
		if err != nil {
			t.Fatalf("%+v: %v", steps, err)
		}
		mustClose(t, s)
		if text := log.String(); !containsAll(text, "upgrading the store", "the next start goes on from there", "blocks=48", "the store is upgraded", fmt.Sprint("records=", len(want))) {
			t.Errorf("%+v: logged %s", steps, text)
		}
		checkUpgraded(t, dir, o, want)
	}
}

// An upgrade that ends after any of its transactions leaves a sound file, which earlier
// versions refuse, and goes on when the store is opened again.
func TestUpgradeInterrupted(t *testing.T) {
	want := writtenAnew(t)
	steps := upgradeSteps{records: 20, write: 7, blocks: 5}
	errStop := errors.New("stopped by the test")
	for end := 1; ; end++ {
		dir, o := oldStore(t)
		if _, number := bucketOf(t, dir, bucketOwners); number != 1 {
			t.Fatalf("the old store has schema %d", number)
		}
		done, before := 0, -1
		o.hooks = hooks{upgradeSteps: steps, upgraded: func() error {
			if done++; done%end == 0 {
				return errStop
			}
			return nil
		}}
		opens := 0
		s, err := Open(dir, o)
		for ; errors.Is(err, errStop) && opens < 1000; s, err = Open(dir, o) {
			opens++
			records, number := bucketOf(t, dir, bucketOwners)
			if number != schema || len(records) < before || !slices.Equal(records, want[:len(records)]) {
				t.Fatalf("after %d transactions: schema %d, %d records, %d before", done, number, len(records), before)
			}
			before = len(records)
			if end == 1 && opens > 1 {
				break // an upgrade that always ends after its first transaction adds nothing
			}
		}
		if end == 1 {
			continue
		}
		if err != nil {
			t.Fatalf("stopped after every %d transactions: %v", end, err)
		}
		mustClose(t, s)
		checkUpgraded(t, dir, o, want)
		if opens == 0 {
			return
		}
	}
}

// An upgrade that is told to stop, whenever that is, makes no further transaction, unless it
// is the last one. It says that the next start goes on with it, and that is so.
func TestUpgradeStopped(t *testing.T) {
	want := writtenAnew(t)
	for after := 1; ; after += 4 {
		dir, o := oldStore(t)
		stop, done := make(chan struct{}), 0
		o.Stop = stop
		o.hooks = hooks{upgradeSteps: upgradeSteps{records: 20, write: 7, blocks: 5}, upgraded: func() error {
			if done++; done == after {
				close(stop)
			}
			return nil
		}}
		s, err := Open(dir, o)
		if err == nil {
			mustClose(t, s)
			if done > after+1 || after < 3 {
				t.Errorf("told to stop after %d transactions, the upgrade ended with %d", after, done)
			}
			return
		}
		if !errors.Is(err, ErrUpgradeStopped) || done != after {
			t.Fatalf("told to stop after %d transactions, the upgrade made %d: %v", after, done, err)
		}
		checkUpgraded(t, dir, oldOptions(), want)
	}
}

// An upgrade stops while it reads the blocks, too, which takes most of its time.
func TestUpgradeStopsWhileItReads(t *testing.T) {
	dir, o := oldStore(t)
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	stop, read := make(chan struct{}), 0
	close(stop)
	u := upgrader{store: s, steps: upgradeSteps{blocks: 5}, stop: stop, reported: time.Now()}
	if err := u.eachActive(func(uint64, []ownedKey) { read++ }); !errors.Is(err, ErrUpgradeStopped) || read > 5 {
		t.Errorf("%d blocks were read after the upgrade was told to stop: %v", read, err)
	}
}

// If the disk is full, the upgrade says so, and goes on when there is space.
func TestUpgradeFullDisk(t *testing.T) {
	dir, o := oldStore(t)
	o.hooks.upgraded = func() error { return &os.PathError{Op: "write", Path: "chain.db", Err: syscall.ENOSPC} }
	if _, err := Open(dir, o); !errors.Is(err, chain.ErrNoSpace) || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("error %v", err)
	}
	checkUpgraded(t, dir, o, writtenAnew(t))
}

// childUpgrades upgrades the store in a folder by many small steps.
func childUpgrades(dir string) error {
	o := oldOptions()
	o.hooks.upgradeSteps = upgradeSteps{records: 10, write: 1, blocks: 3}
	fmt.Println("ready")
	s, err := Open(dir, o)
	if err != nil {
		return err
	}
	return s.Close()
}

// A process that is killed at any moment of the upgrade leaves a file that the next one
// goes on with.
func TestUpgradeKilled(t *testing.T) {
	want := writtenAnew(t)
	random := rand.New(rand.NewPCG(3, 4))
	dir, o := oldStore(t)
	kills := 20
	if testing.Short() {
		kills = 4
	}
	for range kills {
		cmd := inChild(t, "upgrade", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the error of a killed process
		records, _ := bucketOf(t, dir, bucketOwners)
		if !slices.Equal(records, want[:len(records)]) {
			t.Fatalf("after a kill the index has %d records that are not the first ones", len(records))
		}
	}
	checkUpgraded(t, dir, o, want)
}
