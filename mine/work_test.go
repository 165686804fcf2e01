package mine

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parseHash(t testing.TB, s string) pow.Hash {
	t.Helper()
	h, err := pow.ParseHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// stratumPrev reads the previous hash of mining.notify: eight words of four bytes,
// each reversed.
func stratumPrev(t testing.TB, s string) (h pow.Hash) {
	t.Helper()
	copy(h[:], unhex(t, s))
	for word := range slices.Chunk(h[:], 4) {
		slices.Reverse(word)
	}
	return h
}

// golden is work that somebody else has solved.
type golden struct {
	name       string
	work       Work
	extranonce string
	version    int32
	time       uint32
	nonce      uint32
	hash       string // of the header, as it prints
	block      bool
}

// The coinbase of Bitcoin's block 0, around the byte that its miner rolled.
const (
	genesisBefore = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d01"
	genesisAfter  = "455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73" +
		"ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)

func goldens(t testing.TB) []golden {
	return []golden{
		{
			name: "Bitcoin's block 0",
			work: Work{
				ID: "0", Version: 1, Bits: 0x1d00ffff, MinTime: 1231006505,
				Before: unhex(t, genesisBefore), After: unhex(t, genesisAfter), Extranonces: newSpace(t, nil, 1),
			},
			extranonce: "04", version: 1, time: 1231006505, nonce: 2083236893,
			hash: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f", block: true,
		},
		{
			// The first with a second transaction, so with a branch.
			name: "Bitcoin's block 170",
			work: Work{
				ID: "170", Height: 170, Version: 1, Bits: 0x1d00ffff,
				Prev:   parseHash(t, "000000002a22cfee1f2c846adbd12b3e183d4f97683f85dad08a79780a84bd55"),
				Before: unhex(t, "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff0704ffff001d01"),
				After: unhex(t, "ffffffff0100f2052a01000000434104d46c4968bde02899d2aa0963367c7a6ce34eec332b32e42e5f3407e052d64ac625da6f0718e7b302140434bd72570695"+
					"7c092db53805b821a85b23a7ac61725bac00000000"),
				Extranonces: newSpace(t, []byte{2}, 0),
				Branch:      []pow.Hash{parseHash(t, "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16")},
			},
			extranonce: "02", version: 1, time: 1231731025, nonce: 1889418792,
			hash: "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee", block: true,
		},
		{
			// Four transactions: the second level of the branch is a pair's hash.
			name: "Bitcoin's block 100,000",
			work: Work{
				ID: "100000", Height: 100_000, Version: 1, Bits: 0x1b04864c,
				Prev:   parseHash(t, "000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250"),
				Before: unhex(t, "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff08044c86041b02"),
				After: unhex(t, "ffffffff0100f2052a010000004341041b0e8c2567c12536aa13357b79a073dc4444acb83c4ec7a0e2f99dd7457516c5817242da796924ca4e99947d087fedf9"+
					"ce467cb9f7c6287078f801df276fdf84ac00000000"),
				Extranonces: newSpace(t, nil, 2),
				Branch: []pow.Hash{
					parseHash(t, "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4"),
					pow.DoubleSHA256(slices.Concat(
						hashBytes(parseHash(t, "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4")),
						hashBytes(parseHash(t, "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d")),
					)),
				},
			},
			extranonce: "0602", version: 1, time: 1293623863, nonce: 274148111,
			hash: "000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506", block: true,
		},
		{
			// The worked example in the documentation of Stratum's first pool: the answer
			// to mining.subscribe, mining.notify and a mining.submit of difficulty 1 that
			// the pool accepted. It was a block of the test network, too.
			name: "Stratum's documentation",
			work: Work{
				ID: "bf", Version: 2, Bits: 0x1c2ac4af, Target: pow.ZerosTarget(32), MinTime: 0x504e86b9,
				Prev:        stratumPrev(t, "4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"),
				Before:      unhex(t, "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008"),
				After:       unhex(t, "072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000"),
				Extranonces: newSpace(t, unhex(t, "08000002"), 4),
			},
			extranonce: "0800000200000001", version: 2, time: 0x504e86ed, nonce: 0xb2957c02,
			hash: "000000002076870fe65a2b6eeed84fa892c0db924f1482243a6247d931dcab32", block: true,
		},
	}
}

func hashBytes(h pow.Hash) []byte { return h[:] }

// Work that other miners have solved leads to the same headers: both by its job and
// by a search for the nonce.
func TestGoldenWork(t *testing.T) {
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			if err := g.work.Validate(); err != nil {
				t.Fatal(err)
			}
			extranonce := unhex(t, g.extranonce)
			job := g.work.Job(extranonce, g.time)
			job.First, job.Count = g.nonce-100, 200
			r, err := engine.Search(t.Context(), job)
			if err != nil || r.Hash.String() != g.hash || r.Header.Nonce != g.nonce {
				t.Fatalf("found %s with nonce %d (%v), want %s with nonce %d", r.Hash, r.Header.Nonce, err, g.hash, g.nonce)
			}
			s, err := g.work.Solution(extranonce, r.Header)
			if err != nil {
				t.Fatal(err)
			}
			if s.WorkID != g.work.ID || !bytes.Equal(s.Extranonce, extranonce) || s.Header != r.Header || s.Hash != r.Hash || s.Block != g.block {
				t.Errorf("%+v", s)
			}
			if h := g.work.Header(extranonce, g.version, g.time, g.nonce); h != r.Header {
				t.Errorf("header %+v, want %+v", h, r.Header)
			}
		})
	}
}

func TestSolutionRefuses(t *testing.T) {
	g := goldens(t)[3]
	extranonce := unhex(t, g.extranonce)
	good := g.work.Header(extranonce, g.version, g.time, g.nonce)
	for _, tc := range []struct {
		name string
		edit func(w *Work, extranonce []byte, h *pow.Header) []byte
		want error
	}{
		{"nothing", func(_ *Work, e []byte, _ *pow.Header) []byte { return e }, nil},
		{"other extranonce", func(_ *Work, e []byte, _ *pow.Header) []byte { e[7]++; return e }, ErrOther},
		{"another's extranonce", func(_ *Work, e []byte, _ *pow.Header) []byte { e[3]++; return e }, ErrExtranonce},
		{"short extranonce", func(_ *Work, e []byte, _ *pow.Header) []byte { return e[:7] }, ErrExtranonce},
		{"version without a mask", func(_ *Work, e []byte, h *pow.Header) []byte { h.Version |= 1 << 13; return e }, ErrVersion},
		{"version outside the mask", func(w *Work, e []byte, h *pow.Header) []byte { w.VersionMask = 1 << 14; h.Version |= 1 << 13; return e }, ErrVersion},
		{"version outside BIP 320", func(w *Work, e []byte, h *pow.Header) []byte {
			w.VersionMask = math.MaxUint32
			h.Version |= math.MinInt32
			return e
		}, ErrVersion},
		{"time too early", func(w *Work, e []byte, h *pow.Header) []byte { h.Time = w.MinTime - 1; return e }, ErrTime},
		{"time too late", func(w *Work, e []byte, h *pow.Header) []byte { w.MaxTime = h.Time - 1; return e }, ErrTime},
		{"the last time", func(w *Work, e []byte, h *pow.Header) []byte { w.MaxTime = h.Time; return e }, nil},
		{"other parent", func(_ *Work, e []byte, h *pow.Header) []byte { h.Prev[0]++; return e }, ErrOther},
		{"other bits", func(_ *Work, e []byte, h *pow.Header) []byte { h.Bits++; return e }, ErrOther},
		{"bits that are no target", func(w *Work, e []byte, h *pow.Header) []byte { w.Bits, h.Bits = 0, 0; return e }, ErrOther},
		{"other nonce", func(_ *Work, e []byte, h *pow.Header) []byte { h.Nonce++; return e }, ErrLow},
		{"no share, but a block", func(w *Work, _ []byte, h *pow.Header) []byte {
			block := goldens(t)[0]
			*w = block.work
			w.Target = pow.ZerosTarget(200)
			*h = w.Header([]byte{4}, 1, block.time, block.nonce)
			return []byte{4}
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, h := g.work, good
			e := tc.edit(&w, slices.Clone(extranonce), &h)
			if _, err := w.Solution(e, h); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// A hash that meets only the easier target of a share is a share and not a block. The
// target is compared to the last bit.
func TestShareIsNoBlock(t *testing.T) {
	w := goldens(t)[2].work
	w.Target = pow.ZerosTarget(8)
	extranonce := w.Extranonces.At(1)
	r, err := pow.Kernels()[0].Scan(w.Job(extranonce, 1293623863))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := w.Solution(extranonce, r.Header); err != nil || s.Block {
		t.Errorf("%+v, %v; want a share that is no block", s, err)
	}
	exact := slices.Clone(r.Hash[:])
	slices.Reverse(exact)
	w.Target = pow.TargetFromBytes([32]byte(exact))
	if _, err := w.Solution(extranonce, r.Header); err != nil {
		t.Errorf("a hash equal to the target: %v", err)
	}
	exact[31]--
	w.Target = pow.TargetFromBytes([32]byte(exact))
	if _, err := w.Solution(extranonce, r.Header); !errors.Is(err, ErrLow) {
		t.Errorf("a hash one above the target: %v, want %v", err, ErrLow)
	}
}

func TestVersions(t *testing.T) {
	const base = 0x20000000
	for _, tc := range []struct {
		name string
		mask uint32
		want []int32
	}{
		{"no mask", 0, []int32{base}},
		{"one bit", 1 << 20, []int32{base, base | 1<<20}},
		{"narrow", 5 << 13, []int32{base, base | 1<<13, base | 4<<13, base | 5<<13}},
		{"bits that are not the miner's", 0xe0001fff, []int32{base}},
		{"a bit that is not the miner's beside one that is", 1<<31 | 1<<28, []int32{base, base | 1<<28}},
	} {
		if got := (Work{Version: base, VersionMask: tc.mask}).Versions(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %08x, want %08x", tc.name, got, tc.want)
		}
	}
}

func TestVersionsStayInTheMask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Work{Version: rapid.Int32().Draw(t, "version"), VersionMask: rapid.Uint32().Draw(t, "mask")}
		list := w.Versions()
		if want := 1 << min(4, bits.OnesCount32(w.VersionMask&VersionMask)); len(list) != want || list[0] != w.Version {
			t.Fatalf("%d versions, want %d, the work's own first", len(list), want)
		}
		seen := map[int32]bool{}
		for _, v := range list {
			if changed := uint32(v ^ w.Version); changed&^(w.VersionMask&VersionMask) != 0 || seen[v] || (v < 0) != (w.Version < 0) {
				t.Fatalf("version %08x of %08x with mask %08x", uint32(v), uint32(w.Version), w.VersionMask)
			}
			seen[v] = true
		}
	})
}

func TestValidate(t *testing.T) {
	good := goldens(t)[1].work
	for name, edit := range map[string]func(*Work){
		"bits of nothing":        func(w *Work) { w.Bits = 0 },
		"negative bits":          func(w *Work) { w.Bits = 0x1d80ffff },
		"bits over 256 bits":     func(w *Work) { w.Bits = 0xff123456 },
		"times the wrong way":    func(w *Work) { w.MinTime, w.MaxTime = 10, 9 },
		"a coinbase too large":   func(w *Work) { w.After = make([]byte, MaxCoinbase-len(w.Before)) },
		"a branch too long":      func(w *Work) { w.Branch = make([]pow.Hash, MaxBranch+1) },
		"a branch far too large": func(w *Work) { w.Branch = make([]pow.Hash, 1<<16) },
	} {
		w := good
		edit(&w)
		if err := w.Validate(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	good.MinTime, good.MaxTime = 10, 10
	good.After = make([]byte, MaxCoinbase-len(good.Before)-1)
	good.Branch = make([]pow.Hash, MaxBranch)
	if err := good.Validate(); err != nil {
		t.Errorf("work at all its bounds: %v", err)
	}
}

func TestSplitWork(t *testing.T) {
	w := goldens(t)[3].work
	parts, err := w.Split(3)
	if err != nil {
		t.Fatal(err)
	}
	extranonce := unhex(t, goldens(t)[3].extranonce)
	takers := 0
	for _, p := range parts {
		if p.ID != w.ID {
			t.Errorf("a part has the ID %q", p.ID)
		}
		if _, err := p.Solution(extranonce, w.Header(extranonce, 2, 0x504e86ed, 0xb2957c02)); err == nil {
			takers++
		} else if !errors.Is(err, ErrExtranonce) {
			t.Error(err)
		}
	}
	if takers != 1 {
		t.Errorf("%d parts take the solution, want 1", takers)
	}

	session, err := w.Sub([]byte{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Solution(extranonce, w.Header(extranonce, 2, 0x504e86ed, 0xb2957c02)); err != nil {
		t.Errorf("the session with that prefix: %v", err)
	}
	if session.Extranonces.Rolled() != 2 || session.ID != w.ID {
		t.Errorf("%d bytes to roll, ID %q", session.Extranonces.Rolled(), session.ID)
	}
	if _, err := w.Split(0); err == nil {
		t.Error("split into nothing")
	}
	if _, err := w.Sub(make([]byte, 5)); err == nil {
		t.Error("a prefix that is too long was accepted")
	}
}

// FuzzWork makes work of odd sizes. Whatever a source sends, the work is refused, or
// the headers of its jobs belong to it.
func FuzzWork(f *testing.F) {
	for _, g := range goldens(f) {
		var branch []byte
		for _, h := range g.work.Branch {
			branch = append(branch, h[:]...)
		}
		f.Add(g.work.Before, g.work.After, g.work.Extranonces.Fixed(), g.work.Extranonces.Rolled(), branch,
			uint32(g.work.Version), uint32(VersionMask), uint32(g.work.Bits), g.work.MinTime, uint32(0), g.time, uint64(1))
	}
	f.Add([]byte(nil), []byte(nil), []byte(nil), 0, []byte(nil), uint32(0), uint32(0), uint32(0x207fffff), uint32(5), uint32(3), uint32(4), uint64(math.MaxUint64))
	f.Add([]byte{1}, []byte{2}, make([]byte, 70), 9, make([]byte, 40*pow.HashSize), uint32(1<<31), uint32(math.MaxUint32), uint32(0x03000001), uint32(0), uint32(9), uint32(100), uint64(77))
	f.Fuzz(func(t *testing.T, before, after, fixed []byte, rolled int, branch []byte, version, mask, bits, minTime, maxTime, now uint32, at uint64) {
		space, err := NewSpace(fixed, rolled)
		if err != nil {
			return
		}
		w := Work{
			ID: "fuzz", Version: int32(version), VersionMask: mask, Bits: pow.Bits(bits), MinTime: minTime, MaxTime: maxTime,
			Before: before, After: after, Extranonces: space,
		}
		for raw := range slices.Chunk(branch, pow.HashSize) {
			if len(raw) == pow.HashSize {
				w.Branch = append(w.Branch, pow.Hash(raw))
			}
		}
		if w.Validate() != nil {
			return
		}
		extranonce := space.At(min(at, space.Last()))
		job := w.Job(extranonce, now)
		if job.Header.Time < minTime || maxTime != 0 && job.Header.Time > maxTime || now >= minTime && (maxTime == 0 || now <= maxTime) && job.Header.Time != now {
			t.Fatalf("time %d of a job at %d, bounds %d to %d", job.Header.Time, now, minTime, maxTime)
		}
		if len(job.Versions) == 0 || len(job.Versions) > pow.MaxVersions {
			t.Fatalf("%d versions", len(job.Versions))
		}
		h := job.Header
		h.Version = job.Versions[len(job.Versions)-1]
		if s, err := w.Solution(extranonce, h); err != nil && !errors.Is(err, ErrLow) {
			t.Fatalf("the work's own header: %v", err)
		} else if err == nil && s.Hash != h.Hash() {
			t.Fatal("the solution has another hash")
		}
	})
}
