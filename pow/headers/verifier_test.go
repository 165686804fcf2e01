package headers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// verifyStream reads and checks a stream until its end or the first error. The
// summary covers the headers before the error.
func verifyStream(r io.Reader, c Config) (Summary, error) {
	reader := NewReader(r)
	v := NewVerifier(c)
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return v.Summary(), nil
		}
		if err == nil {
			err = v.Add(h)
		}
		if err != nil {
			return v.Summary(), err
		}
	}
}

func testnet3(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/blockheader_testnet3.hex")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTestnet3WithItsFork(t *testing.T) {
	s, err := verifyStream(strings.NewReader(testnet3(t)), Config{Retarget: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Headers != 548 || !s.Start.FromGenesis || s.Start.Network.Name != "testnet3" || s.Start.Height != 1 {
		t.Errorf("%+v", s)
	}
	if s.Best.Headers != 546 || s.Best.Height != 546 ||
		s.Best.Tip.String() != "000000002a936ca763904c3c35fce2f3556c559c0214345d31b1bcebf76acb70" {
		t.Errorf("best %+v", s.Best)
	}
	// Genesis and 546 headers of difficulty 1.
	if want := new(big.Int).Mul(big.NewInt(547), big.NewInt(0x100010001)); s.Best.Work.Big().Cmp(want) != 0 {
		t.Errorf("chainwork %s, want %x", s.Best.Work, want)
	}
	if len(s.Side) != 1 || s.Side[0].Headers != 2 || s.Side[0].Fork != Testnet3().Genesis.Hash() {
		t.Errorf("side branches %+v", s.Side)
	}
}

func TestNetworksMatchTheirGenesis(t *testing.T) {
	for name, want := range map[string]string{
		"main":     "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
		"testnet3": "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
		"testnet4": "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
		"signet":   "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
		"regtest":  "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
		"simnet":   "683e86bd5c6d110d91b94b97137ba6bfe02dbbdb8e3dff722a669b5d69d77af6",
	} {
		i := slices.IndexFunc(Networks(), func(n *Network) bool { return n.Name == name })
		if i < 0 || Networks()[i].Genesis.Hash().String() != want {
			t.Errorf("%s: genesis is not %s", name, want)
		}
	}
}

// The test reads the first 100,000 headers of the main chain, with Neutrino's
// metadata before them. They span 49 difficulty periods, and the time of 1,568 of
// them is earlier than that of their parent. The file is too large for the
// repository, so LODE_HEADERS has to name it.
func TestHundredThousandRealHeaders(t *testing.T) {
	file := os.Getenv("LODE_HEADERS")
	if file == "" {
		t.Skip("NOT TESTED: LODE_HEADERS names no file of real headers (see CONTRIBUTING.md)")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reader := NewReader(bytes.NewReader(data))
	if _, err := reader.Next(); err != nil {
		t.Fatal(err)
	}
	if network, height, ok := reader.Metadata(); !ok || network.Name != "main" || height != 0 {
		t.Errorf("metadata %v, %d, %v", network, height, ok)
	}

	for name, in := range map[string][]byte{"with metadata": data, "without": data[metadataSize:]} {
		s, err := verifyStream(bytes.NewReader(in), Config{Retarget: true})
		if err != nil {
			t.Fatalf("%s: after %d headers: %v", name, s.Headers, err)
		}
		if s.Headers != 100_000 || s.Best.Height != 99_999 || len(s.Side) != 0 ||
			s.Best.Tip.String() != "000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250" ||
			s.Best.Work.String() != fmt.Sprintf("%064s", "64492eaf00f2520") {
			t.Errorf("%s: %+v", name, s)
		}
	}

	headers := data[metadataSize:]
	t.Run("from the middle", func(t *testing.T) {
		height := uint32(50_000)
		s, err := verifyStream(bytes.NewReader(headers[height*80:]), Config{Network: Main(), Retarget: true, Height: &height})
		if err != nil || s.Headers != 50_000 || s.Best.Height != 99_999 || s.Start.FromGenesis {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("at the wrong height", func(t *testing.T) {
		height := uint32(50_001)
		_, err := verifyStream(bytes.NewReader(headers[50_000*80:]), Config{Network: Main(), Retarget: true, Height: &height})
		wantReason(t, err, reject.BadDiffBits)
	})
	t.Run("height unknown", func(t *testing.T) {
		_, err := verifyStream(bytes.NewReader(headers[50_000*80:]), Config{Network: Main(), Retarget: true})
		if !errors.Is(err, ErrNeedHeight) {
			t.Errorf("error %v, want %v", err, ErrNeedHeight)
		}
	})
}

func wantReason(t *testing.T, err error, want reject.Reason) {
	t.Helper()
	var e reject.Error
	if !errors.As(err, &e) || e.Reason != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// easyNet returns a network on which every second hash proves the work.
func easyNet() *Network {
	return &Network{
		Name:    "easy",
		Genesis: pow.Header{Version: 1, Time: 1_000_000, Bits: 0x207fffff, Nonce: 2},
		Rule:    pow.Retarget{Limit: 0x207fffff, Interval: 8, Spacing: 600},
	}
}

// solve returns the header with the first nonce that meets the target of its bits.
func solve(t testing.TB, h pow.Header) pow.Header {
	t.Helper()
	target, err := h.Bits.Target()
	if err != nil {
		t.Fatal(err)
	}
	for h.Nonce = 0; !h.Hash().Meets(target); h.Nonce++ {
	}
	return h
}

// block is a header with a pointer to its parent. The model to compare with keeps
// all blocks, so its rules can look back as far as they need to.
type block struct {
	pow.Header
	parent *block
	height uint32
}

func (b *block) back(n uint32) *block {
	for range n {
		b = b.parent
	}
	return b
}

func (b *block) median() uint32 {
	var times []uint32
	for i := 0; i < 11 && b != nil; i, b = i+1, b.parent {
		times = append(times, b.Time)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// nextBits applies the difficulty rule by looking back at the blocks themselves.
func (b *block) nextBits(n *Network, time uint32) pow.Bits {
	height := b.height + 1
	if height%n.Rule.Interval == 0 && !n.NoRetarget {
		first, base := b.back(n.Rule.Interval-1), b.Bits
		if n.FirstBits {
			base = first.Bits
		}
		return n.Rule.Next(base, first.Time, b.Time)
	}
	if !n.MinDifficulty {
		return b.Bits
	}
	if int64(time)-int64(b.Time) > 2*int64(n.Rule.Spacing) {
		return n.Rule.Limit
	}
	for b.parent != nil && b.height%n.Rule.Interval != 0 && b.Bits == n.Rule.Limit {
		b = b.parent
	}
	return b.Bits
}

func (b *block) work() *big.Int {
	sum := new(big.Int)
	for ; b != nil; b = b.parent {
		target, _ := b.Bits.Target()
		t := target.Bytes()
		one := big.NewInt(1)
		w := new(big.Int).Lsh(one, 256)
		sum.Add(sum, w.Div(w, new(big.Int).Add(new(big.Int).SetBytes(t[:]), one)))
	}
	return sum
}

// grow returns a valid child of a block.
func grow(t testing.TB, n *Network, parent *block, r *rand.Rand) *block {
	t.Helper()
	time := max(parent.median()+1, parent.Time+r.Uint32N(1800)-300)
	if n.MaxTimewarp > 0 && (parent.height+1)%n.Rule.Interval == 0 {
		time = max(time, parent.Time-n.MaxTimewarp)
	}
	h := solve(t, pow.Header{
		Version: r.Int32(),
		Prev:    parent.Hash(),
		Time:    time,
		Bits:    parent.nextBits(n, time),
	})
	return &block{Header: h, parent: parent, height: parent.height + 1}
}

func easyGenesis(t testing.TB) (*Network, *block) {
	n := easyNet()
	n.Genesis = solve(t, n.Genesis)
	return n, &block{Header: n.Genesis}
}

// The verifier must agree with the model on random trees of headers.
func TestVerifierAgainstModel(t *testing.T) {
	warps := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		n, genesis := easyGenesis(t)
		n.MinDifficulty, n.FirstBits, n.NoRetarget = seed%2 == 1, seed%3 == 0, seed%7 == 0
		if seed%3 == 0 {
			n.MaxTimewarp = 100
		}
		v := NewVerifier(Config{Network: n, Retarget: true})
		if err := v.Add(genesis.Header); err != nil {
			t.Fatal(err)
		}
		blocks := []*block{genesis}
		children := map[*block]int{}
		best := genesis
		for range 60 {
			// Most headers follow the one added last, and some any other.
			parent := blocks[len(blocks)-1]
			if r.IntN(6) == 0 {
				parent = blocks[r.IntN(len(blocks))]
			}
			b := grow(t, n, parent, r)
			if slices.ContainsFunc(blocks, func(o *block) bool { return o.Header == b.Header }) {
				continue
			}

			bad := b.Header
			var want reject.Reason
			switch r.IntN(4) {
			case 0:
				bad.Time, want = parent.median()-r.Uint32N(100), reject.TimeTooOld
				bad = solve(t, bad)
			case 1:
				bad.Bits, want = bad.Bits-1, reject.BadDiffBits
				bad = solve(t, bad)
			case 2:
				bad.Prev[r.IntN(32)] ^= 1 << r.IntN(8)
				bad, want = solve(t, bad), reject.PrevNotFound
			case 3:
				bad, want = blocks[r.IntN(len(blocks))].Header, Duplicate
				if bad == genesis.Header && len(blocks) == 1 {
					continue
				}
			}
			if warped := parent.Time - n.MaxTimewarp - 1; n.MaxTimewarp > 0 && !n.NoRetarget && b.height%n.Rule.Interval == 0 && warped > parent.median() {
				bad = b.Header
				bad.Time, want = warped, TimeWarp
				bad = solve(t, bad)
				warps++
			}
			before := v.Summary()
			err := v.Add(bad)
			var e reject.Error
			if !errors.As(err, &e) || e.Reason != want {
				t.Fatalf("seed %d: %v, want %s", seed, err, want)
			}
			if after := v.Summary(); after.Headers != before.Headers || after.Best != before.Best {
				t.Fatalf("seed %d: a refused header changed %+v to %+v", seed, before, after)
			}

			if err := v.Add(b.Header); err != nil {
				t.Fatalf("seed %d, height %d: %v", seed, b.height, err)
			}
			blocks = append(blocks, b)
			children[parent]++
			if b.work().Cmp(best.work()) > 0 {
				best = b
			}
			s := v.Summary()
			if s.Best.Tip != best.Hash() || s.Best.Height != best.height || s.Best.Work.Big().Cmp(best.work()) != 0 {
				t.Fatalf("seed %d: best %+v, want %s at height %d", seed, s.Best, best.Hash(), best.height)
			}
		}
		checkBranches(t, v.Summary(), blocks, children, best)
	}
	if warps == 0 {
		t.Error("no seed tried a time that is too far back at the beginning of a period")
	}
}

// checkBranches compares the branches of a summary with the leaves of the tree. It
// also checks that the branches contain every header exactly once.
func checkBranches(t *testing.T, s Summary, blocks []*block, children map[*block]int, best *block) {
	t.Helper()
	trunk := map[pow.Hash]bool{}
	for b := best; b != nil; b = b.parent {
		trunk[b.Hash()] = true
	}
	leaves := map[pow.Hash]*block{}
	for _, b := range blocks {
		if children[b] == 0 && b != best {
			leaves[b.Hash()] = b
		}
	}
	if len(s.Side) != len(leaves) || s.Best.Headers != uint64(best.height)+1 || s.Best.Fork != (pow.Hash{}) {
		t.Fatalf("%d side branches, want %d; best %+v, want %d headers", len(s.Side), len(leaves), s.Best, best.height+1)
	}
	total := s.Best.Headers
	for _, side := range s.Side {
		leaf := leaves[side.Tip]
		delete(leaves, side.Tip)
		if leaf == nil || side.Height != leaf.height || side.Work.Big().Cmp(leaf.work()) != 0 {
			t.Fatalf("side branch %+v does not end at a leaf", side)
		}
		if fork := leaf.back(uint32(side.Headers)); fork == nil || fork.Hash() != side.Fork {
			t.Fatalf("side branch %+v does not begin at its fork", side)
		}
		if last := leaf.back(uint32(side.Headers) - 1); trunk[last.Hash()] {
			t.Fatalf("side branch %+v contains a header of the best branch", side)
		}
		total += side.Headers
	}
	if total != s.Headers || s.Headers != uint64(len(blocks)) {
		t.Fatalf("branches contain %d headers of %d", total, s.Headers)
	}
}

func TestDamage(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(testnet3(t)), "\n")[2:] // without the fork
	damaged := func(edit func(lines []string) []string) string {
		return strings.Join(edit(slices.Clone(lines)), "\n")
	}
	flip := func(line string, at int) string {
		c := byte('0')
		if line[at] == '0' {
			c = '1'
		}
		return line[:at] + string(c) + line[at+1:]
	}
	raw := func(lines []string) string {
		var b strings.Builder
		for _, line := range lines {
			h, err := pow.ParseHeader(line)
			if err != nil {
				t.Fatal(err)
			}
			bytes := h.Bytes()
			b.Write(bytes[:])
		}
		return b.String()
	}

	for name, tc := range map[string]struct {
		stream string
		want   reject.Reason
		after  uint64 // number of good headers before it
	}{
		"a changed merkle root": {damaged(func(l []string) []string { l[100] = flip(l[100], 80); return l }), reject.HighHash, 100},
		"a changed nonce":       {damaged(func(l []string) []string { l[100] = flip(l[100], 159); return l }), reject.HighHash, 100},
		"a changed parent":      {damaged(func(l []string) []string { l[100] = flip(l[100], 20); return l }), reject.PrevNotFound, 100},
		"easier bits":           {damaged(func(l []string) []string { l[9] = l[9][:144] + "ffff7f20" + l[9][152:]; return l }), reject.HighHash, 9},
		"negative bits":         {damaged(func(l []string) []string { l[9] = l[9][:144] + "ffff801d" + l[9][152:]; return l }), reject.HighHash, 9},
		"a missing header":      {damaged(func(l []string) []string { return slices.Delete(l, 7, 8) }), reject.PrevNotFound, 7},
		"a header twice":        {damaged(func(l []string) []string { return slices.Insert(l, 8, l[7]) }), Duplicate, 8},
		"an old header again":   {damaged(func(l []string) []string { return slices.Insert(l, 300, l[7]) }), Duplicate, 300},
		"two in wrong order":    {damaged(func(l []string) []string { l[5], l[6] = l[6], l[5]; return l }), reject.PrevNotFound, 5},
		"not hex":               {damaged(func(l []string) []string { l[3] = "zz" + l[3][2:]; return l }), Malformed, 3},
		"a short line":          {damaged(func(l []string) []string { l[3] = l[3][:158]; return l }), reject.HighHash, 3},
		"a line without end":    {damaged(func(l []string) []string { l[3] = strings.Repeat("0", 5000); return l }), reject.PrevNotFound, 3},
		"cut within hex":        {strings.Join(lines[:5], "\n")[:700], Truncated, 4},
		"cut short":             {raw(lines)[:80*20+33], Truncated, 20},
		"shorter than a header": {raw(lines)[:79], Truncated, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := verifyStream(strings.NewReader(tc.stream), Config{Retarget: true})
			wantReason(t, err, tc.want)
			if s.Headers != tc.after {
				t.Errorf("%d good headers before it, want %d", s.Headers, tc.after)
			}
		})
	}
}

// A stream may begin anywhere in a chain. The verifier must check all that it can
// know, and must not refuse a header because of something that it cannot know.
func TestMiddleOfAChain(t *testing.T) {
	for _, minDifficulty := range []bool{false, true} {
		r := rand.New(rand.NewPCG(9, 9))
		n, tip := easyGenesis(t)
		n.MinDifficulty = minDifficulty
		n.Rule.Spacing = 300 // shorter than the blocks' spacing, so that many are late and the bits change
		chain := []*block{tip}
		for range 60 {
			tip = grow(t, n, tip, r)
			chain = append(chain, tip)
		}
		for start := range 40 {
			height := uint32(start)
			v := NewVerifier(Config{Network: n, Height: &height, Retarget: true})
			for _, b := range chain[start:] {
				if err := v.Add(b.Header); err != nil {
					t.Fatalf("min difficulty %v, from %d, at %d: %v", minDifficulty, start, b.height, err)
				}
			}
			s := v.Summary()
			if s.Start.FromGenesis != (start < 2) || s.Start.Parent != chain[start].Prev || s.Best.Height != 60 {
				t.Errorf("from %d: %+v", start, s)
			}
			// The boundaries are at 8, 16, ... 56. The first one after the start cannot be
			// checked if its period began before the start.
			boundaries := uint64(7 - (max(start, 1)-1)/8)
			skipped := uint64(0)
			if start > 8 || start > 1 && start <= 8 {
				skipped = 1
			}
			if s.Retargets+s.Skipped != boundaries || s.Skipped != skipped {
				t.Errorf("from %d: %d retargets checked, %d skipped, of %d", start, s.Retargets, s.Skipped, boundaries)
			}
		}
	}
}

func TestStart(t *testing.T) {
	main, test := Main().Genesis, Testnet3().Genesis
	child := strings.Split(testnet3(t), "\n")[2]
	first, err := pow.ParseHeader(child) // of testnet3
	if err != nil {
		t.Fatal(err)
	}
	height := func(h uint32) *uint32 { return &h }

	for name, tc := range map[string]struct {
		config  Config
		headers []pow.Header
		want    error         // nil if the headers are accepted, or reason is set
		reason  reject.Reason // empty if the error is want
	}{
		"genesis":                     {Config{Retarget: true}, []pow.Header{test, first}, nil, ""},
		"child of a genesis":          {Config{Retarget: true}, []pow.Header{first}, nil, ""},
		"genesis of another network":  {Config{Network: Main()}, []pow.Header{test}, nil, WrongGenesis},
		"another genesis later":       {Config{}, []pow.Header{main, test}, nil, reject.PrevNotFound},
		"child of another's genesis":  {Config{Network: Main(), Retarget: true}, []pow.Header{first}, ErrNeedHeight, ""},
		"network unknown":             {Config{Retarget: true, Height: height(7)}, []pow.Header{unknown(t)}, ErrNeedNetwork, ""},
		"height contradicted":         {Config{Height: height(77)}, []pow.Header{main}, ErrOtherHeight, ""},
		"height confirmed":            {Config{Height: height(1)}, []pow.Header{first}, nil, ""},
		"signet's genesis":            {Config{Retarget: true}, []pow.Header{Signet().Genesis}, nil, ""},
		"unknown genesis":             {Config{}, []pow.Header{solve(t, easyNet().Genesis)}, nil, ""},
		"rules of an unknown genesis": {Config{Retarget: true}, []pow.Header{solve(t, easyNet().Genesis)}, ErrNeedNetwork, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := NewVerifier(tc.config)
			var err error
			for _, h := range tc.headers {
				if err = v.Add(h); err != nil {
					break
				}
			}
			if tc.reason != "" {
				wantReason(t, err, tc.reason)
			} else if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// unknown returns a valid header whose parent is unknown.
func unknown(t testing.TB) pow.Header {
	return solve(t, pow.Header{Prev: pow.Hash{1}, Bits: 0x207fffff})
}

// The header proves the work that its bits ask for, but that is less than the least
// on its network.
func TestBitsAboveTheLimit(t *testing.T) {
	n, genesis := easyGenesis(t)
	n.Rule.Limit = 0x203fffff
	v := NewVerifier(Config{Network: n})
	err := v.Add(solve(t, genesis.Header))
	wantReason(t, err, reject.HighHash)
	if err == nil || !strings.Contains(err.Error(), "less work than 203fffff, the least on easy") {
		t.Errorf("error %v", err)
	}
}

// On a network with blocks of minimum difficulty, a block is late if it comes more
// than two spacings after its parent, not if it comes after exactly two.
func TestMinDifficultyBegins(t *testing.T) {
	n, tip := easyGenesis(t)
	n.MinDifficulty = true
	n.Genesis.Bits = 0x203fffff
	n.Genesis = solve(t, n.Genesis)
	tip.Header = n.Genesis
	for _, tc := range []struct {
		after uint32 // seconds
		bits  pow.Bits
		want  reject.Reason
	}{
		{1200, 0x203fffff, ""},
		{1200, 0x207fffff, reject.BadDiffBits},
		{1201, 0x207fffff, ""},
		{1201, 0x203fffff, reject.BadDiffBits},
	} {
		v := NewVerifier(Config{Network: n, Retarget: true})
		if err := v.Add(tip.Header); err != nil {
			t.Fatal(err)
		}
		err := v.Add(solve(t, pow.Header{Prev: tip.Hash(), Time: tip.Time + tc.after, Bits: tc.bits}))
		if tc.want == "" && err != nil {
			t.Errorf("%+v: %v", tc, err)
		} else if tc.want != "" {
			wantReason(t, err, tc.want)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	n, tip := easyGenesis(t)
	n.Rule.Spacing = 1 // so that the bits stay at the limit
	v := NewVerifier(Config{Network: n})
	h := tip.Header
	for i := range 3 * window {
		if err := v.Add(h); err != nil {
			t.Fatal(err)
		}
		h = solve(t, pow.Header{Prev: h.Hash(), Time: h.Time + 1000, Bits: h.Bits, Version: int32(i)})
	}
	if len(v.nodes)*chunk != window {
		t.Errorf("room for %d headers, want %d", len(v.nodes)*chunk, window)
	}
	// A fork from a header before the window must be refused.
	old := solve(t, pow.Header{Prev: tip.Hash(), Time: tip.Time + 1, Bits: tip.Bits, Version: -7})
	wantReason(t, v.Add(old), reject.PrevNotFound)

	// So must a fork from the parent of the stream.
	orphan := NewVerifier(Config{})
	first := unknown(t)
	h = first
	for range window {
		if err := orphan.Add(h); err != nil {
			t.Fatal(err)
		}
		h = solve(t, pow.Header{Prev: h.Hash(), Time: h.Time + 1000, Bits: h.Bits})
	}
	wantReason(t, orphan.Add(solve(t, pow.Header{Prev: first.Prev, Time: 1, Bits: first.Bits})), reject.PrevNotFound)

	// Add branches of one header each, all children of the tip's parent.
	parent := v.node(v.headers - 2).hash
	var err error
	for i := 0; err == nil && i < 2*maxBranches; i++ {
		err = v.Add(solve(t, pow.Header{Prev: parent, Time: old.Time + 1<<30, Bits: h.Bits, Version: int32(-i - 10)}))
	}
	wantReason(t, err, TooManyForks)
	if len(v.branches) != maxBranches {
		t.Errorf("%d branches kept, want %d", len(v.branches), maxBranches)
	}
}
