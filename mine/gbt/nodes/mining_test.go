package nodes

import (
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/gbt"
)

const (
	maturity = 100 // blocks until a coinbase can be spent
	reward   = 50 * 100_000_000
	fee      = 1000

	forever = math.MaxInt64 // a height that is never reached
)

// blocks returns how many blocks the tests mine.
func blocks(t testing.TB) int64 {
	text := os.Getenv("LODE_BTCD")
	if text == "" {
		return 130
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < maturity+10 {
		t.Fatalf("LODE_BTCD=%s: want a number of blocks, at least %d", text, maturity+10)
	}
	return n
}

// Lode mines a chain on a real btcd, with transactions in some of the blocks, and btcd
// refuses none of them. With LODE_BTCD=4100 the chain is longer than two retarget windows,
// and long enough for segwit to become active, which simnet votes for: then some of the
// transactions have witnesses, and btcd sends the commitment.
func TestBtcd(t *testing.T) {
	b := startBtcd(t, t.TempDir(), "")
	count := blocks(t)
	const segwit = 500 // active for long

	began := time.Now()
	m := startMiner(t, b.node, 0, nil)
	txs := mineWithTxs(t, b.node, m, min(count, segwit), false)
	m.stop()
	accepted := m.checkAccepted(t)
	witnessTxs := 0
	if count > segwit {
		// The coins of these blocks are spent with a witness.
		m = startMiner(t, b.node, segwit, func(c *gbt.Config) { c.PayTo = "script:" + hex.EncodeToString(witnessOfTrue()) })
		witnessTxs = mineWithTxs(t, b.node, m, count, true)
		m.stop()
		accepted += m.checkAccepted(t)
	}
	took := time.Since(began)
	if height := b.height(t); int64(accepted) != count || height != count {
		t.Errorf("%d blocks were accepted, and the chain has %d; want %d", accepted, height, count)
	}
	first, last := b.blockAt(t, 1), b.blockAt(t, count)
	t.Logf("%d blocks in %v (%.1f a second), %d transactions without and %d with witnesses, none refused; bits %s at first, %s at the end",
		count, took.Round(time.Millisecond), float64(count)/took.Seconds(), txs, witnessTxs, first.Bits, last.Bits)
	if count > 2*2016 && first.Bits == last.Bits {
		t.Errorf("the bits are %s after a retarget, as they were before", last.Bits)
	}
}

// mineWithTxs mines until the chain has the given height. Every 20 blocks it spends two of
// its coins, and checks that both are in one of the next two blocks: btcd makes another
// template for new transactions only after a minute or on a new tip. It returns how many
// transactions are in the blocks.
func mineWithTxs(t *testing.T, n node, m *miner, height int64, witness bool) (txs int) {
	t.Helper()
	for coin := n.height(t) + 1; ; coin += 20 {
		tip := coin + 1 + maturity // both coins can be spent in the next block
		if tip+2 > height {
			break
		}
		m.mineTo(t, n, tip)
		sent := map[string]bool{}
		for at := coin; at <= coin+1; at++ {
			raw := spend(t, n.blockAt(t, at).Tx[0], witness, reward-fee, witnessOfTrue())
			var id string
			n.call(t, &id, "sendrawtransaction", hex.EncodeToString(raw))
			sent[id] = true
		}
		m.mineTo(t, n, tip+2)
		for at := tip + 1; at <= tip+2; at++ {
			for _, id := range n.blockAt(t, at).Tx[1:] {
				delete(sent, id)
				txs++
			}
		}
		if len(sent) > 0 {
			t.Fatalf("of two transactions %d are in neither of the next two blocks", len(sent))
		}
	}
	m.mineTo(t, n, height)
	return txs
}

// A source hears of a block that another miner has found within 100 ms. The median is
// judged, because other tests may run on the same machine; it is usually a tenth of the
// bound.
func TestBtcdLongPoll(t *testing.T) {
	b := startBtcd(t, t.TempDir(), "")
	other := startMiner(t, b.node, 3, nil)
	within(t, time.Minute, "the first blocks", func() bool { return b.height(t) >= 3 })
	other.stop()

	log := &output{}
	watcher := newSource(t, b.node, log, nil)
	defer run(t, watcher)()
	another := newSource(t, b.node, &output{}, nil)
	defer run(t, another)()
	var times []time.Duration
	for len(times) < 20 {
		o := offer(t, watcher)
		theirs := offer(t, another)
		if theirs.Work.Prev != o.Work.Prev {
			continue // one of the two is behind for a moment
		}
		sol := solve(t, theirs.Work)
		done := make(chan time.Duration, 1)
		start := time.Now()
		go func() {
			<-o.Stale
			done <- time.Since(start)
		}()
		if outcome, err := another.Submit(t.Context(), sol); outcome != mine.Accepted {
			t.Fatal(outcome, err)
		}
		select {
		case d := <-done:
			times = append(times, d)
		case <-time.After(10 * time.Second):
			t.Fatalf("the source has not heard of the block within 10s; its log:\n%s", log)
		}
	}
	slices.Sort(times)
	median := times[len(times)/2]
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	t.Logf("from submitting another miner's block to stale work, %d times: %v at least, %v in the median, %v at most",
		len(times), round(times[0]), round(median), round(times[len(times)-1]))
	if median > 100*time.Millisecond {
		t.Errorf("the median of %d is %v, want less than 100ms", len(times), median)
	}
}

// The node refuses the credentials: the source says so and gives up.
func TestBtcdCredentials(t *testing.T) {
	b := startBtcd(t, t.TempDir(), "")
	for _, edit := range []func(*gbt.Config){
		func(c *gbt.Config) { c.Pass = "wrong" },
		func(c *gbt.Config) { c.User = "wrong" },
		func(c *gbt.Config) { c.User, c.Pass = "", "" },
	} {
		m := startMiner(t, b.node, forever, edit)
		select {
		case err := <-m.ended:
			if err == nil || !strings.Contains(err.Error(), "refuses the user name or the password") {
				t.Errorf("%v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the source goes on with wrong credentials")
		}
		m.stop()
	}
	cookie := filepath.Join(t.TempDir(), ".cookie")
	if err := os.WriteFile(cookie, []byte(user+":"+password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := startMiner(t, b.node, 5, func(c *gbt.Config) { c.User, c.Pass, c.CookieFile = "", "", cookie })
	within(t, time.Minute, "a block with the credentials of a cookie file", func() bool { return b.height(t) > 0 })
	m.stop()
	m.checkAccepted(t)
}

// The node is killed while it is mined, and started again. The source says that it is
// gone and offers nothing, and goes on when it is back. No block is refused.
func TestBtcdVanishes(t *testing.T) {
	folder := t.TempDir()
	b := startBtcd(t, folder, "")
	m := startMiner(t, b.node, forever, nil)
	within(t, time.Minute, "the first blocks", func() bool { return b.height(t) >= 20 })
	b.kill()
	within(t, time.Minute, "the source notices", func() bool { return !m.source.Status().Connected })
	if s := m.source.Status(); s.Err == nil || !strings.Contains(s.Err.Error(), "does not answer") {
		t.Errorf("status: %+v", s)
	}
	if o, err := m.source.Offer(); err != nil || o.Work != nil {
		t.Errorf("offer of a node that is gone: %+v, %v", o.Work, err)
	}
	again := startBtcd(t, folder, strings.TrimPrefix(b.url, "http://"))
	before := again.height(t)
	within(t, time.Minute, "more blocks after the restart", func() bool { return again.height(t) >= before+20 })
	m.stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	for outcome, n := range m.outcomes {
		// The block that was under way when the node was killed has no answer, or is on a
		// parent that the node has lost.
		if outcome != mine.Accepted && outcome != mine.Unanswered && n > 1 {
			t.Errorf("%d blocks %s: %v", n, outcome, m.errors)
		}
	}
	if said := m.log.String(); !strings.Contains(said, "the node gives no work") || !strings.Contains(said, "the node sends templates again") {
		t.Errorf("the log does not say that the node was gone and came back:\n%s", said)
	}
	t.Logf("outcomes: %v, of which without a clear answer: %v", m.outcomes, m.errors)
}

// A block of a template whose parent is no longer the tip is handed in all the same.
// btcd takes it onto a side branch without a word, and the source says that it is lost.
func TestBtcdStaleTemplate(t *testing.T) {
	b := startBtcd(t, t.TempDir(), "")
	log := &output{}
	s := newSource(t, b.node, log, nil)
	defer run(t, s)()
	o := offer(t, s)
	late := solve(t, o.Work)
	w, err := o.Work.Sub([]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	fast := solve(t, &w)
	if outcome, err := s.Submit(t.Context(), fast); outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
	within(t, time.Minute, "work on the new tip", func() bool {
		o, err := s.Offer()
		return err == nil && o.Work != nil && o.Work.Prev == fast.Hash
	})
	outcome, err := s.Submit(t.Context(), late)
	if outcome != mine.Lost || err == nil || !strings.Contains(err.Error(), "was faster") {
		t.Errorf("a block of the stale template: %v, %v; want lost", outcome, err)
	}
	outcome, err = s.Submit(t.Context(), fast)
	if outcome != mine.Duplicate {
		t.Errorf("the same block again: %v, %v; want duplicate", outcome, err)
	}
}
