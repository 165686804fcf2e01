package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// inChild returns the command that runs this test binary as another process, which
// does what role says in a folder. See child.
func inChild(t testing.TB, role, dir string) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary)
	cmd.Env = append(os.Environ(), childVar+"="+role+":"+dir)
	return cmd
}

// childCommits continues the chain that it finds in the folder until it is killed.
// One goroutine connects blocks, and replaces the tip with every fifth one. Others
// add pending transactions and remove some of them. Each acknowledged change is
// printed as one line, with a single write so that a kill cannot mix lines.
func childCommits(dir string) error {
	s, err := Open(dir, testOptions())
	if err != nil {
		return err
	}
	var headers []pow.Header
	tip, waiting, err := s.Load(func(h pow.Header) error { headers = append(headers, h); return nil })
	if err != nil {
		return err
	}
	var seq atomic.Uint64
	if len(waiting) > 0 {
		seq.Store(waiting[len(waiting)-1].Seq)
	}
	fmt.Println("ready")

	say := func(format string, args ...any) { _, _ = os.Stdout.Write(fmt.Appendf(nil, format, args...)) }
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for {
				n := seq.Add(1)
				if err := s.Commit(chain.Change{AddPending: pendingOf(n, fmt.Sprint(n))}); err != nil {
					say("error: %v\n", err)
					return
				}
				say("pending %d\n", n)
				if n%4 == 0 {
					say("removing %d\n", n)
					if err := s.Commit(chain.Change{RemovePending: []uint64{n}}); err != nil {
						say("error: %v\n", err)
						return
					}
					say("removed %d\n", n)
				}
			}
		})
	}
	all.Go(func() {
		for n := int64(len(headers)); ; n++ {
			b := testBlock(tip, n, "c", testTx(fmt.Sprintf("block %d", n)))
			change := chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}}
			if n%5 == 4 { // this block replaces the tip
				b = testBlock(headers[len(headers)-1].Prev, n, "r", testTx(fmt.Sprintf("block %d", n)))
				change = chain.Change{Blocks: []block.Block{b}, Disconnect: []pow.Hash{tip}, Connect: []pow.Hash{b.Hash()}}
			}
			if err := s.Commit(change); err != nil {
				say("error: %v\n", err)
				return
			}
			tip = b.Hash()
			headers = append(headers, b.Header)
			say("tip %s\n", tip)
		}
	})
	all.Wait()
	return s.Close()
}

// TestKill kills a committing process at random moments. Afterwards the store must
// contain every change that the process has reported as acknowledged.
func TestKill(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 5
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	acked := make(map[uint64]bool)  // pending transactions
	unsure := make(map[uint64]bool) // those whose removal has begun, and may be durable
	blocks := make(map[pow.Hash]bool)
	acks := 0
	for range kills {
		cmd := inChild(t, "commit", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || lines.Text() != "ready" {
			t.Fatalf("the child printed %q, want \"ready\"", lines.Text())
		}
		timer := time.AfterFunc(time.Duration(random.IntN(30_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		var tip pow.Hash
		for lines.Scan() {
			var word, value string
			// The kill may have cut the last line short.
			if n, _ := fmt.Sscanf(lines.Text()+"\n", "%s %s\n", &word, &value); n != 2 {
				continue
			}
			var seq uint64
			_, _ = fmt.Sscan(value, &seq)
			switch word {
			case "pending":
				acked[seq] = true
			case "removing":
				unsure[seq] = true
			case "removed":
				delete(acked, seq)
				delete(unsure, seq)
			case "tip":
				if tip, err = pow.ParseHash(value); err != nil {
					t.Fatal(err)
				}
				blocks[tip] = true
			case "error:":
				t.Fatal(lines.Text())
			}
			acks++
		}
		timer.Stop()
		_ = cmd.Wait()
		if checkAfterKill(t, dir, acked, unsure, blocks, tip); t.Failed() {
			return
		}
	}
	t.Logf("%d kills, %d acknowledgements; at the end %d blocks and %d pending transactions", kills, acks, len(blocks), len(acked))
}

// checkAfterKill opens the store and compares it with what was acknowledged: pending
// transactions, blocks, and the latest tip. It also checks that the transaction
// index has the active branch.
func checkAfterKill(t *testing.T, dir string, acked, unsure map[uint64]bool, blocks map[pow.Hash]bool, acknowledged pow.Hash) {
	t.Helper()
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	parents := make(map[pow.Hash]pow.Hash)
	tip, pending, err := s.Load(func(h pow.Header) error { parents[h.Hash()] = h.Prev; return nil })
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[uint64]bool)
	for _, p := range pending {
		there[p.Seq] = true
		if p.Tx != testTx(fmt.Sprint(p.Seq)) {
			t.Errorf("pending %d is %s", p.Seq, p.Tx)
		}
	}
	for seq := range acked {
		if !there[seq] && !unsure[seq] {
			t.Errorf("pending transaction %d was acknowledged and is not in the store", seq)
		}
		if !there[seq] {
			delete(acked, seq)
		}
	}
	for hash := range blocks {
		raw, err := s.Block(hash)
		if err != nil {
			t.Errorf("a block that was acknowledged: %v", err)
			continue
		}
		if _, err := block.Load(raw); err != nil {
			t.Error(err)
		}
	}
	// The tip is the one acknowledged last, or that of the next change, which may be
	// durable although it was not acknowledged.
	if _, ok := parents[tip]; !ok && len(parents) > 0 {
		t.Errorf("tip %s is not stored", tip)
	}
	if acknowledged != (pow.Hash{}) && tip != acknowledged && blocks[tip] {
		t.Errorf("the tip is %s, but %s was acknowledged after it", tip, acknowledged)
	}
	// The index has the transactions of the active branch and no others.
	active := make(map[pow.Hash]bool)
	for hash, ok := tip, true; ok && hash != (pow.Hash{}); hash, ok = parents[hash], parents[hash] != (pow.Hash{}) {
		active[hash] = true
	}
	for hash := range parents {
		raw, err := s.Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		b, err := block.Load(raw)
		if err != nil {
			t.Fatal(err)
		}
		at, err := s.FindTx(b.Txs[0].ID())
		if active[hash] && (err != nil || at != hash) || !active[hash] && !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("transaction of block %s (active %v) is in %s (%v)", hash, active[hash], at, err)
		}
	}
}

func childOpens(dir string) error {
	s, err := Open(dir, testOptions())
	if err != nil {
		return err
	}
	return s.Close()
}

func TestSecondOpen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	began := time.Now()
	if _, err := Open(dir, testOptions()); !errors.Is(err, chain.ErrLocked) {
		t.Errorf("in this process: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("refused after %v", took)
	}
	began = time.Now()
	out, err := inChild(t, "open", dir).CombinedOutput()
	if err == nil || !containsAll(string(out), chain.ErrLocked.Error(), "another data folder") {
		t.Errorf("another process: %v, %s", err, out)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("another process was refused after %v", took)
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
	mustClose(t, s)
	if out, err := inChild(t, "open", dir).CombinedOutput(); err != nil {
		t.Errorf("after Close: %v, %s", err, out)
	}
}

// If many open the same new folder at once, at most one succeeds and the others are
// told that the store is locked.
func TestManyOpenANewFolder(t *testing.T) {
	dir := t.TempDir()
	opened := make(chan *Store, 8)
	var all sync.WaitGroup
	for range cap(opened) {
		all.Go(func() {
			s, err := Open(dir, testOptions())
			if errors.Is(err, chain.ErrLocked) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			opened <- s
		})
	}
	all.Wait()
	close(opened)
	if len(opened) > 1 { // 0 is possible: each may have been refused while another checked the file
		t.Errorf("%d opened the store, want at most one", len(opened))
	}
	for s := range opened {
		mustClose(t, s)
	}
}
