package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/chain/store/powerfail"
	"github.com/lodepow/lode/pow"
)

// images returns how many images TestPower opens: LODE_POWER, or 20.
func images(t testing.TB) int {
	n, err := strconv.Atoi(os.Getenv("LODE_POWER"))
	if err != nil {
		n = 20
	}
	t.Logf("%d images (LODE_POWER)", n)
	return n
}

// TestPower records the system calls of a node that syncs, takes posts, mines and
// makes a reorg, is killed between a write and its sync, starts again and goes on. Then
// it opens many of the images that a power failure at any moment may leave. In each of
// them is everything that was acknowledged before that moment.
func TestPower(t *testing.T) {
	if testing.Short() {
		t.Skip("a node under strace")
	}
	n := images(t)
	rec := record(t)
	moments := 0
	t.Run("all is there", func(t *testing.T) {
		found, at, err := rec.search(t, n, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range found {
			t.Error(fault)
		}
		moments = at
	})
	t.Logf("%d images of %d moments; %d transactions and %d blocks were acknowledged", n, moments, len(rec.txs()), len(rec.acks)-len(rec.txs()))

	// The search must find faults. A disk that ignores a kind of sync makes of a good
	// node one that has forgotten it.
	chainFile := func(c powerfail.Call) bool { return isStoreFile(c.Path(0)) }
	for name, ignore := range map[string]func(powerfail.Call) bool{
		"without a sync of the files":     func(c powerfail.Call) bool { return chainFile(c) },
		"without a sync of the journal":   func(c powerfail.Call) bool { return isJournal(c.Path(0)) },
		"without a sync of folders":       func(c powerfail.Call) bool { return !strings.HasPrefix(filepath.Base(c.Path(0)), "chain.") },
		"without a sync of parents":       func(c powerfail.Call) bool { return filepath.Base(c.Path(0)) == "new" || c.Path(0) == rec.root },
		"without a sync when it opens":    func(c powerfail.Call) bool { return chainFile(c) && c.Name == "fsync" },
		"without a sync before the metas": func(c powerfail.Call) bool { return chainFile(c) && rec.beforeMeta[c.Start] },
	} {
		t.Run(name, func(t *testing.T) {
			var near func(line int) bool
			switch name {
			case "without a sync when it opens":
				near = rec.isRestart
			case "without a sync before the metas":
				near = rec.isMetaTime // most commits are to the journal
			}
			found, _, err := rec.search(t, 200, near, ignore)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				t.Error("no image has lost anything: the search finds nothing")
			} else {
				t.Logf("found, as it should be: %.300s", found[0])
			}
		})
	}
}

// recording is what a node did in the folder root/new/data.
type recording struct {
	root       string
	calls      []powerfail.Call
	acks       []ack
	beforeMeta map[int]bool // lines at which a sync starts after which a meta page is written
	metaWrites []int        // lines at which meta pages are written
	restarted  int          // line at which it began again, with a post that it had not synced
	params     rules.Params
}

// ack is the answer that promises that something is stored.
type ack struct {
	line int // of the trace, at which the node began to send the answer
	hash pow.Hash
	tx   bool // a transaction, not a block
}

func (rec *recording) txs() []ack {
	return slices.DeleteFunc(slices.Clone(rec.acks), func(a ack) bool { return !a.tx })
}

func (rec *recording) data() string { return filepath.Join("new", "data") }

// isRestart reports whether a line is of the short time in which the node begins again
// and makes its first promise.
func (rec *recording) isRestart(line int) bool {
	promise := slices.IndexFunc(rec.acks, func(a ack) bool { return a.line > rec.restarted })
	return line >= rec.restarted && line <= rec.acks[promise].line+20
}

// isMetaTime reports whether a line is soon after the write of a meta page.
func (rec *recording) isMetaTime(line int) bool {
	return slices.ContainsFunc(rec.metaWrites, func(at int) bool { return at <= line && line < at+5 })
}

// search opens images until n have been opened or one has a fault. If near is not nil,
// they are of moments at lines for which it returns true. search returns the faults and
// the number of moments at which it looked.
func (rec *recording) search(t *testing.T, n int, near func(line int) bool, ignore func(powerfail.Call) bool) (faults []string, moments int, err error) {
	t.Helper()
	disk, err := powerfail.NewDisk(rec.root, rec.calls)
	if err != nil {
		return nil, 0, err
	}
	disk.Ignore = ignore
	r := rand.New(rand.NewPCG(1, uint64(n)))
	at := disk.Moments()
	if near != nil {
		at = slices.DeleteFunc(at, func(line int) bool { return !near(line) })
	}
	place := imageFolder(t)
	for i, opened := 0, 0; i < len(at) && len(faults) == 0; i++ {
		if err := disk.Advance(at[i]); err != nil {
			return nil, 0, err
		}
		moments++
		for ; opened < n*(i+1)/len(at) && len(faults) == 0; opened++ {
			how := powerfail.How(r.IntN(powerfail.Ways))
			to, err := os.MkdirTemp(place, "image-") //nolint:usetesting // place is in memory
			if err != nil {
				return nil, 0, err
			}
			if err := disk.Image(to, how, r); err != nil {
				return nil, 0, err
			}
			if err := rec.check(filepath.Join(to, rec.data()), at[i]); err != nil {
				faults = append(faults, fmt.Sprintf("image %d, power failure after line %d of the trace, way %d, %d changes not synced: %v", opened, at[i], how, disk.Pending(), err))
			}
			if err := os.RemoveAll(to); err != nil {
				return nil, 0, err
			}
		}
	}
	return faults, moments, nil
}

// imageFolder returns a folder for images, in memory if there is one.
func imageFolder(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "lode-power-") //nolint:usetesting // a folder in memory
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// check opens an image as a node does, and compares it with what was acknowledged up to
// a line.
func (rec *recording) check(data string, line int) (err error) {
	s, err := store.Open(data, store.Options{NetworkID: rec.params.ID(), NetworkName: rec.params.Name()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c, err := chain.Open(chain.Config{Params: rec.params, Store: s})
	if err != nil {
		return err
	}
	for _, a := range rec.acks {
		if a.line > line {
			break
		}
		if a.tx {
			_, err = c.FindTx(a.hash)
		} else {
			_, err = c.Block(a.hash)
		}
		if err != nil {
			return fmt.Errorf("acknowledged in line %d: %w", a.line, err)
		}
	}
	// Every block is sound, and no transaction is there twice.
	seen := map[pow.Hash]bool{}
	for height := range c.Len() {
		hash, _ := c.HashAt(height)
		b, err := c.Block(hash)
		if err != nil {
			return fmt.Errorf("block %d: %w", height, err)
		}
		for _, id := range b.IDs() {
			if seen[id] {
				return fmt.Errorf("%s is there twice", id)
			}
			seen[id] = true
		}
	}
	for _, tx := range c.Pending(0, 1<<20) {
		if seen[tx.ID()] {
			return fmt.Errorf("%s is pending and mined, or pending twice", tx.ID())
		}
		seen[tx.ID()] = true
	}
	_, err = c.AddTx(signed("somebody", "afterwards", 0))
	return err
}

// signed returns a signed transaction, always the same one for the same arguments.
func signed(author, content string, i int) block.Tx {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	tx, err := block.Sign(fmt.Appendf(nil, `{"author":%q,"content":"%s %d","timestamp":1}`, author, content, i), key, time.Time{})
	if err != nil {
		panic(err)
	}
	return tx
}

// branch makes a chain in memory that follows the blocks of trunk, and returns the
// blocks that it adds to them.
func branch(t *testing.T, params rules.Params, trunk []block.Block, length int, name string) []block.Block {
	t.Helper()
	now := time.Now().Add(-time.Hour)
	c, err := chain.Open(chain.Config{Params: params, Store: chain.NewMemStore(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range trunk {
		if _, err := c.Accept(b); err != nil {
			t.Fatal(err)
		}
	}
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block.Block
	for i := range length {
		for j := range i % 4 {
			if _, err := c.AddTx(signed(name, fmt.Sprint(i), j)); err != nil {
				t.Fatal(err)
			}
		}
		template, err := c.Template(chain.TemplateOptions{Tag: name})
		if err != nil {
			t.Fatal(err)
		}
		result, err := engine.Search(t.Context(), template.Job(0, uint32(now.Unix())))
		if err != nil {
			t.Fatal(err)
		}
		b := template.Block(result.Header, 0)
		if _, err := c.Accept(b); err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// mustAdd posts a block, which the node must store.
func mustAdd(t *testing.T, p *process, b block.Block) {
	t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer, err := p.call(t.Context(), http.MethodPost, "/add_block", string(text)); err != nil || status >= 202 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
}

// record runs nodes under strace and returns what they did.
func record(t *testing.T) *recording {
	t.Helper()
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rec := &recording{root: filepath.Join(root, "disk"), params: params, beforeMeta: map[int]bool{}}
	if err := os.Mkdir(rec.root, 0o755); err != nil {
		t.Fatal(err)
	}
	line := 1
	var p *process
	traced := func(round int, inject []string, flags ...string) (end func(syscall.Signal)) {
		trace := filepath.Join(root, fmt.Sprintf("trace-%d", round))
		var pid int
		p, pid = startTraced(t, trace, inject, filepath.Join(rec.root, rec.data()), flags...)
		return func(s syscall.Signal) {
			if err := syscall.Kill(pid, s); err != nil {
				t.Fatal(err)
			}
			<-p.done
			f, err := os.Open(trace)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			calls, next, err := powerfail.Parse(f, line)
			if err != nil {
				t.Fatal(err)
			}
			rec.calls, line = append(rec.calls, calls...), next
		}
	}

	// Sync from a node that is not recorded.
	trunk := branch(t, params, nil, 24, "trunk")
	source := startNode(t, t.TempDir(), "--difficulty", "1")
	for _, b := range trunk {
		mustAdd(t, source, b)
	}
	// Kill the node between the write of a post and its sync. Each sync takes long,
	// so that most of the attempts succeed.
	slowly := []string{"-e", "inject=fdatasync:delay_enter=20000"}
	end := traced(0, slowly, "--peer", source.url)
	waitHeight(t, p, 24)
	mustAdd(t, p, trunk[23]) // it is known, which is a promise
	round := 1
	for ; ; round++ {
		postAll(t, p, fmt.Sprint("round ", round), 4)
		killed := signed("killed", "post", round)
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			_, _, _ = p.call(t.Context(), http.MethodPost, "/new_transaction", killed.String())
		}()
		// A post is written soon after it has come, and its sync takes 20 ms. The attempts come
		// at different moments, because how soon depends on the machine.
		time.Sleep(time.Duration(4+5*(round%5)) * time.Millisecond)
		end(syscall.SIGKILL)
		<-answered
		seen := rec.endsBeforeSync()
		if round == 40 && !seen {
			t.Fatal("the node was never killed between a write and its sync")
		}
		if seen {
			slowly, rec.restarted = nil, line
		}
		// The transaction whose answer was lost is known or is not. In either case it is
		// stored when this is answered.
		end = traced(round, slowly)
		if status, answer, err := p.call(t.Context(), http.MethodPost, "/new_transaction", killed.String()); err != nil || status >= 300 {
			t.Fatalf("%d %s %v", status, answer, err)
		}
		if seen {
			break
		}
	}
	postAll(t, p, "second", 60)
	for i := range 4 {
		postAll(t, p, fmt.Sprint("mine ", i), 5)
		if status, answer, err := p.call(t.Context(), http.MethodPost, "/mine", ""); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s %v", status, answer, err)
		}
	}
	// A reorg, some blocks back.
	for _, b := range branch(t, params, trunk[:20], 20, "other") {
		mustAdd(t, p, b)
	}
	postAll(t, p, "third", 20)
	end(syscall.SIGTERM)

	end = traced(round+1, nil)
	postAll(t, p, "fourth", 20)
	end(syscall.SIGKILL)

	rec.readAcks(t)
	rec.compareWithDisk(t)
	return rec
}

func waitHeight(t *testing.T, p *process, height int64) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var s struct{ Height int64 }
		if p.getJSON(t, "/status", &s); s.Height >= height {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("at height %d, want %d", s.Height, height)
		}
	}
}

// postAll posts transactions from four clients at once.
func postAll(t *testing.T, p *process, name string, n int) {
	t.Helper()
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := c; i < n; i += 4 {
				tx := signed("client", name, i)
				if status, answer, err := p.call(t.Context(), http.MethodPost, "/new_transaction", tx.String()); err != nil || status != http.StatusCreated {
					t.Errorf("%d %s %v", status, answer, err)
					return
				}
			}
		})
	}
	clients.Wait()
}

// The answers that promise something.
const (
	storedAnswer = `^HTTP/1\.1 20[01] (?s:.*)\r\nLocation: /(tx|blocks)/([0-9a-f]{64})\r\n`
	minedAnswer  = `^HTTP/1\.1 200 (?s:.*)"mined":true,.*"hash":"([0-9a-f]{64})"`
)

// readAcks reads the acknowledgements from what the node wrote to its sockets. It also
// notes which syncs come before the write of a meta page.
func (rec *recording) readAcks(t *testing.T) {
	t.Helper()
	stored, mined := regexp.MustCompile(storedAnswer), regexp.MustCompile(minedAnswer)
	add := func(line int, kind, text string) {
		hash, err := pow.ParseHash(text)
		if err != nil {
			t.Fatal(err)
		}
		rec.acks = append(rec.acks, ack{line, hash, kind == "tx"})
	}
	sync := 0
	for _, c := range rec.calls {
		switch {
		case c.Name == "write" && strings.HasPrefix(c.Path(0), "socket:"):
			if m := stored.FindStringSubmatch(c.Args[1]); m != nil {
				add(c.Start, m[1], m[2])
			} else if m := mined.FindStringSubmatch(c.Args[1]); m != nil {
				add(c.Start, "block", m[1])
			}
		case c.Name == "fdatasync":
			sync = c.Start
		case isMetaWrite(c):
			rec.beforeMeta[sync] = true
			rec.metaWrites = append(rec.metaWrites, c.Start)
		}
	}
	if txs := len(rec.txs()); txs < 125 || len(rec.acks)-txs < 25 {
		t.Fatalf("%d transactions and %d blocks were acknowledged, want more", txs, len(rec.acks)-txs)
	}
}

// isStoreFile reports whether a path is that of the database or of the journal.
func isStoreFile(path string) bool { return strings.HasSuffix(path, "chain.db") || isJournal(path) }

func isJournal(path string) bool { return strings.HasSuffix(path, "chain.journal") }

func isMetaWrite(c powerfail.Call) bool {
	return c.Name == "pwrite64" && strings.HasSuffix(c.Path(0), "chain.db") && (c.Args[3] == "0" || c.Args[3] == strconv.Itoa(os.Getpagesize()))
}

// endsBeforeSync reports whether the last that the node did to its files was to write a
// meta page or a record of the journal, which it has not synced.
func (rec *recording) endsBeforeSync() bool {
	for _, c := range slices.Backward(rec.calls) {
		switch {
		case (isMetaWrite(c) || c.Name == "pwrite64" && isJournal(c.Path(0))) && c.End > 0:
			return true
		case c.Name == "pwrite64" || c.Name == "fdatasync" && c.End > 0:
			return false
		}
	}
	return false
}

// compareWithDisk checks that the replay of the system calls ends with the file that
// the node has written.
func (rec *recording) compareWithDisk(t *testing.T) {
	t.Helper()
	disk, err := powerfail.NewDisk(rec.root, rec.calls)
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.Advance(math.MaxInt); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(rec.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if got, ok := disk.Data(path); !ok || !bytes.Equal(got, want) {
			t.Errorf("%s: the replay ends with %d bytes (%v), the file has %d, which differ", path, len(got), ok, len(want))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := disk.Data(filepath.Join(rec.root, rec.data(), "chain.db")); !ok {
		t.Error("the replay ends without chain.db")
	}
}
