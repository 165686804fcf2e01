package stratum

import (
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

func space(t *testing.T, fixed string, rolled int) mine.Space {
	t.Helper()
	b, err := hex.DecodeString(fixed)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mine.NewSpace(b, rolled)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testWork is work as a server hands it out: every byte of it differs from its mirror
// image.
func testWork(t *testing.T) mine.Work {
	return mine.Work{
		ID: "7", Version: -0x20000000, VersionMask: mine.VersionMask,
		Prev: pow.DoubleSHA256([]byte("parent")), Bits: 0x207fffff, MinTime: 1_700_000_000, MaxTime: 1_700_007_000,
		Before: []byte("before"), After: []byte("after"), Extranonces: space(t, "0102", 4),
		Branch: []pow.Hash{pow.DoubleSHA256([]byte("a")), pow.DoubleSHA256([]byte("b"))},
	}
}

// The lines of a server, and work, have one meaning on both sides: a share that a miner
// finds from the lines alone is the header that the server sees.
func TestShareRoundTrip(t *testing.T) {
	server := testWork(t)
	for _, mask := range []uint32{0, 0x2000, 0x18000000, math.MaxUint32} {
		server.VersionMask = mask
		line := NotifyOf("job", server, 1_700_000_100, true).Message().Line()
		m, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		job, err := ParseNotify(m)
		if err != nil {
			t.Fatal(err)
		}
		miner, err := job.Work("1/job", Terms{Extranonces: server.Extranonces, VersionMask: mask})
		if err != nil {
			t.Fatal(err)
		}
		if miner.MinTime != 1_700_000_100 || miner.MaxTime != 1_700_007_100 || !job.Clean || !miner.SameHeaders(server) {
			t.Fatalf("%s became %+v", line, miner)
		}
		for _, version := range miner.Versions() {
			extranonce := miner.Extranonces.At(0x01020304)
			share := miner.Job(extranonce, 1_700_000_200)
			share.Header.Version, share.Versions = version, nil
			r, err := pow.Kernels()[0].Scan(share)
			if err != nil {
				t.Fatal(err)
			}
			solution, err := miner.Solution(extranonce, r.Header)
			if err != nil {
				t.Fatal(err)
			}
			submit, err := Parse(SubmitOf("w", job.Job, miner, solution).Message(NumberID(1)).Line())
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := ParseSubmit(submit)
			if err != nil {
				t.Fatal(err)
			}
			if rolls := mask != 0; (parsed.VersionBits != nil) != rolls {
				t.Errorf("mask %08x: %s", mask, submit.Line())
			}
			whole, header, err := parsed.Header(server)
			if err != nil || header != r.Header || !slices.Equal(whole, extranonce) {
				t.Errorf("mask %08x, version %08x: %v", mask, uint32(version), err)
			}
			if s, err := server.Solution(whole, header); err != nil || !s.Block {
				t.Errorf("mask %08x, version %08x: %v", mask, uint32(version), err)
			}
		}
	}
}

func TestSubmitHeader(t *testing.T) {
	w := testWork(t)
	w.VersionMask = 0x18000000
	bits := func(n uint32) *uint32 { return &n }
	good := Submit{Extranonce2: []byte{1, 2, 3, 4}, Time: 1_700_000_000}
	for _, test := range []struct {
		name    string
		edit    func(*Submit)
		version uint32
		err     error
	}{
		{"no bits", func(*Submit) {}, 0xe0000000, nil},
		{"no bit set", func(s *Submit) { s.VersionBits = bits(0) }, 0xe0000000, nil},
		{"one bit", func(s *Submit) { s.VersionBits = bits(0x10000000) }, 0xf0000000, nil},
		{"all bits", func(s *Submit) { s.VersionBits = bits(0x18000000) }, 0xf8000000, nil},
		{"a bit beside", func(s *Submit) { s.VersionBits = bits(0x04000000) }, 0, mine.ErrVersion},
		{"the whole version", func(s *Submit) { s.VersionBits = bits(0xe0000000) }, 0, mine.ErrVersion},
		{"short", func(s *Submit) { s.Extranonce2 = []byte{1} }, 0, mine.ErrExtranonce},
		{"long", func(s *Submit) { s.Extranonce2 = make([]byte, 5) }, 0, mine.ErrExtranonce},
		{"none", func(s *Submit) { s.Extranonce2 = nil }, 0, mine.ErrExtranonce},
	} {
		s := good
		test.edit(&s)
		_, h, err := s.Header(w)
		if !errors.Is(err, test.err) || err == nil && uint32(h.Version) != test.version {
			t.Errorf("%s: %08x, %v", test.name, uint32(h.Version), err)
		}
	}
}

// A version with bits of the mask loses them where the miner sends zeros.
func TestVersionBitsReplace(t *testing.T) {
	w := testWork(t)
	w.Version, w.VersionMask = 0x3fffe000, 0x00006000
	zero := uint32(0)
	_, h, err := Submit{Extranonce2: make([]byte, 4), VersionBits: &zero}.Header(w)
	if err != nil || h.Version != 0x3fff8000 {
		t.Errorf("%08x, %v", uint32(h.Version), err)
	}
}

func TestWorkRefuses(t *testing.T) {
	good := NotifyOf("1", testWork(t), 0, false)
	for _, test := range []struct {
		name string
		edit func(*Notify)
	}{
		{"bits of no target", func(n *Notify) { n.Bits = 0 }},
		{"a negative target", func(n *Notify) { n.Bits = 0x1d80ffff }},
		{"a long branch", func(n *Notify) { n.Branch = make([]pow.Hash, mine.MaxBranch+1) }},
		{"a long coinbase", func(n *Notify) { n.Coinbase1 = make([]byte, mine.MaxCoinbase) }},
	} {
		n := good
		test.edit(&n)
		if _, err := n.Work("1", Terms{Extranonces: space(t, "01", 4)}); err == nil {
			t.Errorf("%s was accepted", test.name)
		}
	}
}

// The last times that fit a header do not wrap.
func TestLateTime(t *testing.T) {
	n := NotifyOf("1", testWork(t), 0, false)
	n.Time = math.MaxUint32 - 10
	w, err := n.Work("1", Terms{})
	if err != nil || w.MaxTime != math.MaxUint32 {
		t.Errorf("%d, %v", w.MaxTime, err)
	}
}

func TestHeight(t *testing.T) {
	const before = "01000000" + "01" + "0000000000000000000000000000000000000000000000000000000000000000" + "ffffffff" + "20"
	for script, want := range map[string]int64{
		"":               0,
		"00":             0,
		"0108":           8,
		"028001":         384,
		"03a0860100":     100000,
		"0400e1f505ff":   100000000,
		"51":             1,
		"60":             16,
		"61":             0,
		"03a086":         0,
		"06010203040506": 0,
	} {
		b, err := hex.DecodeString(before + script)
		if err != nil {
			t.Fatal(err)
		}
		if got := heightOf(b); got != want {
			t.Errorf("%s: %d, want %d", script, got, want)
		}
	}
}

// What a peer sends and makes no sense is refused with the name of the parameter.
func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		in, err string
	}{
		{`{"id":1,"method":"mining.submit","params":["w","1","00","67a1b2c3"]}`, "mining.submit: nonce: is missing"},
		{`{"id":1,"method":"mining.submit","params":["w","1","0","67a1b2c3","00000001"]}`, "mining.submit: extranonce2: want an even number of hex digits"},
		{`{"id":1,"method":"mining.submit","params":["w","1",7,"67a1b2c3","00000001"]}`, "mining.submit: extranonce2: want a string of hex digits"},
		{`{"id":1,"method":"mining.submit","params":["w","1","00","167a1b2c3","00000001"]}`, "mining.submit: time: want up to eight hex digits"},
		{`{"id":1,"method":"mining.submit","params":["w","1","00","000000001","00000001"]}`, "mining.submit: time: want up to eight hex digits"},
		{`{"id":1,"method":"mining.submit","params":["w","1","00","","00000001"]}`, "mining.submit: time: want up to eight hex digits"},
		{`{"id":1,"method":"mining.submit","params":["w","1","00","-1","00000001"]}`, "mining.submit: time: want up to eight hex digits"},
		{`{"id":1,"method":"mining.submit","params":["w","1","00","67a1b2c3","00000001","zz"]}`, "mining.submit: version bits: want up to eight hex digits"},
		{`{"id":1,"method":"mining.submit","params":[{},"1","00","67a1b2c3","00000001"]}`, "mining.submit: user: want a string"},
		{`{"id":1,"method":"mining.submit","params":["w","` + strings.Repeat("1", 129) + `","00","67a1b2c3","00000001"]}`, "mining.submit: job: has 129 bytes, want at most 128"},
		{`{"id":1,"method":"mining.authorize","params":[]}`, "mining.authorize: user: is missing"},
		{`{"id":1,"method":"mining.configure","params":[]}`, "mining.configure: extensions: is missing"},
		{`{"id":1,"method":"mining.configure","params":["version-rolling"]}`, "mining.configure: extensions: want a list of names"},
		{`{"id":1,"method":"mining.configure","params":[[],[]]}`, "mining.configure: options: want an object"},
		{`{"id":1,"method":"mining.configure","params":[[],{"version-rolling.mask":1}]}`, "mining.configure: version-rolling.mask: want up to eight hex digits"},
		{`{"id":1,"method":"mining.configure","params":[[],{"version-rolling.min-bit-count":-1}]}`, "mining.configure: version-rolling.min-bit-count: want a whole number from 0 to 65535"},
		{`{"id":1,"method":"mining.suggest_difficulty","params":[0]}`, "mining.suggest_difficulty: difficulty: 0: want a number greater than zero"},
		{`{"id":1,"method":"mining.suggest_difficulty","params":["NaN"]}`, "mining.suggest_difficulty: difficulty: want a number"},
		{`{"method":"mining.set_difficulty","params":[-1]}`, "mining.set_difficulty: difficulty: -1: want a number greater than zero"},
		{`{"method":"mining.set_difficulty","params":["Inf"]}`, "mining.set_difficulty: difficulty: want a number"},
		{`{"method":"mining.set_extranonce","params":["00"]}`, "mining.set_extranonce: size of extranonce2: is missing"},
		{`{"method":"mining.set_version_mask","params":[]}`, "mining.set_version_mask: mask: is missing"},
		{`{"method":"mining.notify","params":["1","00"]}`, "mining.notify: hash of the parent: want 64 hex digits"},
		{`{"method":"mining.notify","params":["1","` + strings.Repeat("00", 32) + `","","",["00"],"1","1","1",true]}`, "mining.notify: merkle branch: hash 0: want 64 hex digits"},
		{`{"method":"mining.notify","params":["1","` + strings.Repeat("00", 32) + `","","",[],"1","1","1","maybe"]}`, "mining.notify: clean_jobs: want true or false"},
		{`{"method":"client.reconnect","params":["h",70000]}`, "client.reconnect: port: want a whole number from 0 to 65535"},
		{`{"method":"client.show_message","params":[]}`, "client.show_message: text: is missing"},
	} {
		m, err := Parse([]byte(test.in))
		if err != nil {
			t.Fatalf("%s: %v", test.in, err)
		}
		if _, err := again(m, ""); err == nil || err.Error() != test.err {
			t.Errorf("%s:\n got %v\nwant %s", test.in, err, test.err)
		}
	}
}

// What means something is accepted in other forms.
func TestParseAccepts(t *testing.T) {
	for in, out := range map[string]string{
		`{"id":1,"method":"mining.submit","params":[7,12,"0A","0x67A1B2C3","1",""]}`:   "mining.submit: version bits: want up to eight hex digits",
		`{"id":1,"method":"mining.submit","params":[7,12,"0A","0x67A1B2C3","1",null]}`: `{"id":1,"method":"mining.submit","params":["7","12","0a","67a1b2c3","00000001"]}`,
		`{"id":1,"method":"mining.submit","params":["w","1","00","1","2","3","more"]}`: `{"id":1,"method":"mining.submit","params":["w","1","00","00000001","00000002","00000003"]}`,
		`{"id":1,"method":"mining.authorize","params":["w"]}`:                          `{"id":1,"method":"mining.authorize","params":["w",""]}`,
		`{"id":1,"method":"mining.authorize","params":["w",123]}`:                      `{"id":1,"method":"mining.authorize","params":["w","123"]}`,
		`{"method":"client.reconnect","params":[]}`:                                    `{"id":null,"method":"client.reconnect","params":["",0,0]}`,
		`{"method":"client.reconnect","params":["h","3333","5"]}`:                      `{"id":null,"method":"client.reconnect","params":["h",3333,5]}`,
		`{"method":"mining.set_difficulty","params":["0.0001"]}`:                       `{"id":null,"method":"mining.set_difficulty","params":[0.0001]}`,
		`{"method":"mining.set_difficulty","params":[1e-7]}`:                           `{"id":null,"method":"mining.set_difficulty","params":[0.0000001]}`,
		`{"method":"client.show_message","params":["a\u001b[2Jb\nc"]}`:                 `{"id":null,"method":"client.show_message","params":["a [2Jb c"]}`,
	} {
		m, err := Parse([]byte(in))
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		typed, err := again(m, "")
		got := strings.TrimSuffix(string(typed.Line()), "\n")
		if err != nil {
			got = err.Error()
		}
		if got != out {
			t.Errorf("%s:\n got %s\nwant %s", in, got, out)
		}
	}
}

func TestTargetOf(t *testing.T) {
	for difficulty, want := range map[float64]string{
		1:                           "00000000ffff0000000000000000000000000000000000000000000000000000",
		2:                           "000000007fff8000000000000000000000000000000000000000000000000000",
		0.5:                         "00000001fffe0000000000000000000000000000000000000000000000000000",
		65535:                       "0000000000010000000000000000000000000000000000000000000000000000",
		1.0 / (1 << 31):             "7fff800000000000000000000000000000000000000000000000000000000000",
		1.0 / (1 << 33):             strings.Repeat("f", 64),
		math.SmallestNonzeroFloat64: strings.Repeat("f", 64),
		math.MaxFloat64:             strings.Repeat("0", 63) + "1",
	} {
		got, err := TargetOf(difficulty)
		if err != nil || got.String() != want {
			t.Errorf("%v: %s, %v; want %s", difficulty, got, err, want)
		}
	}
	for _, difficulty := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, err := TargetOf(difficulty); err == nil {
			t.Errorf("%v: %s", difficulty, got)
		}
	}
}

func FuzzTargetOf(f *testing.F) {
	f.Add(1.0)
	f.Add(0.001)
	f.Add(1e12)
	f.Fuzz(func(t *testing.T, difficulty float64) {
		target, err := TargetOf(difficulty)
		if err != nil {
			return
		}
		if target.IsZero() {
			t.Fatalf("difficulty %v has no target", difficulty)
		}
		if difficulty > 1e-9 && difficulty < 1e40 {
			if got := target.Difficulty(); math.Abs(got/difficulty-1) > 1e-12 {
				t.Errorf("difficulty %v became %v", difficulty, got)
			}
		}
	})
}

func FuzzJob(f *testing.F) {
	f.Add("1", []byte("before"), []byte("after"), []byte{1, 2}, int32(1<<29), uint32(0x207fffff), uint32(1_700_000_000), uint32(0x1fffe000), true)
	f.Fuzz(func(t *testing.T, job string, before, after, fixed []byte, version int32, bits, time, mask uint32, clean bool) {
		extranonces, err := mine.NewSpace(fixed, 4)
		if err != nil || !utf8.ValidString(job) {
			return // JSON has no other strings
		}
		n := Notify{Job: job, Prev: pow.DoubleSHA256(before), Coinbase1: before, Coinbase2: after, Branch: []pow.Hash{pow.DoubleSHA256(after)}, Version: version, Bits: pow.Bits(bits), Time: time, Clean: clean}
		w, err := n.Work("1", Terms{Extranonces: extranonces, VersionMask: mask})
		if err != nil {
			return
		}
		line := n.Message().Line()
		m, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParseNotify(m)
		if err != nil {
			return // the name of the job is too long
		}
		if again := parsed.Message().Line(); string(again) != string(line) {
			t.Fatalf("%s became %s", line, again)
		}
		w2, err := parsed.Work("1", Terms{Extranonces: extranonces, VersionMask: mask})
		if err != nil || !w2.SameHeaders(w) || w.VersionMask&^mine.VersionMask != 0 {
			t.Fatalf("%+v became %+v (%v)", w, w2, err)
		}
		extranonce := extranonces.At(7)
		header := w.Header(extranonce, w.Versions()[len(w.Versions())-1], w.MaxTime, 42)
		s := SubmitOf("w", job, w, mine.Solution{Extranonce: extranonce, Header: header})
		whole, got, err := s.Header(w2)
		if err != nil || got != header || string(whole) != string(extranonce) {
			t.Fatalf("%+v became %+v (%v)", header, got, err)
		}
	})
}
