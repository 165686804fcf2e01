package pow

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

func testEngine(t testing.TB, k Kernel, workers int) *Engine {
	t.Helper()
	e, err := newEngine(k, Config{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	e.yieldCore = func() {} // where other programs are busy, it would take long
	e.isFree = func(int) bool { return false }
	return e
}

// runnable returns the kernels that can run on this machine. It logs which ones it
// leaves out.
func runnable(t testing.TB) []Kernel {
	var kernels []Kernel
	for _, k := range Kernels() {
		if missing := k.Missing(); len(missing) > 0 {
			t.Logf("NOT TESTED: kernel %s needs %v", k.Name(), missing)
			continue
		}
		kernels = append(kernels, k)
	}
	return kernels
}

// naiveAnswer finds the answer to a job in the most obvious way, with the standard
// library only. What it returns is the contract of Search.
func naiveAnswer(job Job) (tries uint64, header Header, found bool) {
	versions := job.Versions
	if len(versions) == 0 {
		versions = []int32{job.Header.Version}
	}
	target := job.Target
	if target.IsZero() {
		target, _, _ = job.Header.Bits.Decode()
	}
	limit := target.Bytes()
	for n := range job.Count {
		for _, version := range versions {
			tries++
			h := job.Header
			h.Version, h.Nonce = version, job.First+uint32(n)
			raw := h.Bytes()
			sum := sha256.Sum256(raw[:])
			sum = sha256.Sum256(sum[:])
			if leBytesAtMost(sum, limit) {
				return tries, h, true
			}
		}
	}
	return tries, Header{}, false
}

// leBytesAtMost reports whether a little-endian number is at most a big-endian one.
func leBytesAtMost(le, be [32]byte) bool {
	for i := range be {
		if le[31-i] != be[i] {
			return le[31-i] < be[i]
		}
	}
	return true
}

func randomJob(r *rand.Rand) Job {
	var raw [HeaderSize]byte
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	job := Job{Header: DecodeHeader(&raw), First: r.Uint32(), Count: 1 + r.Uint64N(3000)}
	for range r.IntN(MaxVersions + 1) {
		job.Versions = append(job.Versions, int32(r.Uint32()))
	}
	if r.IntN(4) == 0 { // a range that ends at the last nonce
		job.First = uint32(nonces - job.Count)
	}
	job.First = uint32(min(uint64(job.First), nonces-job.Count))

	// The targets range from one that the first hashes meet to one that probably no
	// hash of the job meets. Their low words are random, so that some candidates are
	// refused only when the whole hash is compared.
	target := ZerosTarget(r.IntN(20))
	for i := range 3 {
		target.n[i] = r.Uint64()
	}
	if r.IntN(2) == 0 {
		job.Header.Bits = target.Bits()
	} else {
		job.Target = target
	}
	return job
}

func TestOneAnswer(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var found, exhausted int
	for i := range 300 {
		job := randomJob(r)
		tries, header, ok := naiveAnswer(job)
		if ok {
			found++
		} else {
			exhausted++
		}
		for _, k := range runnable(t) {
			for _, workers := range []int{1, 2, 3, 8} {
				what := fmt.Sprintf("job %d, kernel %s, %d workers", i, k.Name(), workers)
				got, err := testEngine(t, k, workers).Search(t.Context(), job)
				if !ok {
					if !errors.Is(err, ErrExhausted) || got.Tries != tries || got.Hashes < tries || got.Hashes >= tries+uint64(k.Lanes()*MaxVersions) {
						t.Fatalf("%s: %+v, %v; want exhausted after %d tries, with as many hashes rounded up to whole lanes", what, got, err, tries)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if got.Header != header || got.Tries != tries || got.Hash != header.Hash() {
					t.Fatalf("%s: %+v, want header %+v after %d tries", what, got, header, tries)
				}
				if len(job.Versions) > 0 && job.Versions[got.VersionIndex] != got.Header.Version {
					t.Fatalf("%s: version %d of the list is not %08x", what, got.VersionIndex, got.Header.Version)
				}
				if got.Hashes < got.Tries || workers == 1 && got.Hashes >= got.Tries+uint64(k.Lanes()*MaxVersions) {
					t.Fatalf("%s: %d hashes for %d tries", what, got.Hashes, got.Tries)
				}
			}
			if got, err := k.Scan(job); ok && got.Header != header || !ok && !errors.Is(err, ErrExhausted) {
				t.Fatalf("job %d: scan of kernel %s without an engine: %+v, %v", i, k.Name(), got, err)
			}
		}
	}
	if found < 50 || exhausted < 50 {
		t.Errorf("%d jobs had an answer and %d had none, want at least 50 of both", found, exhausted)
	}
}

// The test starts at nonce 0 and must find the nonces of real headers. It uses a
// few headers only; the tests of cmd/lode use all of them.
func TestSmallNonceHeaders(t *testing.T) {
	headers := smallNonceHeaders(t)[:20]
	if raceEnabled {
		headers = headers[:5]
	}
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range headers {
		job := Job{Header: want}
		job.Header.Nonce = 0
		got, err := e.Search(t.Context(), job)
		if err != nil {
			t.Fatalf("nonce %d: %v", want.Nonce, err)
		}
		if got.Header != want || got.Tries != uint64(want.Nonce)+1 {
			t.Errorf("found nonce %d after %d tries, want %d", got.Header.Nonce, got.Tries, want.Nonce)
		}
	}
}

// Every kernel must find the nonces of all these headers, and of Bitcoin's
// genesis, in a range that begins shortly before them.
func TestGoldenNonces(t *testing.T) {
	headers := append(smallNonceHeaders(t), BitcoinGenesis())
	for _, k := range runnable(t) {
		for _, workers := range []int{1, 2, 3, 8} {
			t.Run(fmt.Sprintf("kernel=%s/workers=%d", k.Name(), workers), func(t *testing.T) {
				t.Parallel()
				e := testEngine(t, k, workers)
				for _, want := range headers {
					first := want.Nonce - 1000
					got, err := e.Search(t.Context(), Job{Header: want, First: first, Count: 5000})
					if err != nil {
						t.Fatal(err)
					}
					if got.Header != want || got.Tries != 1001 {
						t.Errorf("found nonce %d after %d tries, want %d after 1001", got.Header.Nonce, got.Tries, want.Nonce)
					}
				}
			})
		}
	}
}

func TestSearchRefuses(t *testing.T) {
	easy := ZerosTarget(0)
	for name, job := range map[string]Job{
		"past the end of the space": {Target: easy, First: 1<<32 - 10, Count: 11},
		"too many versions":         {Target: easy, Versions: make([]int32, MaxVersions+1)},
		"zero bits":                 {},
		"negative bits":             {Header: Header{Bits: 0x1d80ffff}},
		"bits over 256 bits":        {Header: Header{Bits: 0xff123456}},
	} {
		t.Run(name, func(t *testing.T) {
			e := testEngine(t, Kernels()[0], 2)
			if r, err := e.Search(t.Context(), job); err == nil || errors.Is(err, ErrExhausted) {
				t.Errorf("got %+v, %v; want an error", r, err)
			}
			if e.Hashes() != 0 {
				t.Errorf("%d hashes were done", e.Hashes())
			}
		})
	}
}

func TestWholeSpaceByDefault(t *testing.T) {
	e := testEngine(t, Kernels()[0], 2)
	r, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), First: 1<<32 - 3000})
	if !errors.Is(err, ErrExhausted) || r.Tries != 3000 {
		t.Errorf("%d tries, %v; want 3000 and none left", r.Tries, err)
	}
}

// countingKernel returns a kernel that counts how many hashes it computes, in
// hashed. It calls before at the beginning of every chunk.
func countingKernel(hashed *atomic.Uint64, before func()) Kernel {
	scan := func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
		before()
		for i := range count {
			for v := range in.Versions {
				hashed.Add(1)
				// This is not SHA-256d of a header, but it serves to make one hash in
				// 2^16 a candidate.
				var raw [8]byte
				binary.LittleEndian.PutUint32(raw[0:], first+uint32(i))
				binary.LittleEndian.PutUint32(raw[4:], uint32(v))
				if sum := sha256.Sum256(raw[:]); sum[0] == 0 && sum[1] == 0 {
					return sha256d.Candidate{Found: true, Nonce: first + uint32(i), Version: v, Hashes: i*len(in.Versions) + v + 1}
				}
			}
		}
		return sha256d.Candidate{Hashes: count * len(in.Versions)}
	}
	return Kernel{name: "counting", lanes: 1, chunk: 64, scan: scan}
}

// Every candidate of countingKernel is refused. The engine then tries the remaining
// versions of the nonce itself, and must neither count a hash twice nor forget one.
func TestHashesAreThoseDone(t *testing.T) {
	for _, versions := range [][]int32{nil, {1, 2, 3, 4, 5}} {
		var hashed atomic.Uint64
		e := testEngine(t, countingKernel(&hashed, func() {}), 3)
		r, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Versions: versions, Count: 300_000})
		if !errors.Is(err, ErrExhausted) {
			t.Fatal(err)
		}
		if r.Hashes != e.Hashes() || r.Hashes != r.Tries {
			t.Errorf("result counts %d, engine %d, tries %d", r.Hashes, e.Hashes(), r.Tries)
		}
		if done := hashed.Load(); versions == nil && r.Hashes != done {
			t.Errorf("counted %d hashes, did %d", r.Hashes, done)
		} else if done > r.Hashes || r.Hashes-done > 4*100 {
			t.Errorf("counted %d hashes, the kernel did %d", r.Hashes, done)
		}
	}
}

// At an easy target most of a chunk is never hashed, so it must not be counted.
func TestHashesAtLowDifficulty(t *testing.T) {
	for _, k := range runnable(t) {
		e := testEngine(t, k, 1)
		var tries uint64
		for i := range 200 {
			r, err := e.Search(t.Context(), Job{Header: Header{Time: uint32(i)}, Target: ZerosTarget(4)})
			if err != nil {
				t.Fatal(err)
			}
			tries += r.Tries
		}
		if got := e.Hashes(); got < tries || got > tries+200*uint64(k.Lanes()) {
			t.Errorf("kernel %s: %d hashes counted for %d tries", k.Name(), got, tries)
		}
	}
}

// A hash that equals the target meets it, and one that exceeds it by one does not.
func TestTargetToTheBit(t *testing.T) {
	for _, k := range runnable(t) {
		for _, versions := range [][]int32{nil, make([]int32, MaxVersions)} {
			want := smallNonceHeaders(t)[0]
			hash := want.Hash()
			exact := Target{hash.number()}
			below := exact
			below.n[0]-- // does not borrow, because this hash's low word is not zero
			for i := range versions {
				versions[i] = want.Version + int32(i)
			}
			job := Job{Header: want, First: want.Nonce, Count: 1, Versions: versions, Target: exact}
			if r, err := testEngine(t, k, 1).Search(t.Context(), job); err != nil || r.Header != want {
				t.Errorf("kernel %s: a hash that equals the target was not accepted: %v", k.Name(), err)
			}
			job.Target = below
			if _, err := testEngine(t, k, 1).Search(t.Context(), job); !errors.Is(err, ErrExhausted) {
				t.Errorf("kernel %s: a hash above the target was accepted (%v)", k.Name(), err)
			}
		}
	}
}

// A kernel that returns a nonce outside its range is faulty. The engine must refuse
// the answer, and the search must end.
func TestKernelOutOfRange(t *testing.T) {
	for _, nonce := range []uint32{0, 99, 1 << 31} {
		k := Kernel{name: "astray", lanes: 1, chunk: 512, scan: func(_ *sha256d.Input, _ uint32, count int) sha256d.Candidate {
			return sha256d.Candidate{Found: true, Nonce: nonce, Hashes: count}
		}}
		r, err := testEngine(t, k, 2).Search(t.Context(), Job{Target: ZerosTarget(0), First: 100, Count: 4000})
		if !errors.Is(err, ErrExhausted) {
			t.Errorf("nonce %d: %+v, %v", nonce, r, err)
		}
	}
}

func TestManySearchesAtOnce(t *testing.T) {
	e := testEngine(t, Kernels()[0], 3)
	done := make(chan error)
	const searches = 16
	for i := range searches {
		go func() {
			job := Job{Header: Header{Time: uint32(i)}, Target: ZerosTarget(10), Count: 1 << 20}
			want, header, _ := naiveAnswer(job)
			r, err := e.Search(t.Context(), job)
			if err == nil && (r.Tries != want || r.Header != header) {
				err = fmt.Errorf("search %d: %d tries, want %d", i, r.Tries, want)
			}
			done <- err
		}()
	}
	for range searches {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// If the most significant word decides, every candidate is an answer. Otherwise the
// engine counts the candidates that it refuses, and goes on after them.
func TestRefused(t *testing.T) {
	for _, k := range runnable(t) {
		for _, versions := range [][]int32{nil, {1, 2, 3}} {
			for zeros := range 9 {
				e := testEngine(t, k, 2)
				r, err := e.Search(t.Context(), Job{Target: ZerosTarget(zeros), First: 77, Versions: versions})
				if err != nil || e.Refused() != 0 {
					t.Errorf("kernel %s, %d zeros: %+v, %v; %d refused, want none", k.Name(), zeros, r, err, e.Refused())
				}
			}

			// The target is one less than a hash, whose most significant word meets it
			// while the rest does not.
			e := testEngine(t, k, 2)
			header := BitcoinGenesis()
			below := Target{header.Hash().number()}
			below.n[0]--
			job := Job{Header: header, Target: below, First: header.Nonce, Count: 1, Versions: versions}
			if _, err := e.Search(t.Context(), job); !errors.Is(err, ErrExhausted) || e.Refused() != 1 {
				t.Errorf("kernel %s: %v; %d refused, want 1", k.Name(), err, e.Refused())
			}
		}
	}
}
