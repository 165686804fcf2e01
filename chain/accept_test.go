package chain

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestOrphansAreTakenWithTheirParent(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	for range 6 {
		a.Grow(1)
	}
	for _, i := range []int{5, 2, 4, 3, 5, 1} {
		c.want(Held, a.Blocks[i])
	}
	c.want(Best, a.Blocks[0])
	c.wantTip(a)
	if len(c.held.blocks) != 0 || c.held.bytes != 0 || len(c.held.order) != 0 || len(c.held.byParent) != 0 {
		t.Errorf("left: %+v", c.held)
	}
}

func TestOrphansOfARefusedBlock(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	bad := a.Make(1)
	bad.Header.Time = rules.GenesisTime // not after the median
	bad = rulestest.Solve(bad)
	a.Put(bad)
	c.want(Held, a.Grow(1))
	c.want(Held, a.Grow(1))
	c.want(block.TimeTooOld, bad)
	c.want(block.DuplicateInvalid, a.Blocks[1])
	c.want(block.DuplicateInvalid, a.Blocks[2])
	c.want(block.BadPrev, a.Make(1))
	c.wantTip(rulestest.NewBranch(c.Params()))
}

func TestHeldBlocksAreBounded(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy(), Orphans: 3})
	a := rulestest.NewBranch(c.Params())
	for range 6 {
		a.Grow(1)
	}
	for _, b := range a.Blocks[1:] {
		c.want(Held, b)
	}
	if len(c.held.blocks) != 3 {
		t.Errorf("%d blocks held, want 3", len(c.held.blocks))
	}
	c.want(Best, a.Blocks[0]) // the oldest two have made room
	if c.Len() != 2 {
		t.Errorf("%d blocks, want 2", c.Len())
	}
	c.want(Best, a.Blocks[1])
	c.want(Best, a.Blocks[2])
	c.wantTip(a)

	size := a.Blocks[0].Size()
	c = openTest(t, Config{Params: rulestest.Easy(), OrphanBytes: size})
	c.want(Held, a.Blocks[1])
	c.want(Held, a.Blocks[2])
	if len(c.held.blocks) != 1 || c.held.bytes != size {
		t.Errorf("%d blocks of %d bytes held, want 1", len(c.held.blocks), c.held.bytes)
	}
	c = openTest(t, Config{Params: rulestest.Easy(), OrphanBytes: size - 1})
	c.want(block.PrevNotFound, a.Blocks[1])
}

func TestBlocksFromTheFuture(t *testing.T) {
	now := rulestest.Time
	c := openTest(t, Config{Params: rulestest.Easy(), Now: func() time.Time { return now }})
	a := rulestest.NewBranch(c.Params())
	early := uint32(now.Unix()) + 7200 - rules.GenesisTime
	a.Grow(early + 10)
	a.Grow(1)
	a.Grow(100)
	for _, b := range a.Blocks {
		c.want(Held, b)
		c.want(Held, b)
	}
	c.RetryHeld()
	now = now.Add(9 * time.Second)
	c.RetryHeld()
	if c.Len() != 1 {
		t.Fatalf("%d blocks, too early", c.Len())
	}
	now = now.Add(time.Second)
	c.RetryHeld()
	if c.Len() != 2 {
		t.Fatalf("%d blocks, want 2: the next is a second later", c.Len())
	}
	now = now.Add(200 * time.Second)
	c.want(Best, a.Grow(1)) // any block brings the others with it
	c.wantTip(a)
}

// What is wrong with a body must not be remembered of the hash.
func TestMutatedBodiesAreForgotten(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one, two := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two")
	a := rulestest.NewBranch(c.Params())
	good := a.Grow(1, one, two)
	for range 2 {
		repeated, other, long, high := good, good, good, good
		repeated.Txs = []block.Tx{one, two, two}
		c.want(block.DuplicateTxs, repeated)
		other.Txs = []block.Tx{two, one}
		c.want(block.BadMerkleRoot, other)
		long.Txs = make([]block.Tx, 1<<13)
		c.want(block.BadLength, long)
		high.Coinbase.Height = -1
		c.want(block.CoinbaseHeight, high)
	}
	c.want(Best, good)
	c.wantTip(a)
	// The header of a known block says that it is known.
	repeated := good
	repeated.Txs = []block.Tx{one, two, two}
	c.want(Known, repeated)
}

func TestRefusedBlocksAreRemembered(t *testing.T) {
	p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Signatures = rules.SignaturesRequired })
	c := openTest(t, Config{Params: p})
	a := rulestest.NewBranch(c.Params())
	bad := a.Make(1, rulestest.MakeTx(t, "one"))
	c.want(block.TxUnsigned, bad)
	c.want(block.TxUnsigned, bad) // found again before anything is looked up
	a.Put(bad)
	c.want(block.BadPrev, a.Make(1))

	set := newHashSet(2)
	for _, b := range []block.Block{bad, bad, a.Make(1), a.Make(2)} {
		set.add(b.Hash())
	}
	if len(set.set) != 2 || set.has(bad.Hash()) || !set.has(a.Make(2).Hash()) {
		t.Errorf("the set holds %v", set.set)
	}
}

func TestTemplate(t *testing.T) {
	p := rulestest.With(rulestest.Swift(), func(c *rules.Config) {
		c.Limits = rules.Limits{BlockBytes: 700, BlockTxs: 4, TxBytes: 400}
	})
	c := openTest(t, Config{Params: p})
	var txs []block.Tx
	for i := range 6 {
		txs = append(txs, rulestest.MakeTx(t, fmt.Sprint(i)))
	}
	long := rulestest.MakeTx(t, strings.Repeat("x", 300))
	c.post(txs[0], txs[1], txs[2], txs[3], long, txs[4], txs[5])
	for _, want := range []int{4, 3, 0} {
		template, err := c.Template(TemplateOptions{Tag: "miner"})
		if err != nil {
			t.Fatal(err)
		}
		if len(template.Txs) != want {
			t.Errorf("%d transactions, want %d", len(template.Txs), want)
		}
		tip := c.Tip()
		if template.Height != tip.Height+1 || template.Prev != tip.Hash || template.Bits != tip.NextBits(p) ||
			template.MinTime != tip.MedianTimePast()+1 || len(template.Versions) != 16 {
			t.Errorf("template %+v on %+v", template, tip)
		}
		const extranonce = 0x0102030405060708
		job := template.Job(extranonce, 0)
		if job.Header.Time != template.MinTime || template.Job(0, template.MinTime+5).Header.Time != template.MinTime+5 {
			t.Errorf("time %d, least %d", job.Header.Time, template.MinTime)
		}
		b := template.Block(job.Header, extranonce)
		if raw := string(b.Coinbase.Bytes()); raw != string(template.Before)+"\x01\x02\x03\x04\x05\x06\x07\x08"+string(template.After) {
			t.Errorf("coinbase %x", raw)
		}
		c.want(Best, rulestest.Solve(b))
	}
	c.wantPending()

	c.post(rulestest.MakeTx(t, "seven"))
	empty, err := c.Template(TemplateOptions{Empty: true})
	if err != nil || len(empty.Txs) != 0 || len(empty.Branch) != 0 {
		t.Errorf("%+v, %v", empty, err)
	}
	for i, version := range empty.Versions {
		b := empty.Block(empty.Job(uint64(i), 0).Header, uint64(i))
		b.Header.Version = version
		if err := c.Tip().Check(p, rulestest.Solve(b), rulestest.Now(), c.isMined); err != nil {
			t.Errorf("version %x: %v", version, err)
		}
	}
	if _, err := c.Template(TemplateOptions{Tag: strings.Repeat("x", block.MaxTag+1)}); !errors.Is(err, block.CoinbaseLength) {
		t.Errorf("tag too long: %v", err)
	}
}

// A template takes what fits exactly, and its block is then good.
func TestTemplateFitsExactly(t *testing.T) {
	long := strings.Repeat("x", 300)
	txs := []block.Tx{rulestest.MakeTx(t, "one "+long), rulestest.MakeTx(t, "two "+long), rulestest.MakeTx(t, "six "+long)}
	const tag = "miner"
	size := block.Block{Coinbase: block.Coinbase{Height: 1, Tag: tag}, Txs: txs[:2]}.Size()
	for _, tc := range []struct {
		limits rules.Limits
		want   int
	}{
		{rules.Limits{BlockBytes: size, TxBytes: 400}, 2},
		{rules.Limits{BlockBytes: size - 1, TxBytes: 400}, 1},
		{rules.Limits{BlockBytes: size + txs[2].Size(), TxBytes: 400}, 3},
		{rules.Limits{BlockTxs: 2}, 2},
		{rules.Limits{BlockTxs: 3}, 3},
	} {
		p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Limits = tc.limits })
		c := openTest(t, Config{Params: p})
		c.post(txs...)
		template, err := c.Template(TemplateOptions{Tag: tag})
		if err != nil || len(template.Txs) != tc.want {
			t.Errorf("%+v: %d transactions (%v), want %d", tc.limits, len(template.Txs), err, tc.want)
		}
		c.want(Best, rulestest.Solve(template.Block(template.Job(1, 0).Header, 1)))
		c.wantPending(txs[tc.want:]...)
	}
}

func TestHeadersAndLocator(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	for range 40 {
		c.want(Best, a.Grow(1))
	}
	c.want(Side, b.Grow(1))

	all := c.Headers(0, 100)
	if len(all) != 41 || c.Len() != 41 {
		t.Fatalf("%d headers, length %d", len(all), c.Len())
	}
	for i, blk := range a.Blocks {
		if all[i+1] != blk.Header {
			t.Fatalf("header %d: %+v, want %+v", i+1, all[i+1], blk.Header)
		}
	}
	for _, tc := range []struct {
		from  int64
		limit int
		want  int
	}{{38, 9, 3}, {40, 1, 1}, {41, 5, 0}, {-5, 2, 2}, {0, 0, 0}, {3, -1, 0}, {1 << 40, 5, 0}} {
		if got := len(c.Headers(tc.from, tc.limit)); got != tc.want {
			t.Errorf("Headers(%d, %d): %d, want %d", tc.from, tc.limit, got, tc.want)
		}
	}
	if _, ok := c.HashAt(41); ok {
		t.Error("a hash above the tip")
	}

	locator := c.Locator()
	var heights []int64
	for _, hash := range locator {
		info, ok := c.Header(hash)
		if !ok || !info.Active {
			t.Fatalf("locator has %s", hash)
		}
		heights = append(heights, info.Height)
	}
	if got := fmt.Sprint(heights); got != "[40 39 38 37 36 35 34 33 32 31 29 25 17 1 0]" {
		t.Errorf("locator %s", got)
	}
	for _, tc := range []struct {
		locator []block.Block
		first   int64
	}{
		{nil, 1},
		{[]block.Block{b.Blocks[0]}, 1}, // a side block is no place to go on from
		{[]block.Block{b.Blocks[0], a.Blocks[9], a.Blocks[20]}, 11},
	} {
		hashes := locator[:0]
		for _, blk := range tc.locator {
			hashes = append(hashes, blk.Hash())
		}
		got := c.HeadersAfter(hashes, 2)
		if len(got) != 2 || got[0] != all[tc.first] || got[1] != all[tc.first+1] {
			t.Errorf("after %d blocks: %v", len(tc.locator), got)
		}
	}
	info, ok := c.Header(b.Hash)
	if !ok || info.Active || info.Invalid || info.Height != 1 || info.Work != b.Work || info.Header != b.Blocks[0].Header {
		t.Errorf("side block %+v", info)
	}
}

func TestProof(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	c.want(Best, a.Grow(1, one, two))
	c.post(three)
	for i, tx := range []block.Tx{one, two} {
		p, err := c.Proof(tx.ID())
		if err != nil || p.Tx != tx || p.Height != 1 || p.Index != i+1 || p.Header != a.Blocks[0].Header {
			t.Errorf("proof %+v, %v", p, err)
		}
		if err := p.Merkle.Verify(tx.ID(), p.Header.MerkleRoot); err != nil {
			t.Error(err)
		}
	}
	if place, err := c.FindTx(three.ID()); err != nil || !place.Pending || place.Tx != three {
		t.Errorf("pending: %+v, %v", place, err)
	}
	if _, err := c.Proof(three.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("proof of a pending one: %v", err)
	}
	if _, err := c.FindTx(a.Hash); !errors.Is(err, ErrNotFound) {
		t.Errorf("no transaction: %v", err)
	}
	if _, err := c.Block(one.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("no block: %v", err)
	}
}

func TestEvents(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	var got []string
	note := func(name string) func(Event) {
		return func(e Event) {
			if c.Tip() != e.Tip { // calls are welcome
				t.Errorf("tip %+v, want %+v", e.Tip, c.Tip())
			}
			got = append(got, fmt.Sprintf("%s %s %d +%d -%d", name, e.Kind, e.Tip.Height, len(e.Connected), len(e.Disconnected)))
		}
	}
	cancel := c.Subscribe(note("x"))
	c.post(rulestest.MakeTx(t, "one"))
	c.want(Best, a.Grow(1))
	c.want(Side, b.Grow(1))
	cancel()
	c.Subscribe(note("y"))
	c.want(Best, b.Grow(1))
	want := "[x tx 0 +0 -0 x tip 1 +1 -0 x side 1 +0 -0 y reorg 2 +2 -1]"
	if fmt.Sprint(got) != want {
		t.Errorf("events %v, want %s", got, want)
	}
}

func TestMetrics(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1))
	c.want(Known, a.Blocks[0])
	bad := a.Make(1)
	bad.Header.Version = 1
	c.want(block.BadVersion, rulestest.Solve(bad))
	c.post(rulestest.MakeTx(t, "one"))

	for name, want := range map[string]float64{
		"best": 1, "known": 1, "side": 0, "held": 0,
	} {
		if got := testutil.ToFloat64(c.metrics.blocks.WithLabelValues(name)); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if got := testutil.ToFloat64(c.metrics.refused.WithLabelValues("bad-version")); got != 1 {
		t.Errorf("refused %v, want 1", got)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.Chain)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	for _, f := range families {
		if f.GetName() == "lode_mempool_transactions" && f.Metric[0].Gauge.GetValue() != 1 ||
			f.GetName() == "lode_chain_height" && f.Metric[0].Gauge.GetValue() != 1 ||
			f.GetName() == "lode_chain_work_hashes" && f.Metric[0].Gauge.GetValue() != 4 {
			t.Errorf("%v", f)
		}
	}
}
