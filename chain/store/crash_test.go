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

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// inChild returns this binary as another process that plays a role in a folder.
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

// childCommits goes on from whatever it finds: one goroutine connects blocks and
// now and then reorganizes, others add pending transactions and remove them. It
// prints what has been acknowledged, one line in one write each.
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
			if n%5 == 4 { // replaces the tip
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

// TestKill kills a process that commits, at any moment, and finds all that it
// had acknowledged.
func TestKill(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 5
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	acked := make(map[uint64]bool)  // pending
	unsure := make(map[uint64]bool) // their removal had begun
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
			t.Fatalf("the child says %q", lines.Text())
		}
		timer := time.AfterFunc(time.Duration(random.IntN(30_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		var tip pow.Hash
		for lines.Scan() {
			var word, value string
			// The last line may be cut.
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
			t.Errorf("pending %d was acknowledged and is gone", seq)
		}
		if !there[seq] {
			delete(acked, seq)
		}
	}
	for hash := range blocks {
		raw, err := s.Block(hash)
		if err != nil {
			t.Errorf("a block was acknowledged: %v", err)
			continue
		}
		if _, err := block.Load(raw); err != nil {
			t.Error(err)
		}
	}
	// The tip is the one acknowledged, or that of the one change after it.
	if _, ok := parents[tip]; !ok && len(parents) > 0 {
		t.Errorf("tip %s is not stored", tip)
	}
	if acknowledged != (pow.Hash{}) && tip != acknowledged && blocks[tip] {
		t.Errorf("tip %s, and %s was acknowledged later", tip, acknowledged)
	}
	// The index has the active branch, and nothing else.
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

// Many at once: one has it, the others are refused, and no file is left over.
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
	if len(opened) > 1 { // none, if each was refused while another one checked
		t.Errorf("%d have it", len(opened))
	}
	for s := range opened {
		mustClose(t, s)
	}
}
