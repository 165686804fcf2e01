package pow

import (
	"errors"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// The limit on a chunk is a number of hashes, whatever the number of versions.
func TestChunksStayInBounds(t *testing.T) {
	for versions := range MaxVersions + 1 {
		k := Kernels()[0]
		scan := k.scan
		k.scan = func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
			if hashes := count * len(in.Versions); hashes > k.chunk {
				t.Errorf("%d versions: a chunk of %d hashes, at most %d are allowed", versions, hashes, k.chunk)
			}
			return scan(in, first, count)
		}
		job := Job{Target: ZerosTarget(200), Count: 5000, Versions: make([]int32, versions)}
		if _, err := testEngine(t, k, 2).Search(t.Context(), job); !errors.Is(err, ErrExhausted) {
			t.Error(err)
		}
	}
}

// A longer search must not allocate more than a short one.
func TestChunksDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items on purpose under the race detector")
	}
	for _, k := range runnable(t) {
		e := testEngine(t, k, 1)
		allocations := func(chunks int) float64 {
			job := Job{Target: ZerosTarget(200), Count: uint64(chunks * k.Chunk())}
			return testing.AllocsPerRun(10, func() { _, _ = e.Search(t.Context(), job) })
		}
		if few, many := allocations(2), allocations(longSearch-2); many > few+2 { // the collector may empty a pool meanwhile
			t.Errorf("kernel %s: %v allocations in a search of 2 chunks, %v in one of %d", k.Name(), few, many, longSearch-2)
		}
	}
}

// A worker yields after each yieldAfter of work. The time that it spends yielding is
// no work, and a search of one chunk never reads the clock.
func TestWorkersYield(t *testing.T) {
	for _, tc := range []struct {
		chunk  time.Duration // how long a chunk takes
		chunks int
		yields int
	}{
		{yieldAfter / 4, 1, 0},
		{yieldAfter / 4, 4, 0}, // the first chunk is not counted
		{yieldAfter / 4, 5, 1},
		{yieldAfter / 4, 8, 1},
		{yieldAfter / 4, 9, 2},
		{yieldAfter / 4, 1 + 4*longSearch, longSearch}, // a long search goes on in the same way
		{yieldAfter - 1, 1 + 2*longSearch, longSearch},
		{yieldAfter, 1 + longSearch, longSearch},
		{10 * yieldAfter, 1 + longSearch, longSearch},
	} {
		now := time.Unix(0, 0)
		yields := 0
		e := testEngine(t, longKernel(func(int64) { now = now.Add(tc.chunk) }), 1)
		e.clock = func() time.Time { return now }
		e.gosched = func() { yields++; now = now.Add(time.Hour) }
		if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: uint64(64 * tc.chunks)}); !errors.Is(err, ErrExhausted) {
			t.Fatal(err)
		}
		if yields != tc.yields {
			t.Errorf("%d yields in %d chunks of %v, want %d", yields, tc.chunks, tc.chunk, tc.yields)
		}
	}

	e := testEngine(t, Kernels()[0], 1)
	e.clock = func() time.Time { t.Error("a search that ends in its first chunk read the clock"); return time.Time{} }
	if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(0)}); err != nil {
		t.Error(err)
	}
	if e := testEngine(t, Kernels()[0], 1); reflect.ValueOf(e.gosched).Pointer() != reflect.ValueOf(runtime.Gosched).Pointer() || e.clock().IsZero() {
		t.Error("an engine does not yield to the scheduler")
	}
}

// A chunk has a multiple of the kernel's lanes, except the last one of a space.
func TestChunksFillTheLanes(t *testing.T) {
	for versions := 1; versions <= MaxVersions; versions++ {
		const lanes, chunk = 8, 1000
		var first, largest int
		k := Kernel{name: "wide", lanes: lanes, chunk: chunk, scan: func(in *sha256d.Input, _ uint32, count int) sha256d.Candidate {
			if count == 0 {
				t.Error("an empty chunk")
			}
			if first == 0 {
				first = count
			}
			largest = max(largest, count)
			return sha256d.Candidate{Hashes: count * len(in.Versions)}
		}}
		for _, count := range []uint64{10_001, 10_000} { // a few nonces, or none, for the last chunk
			if _, err := testEngine(t, k, 1).Search(t.Context(), Job{Target: ZerosTarget(200), Count: count, Versions: make([]int32, versions)}); !errors.Is(err, ErrExhausted) {
				t.Error(err)
			}
		}
		if first != largest || first%lanes != 0 || first*versions > chunk || (first+lanes)*versions <= chunk {
			t.Errorf("%d versions: chunks of %d and %d nonces, want as many times %d as make %d hashes", versions, first, largest, lanes, chunk)
		}
	}
}

// The chunks of a search are a 64th of the hashes that it is expected to take, but not
// less than a 16th of the kernel's. The caller tries the first hashes alone only if it
// probably needs no others. No worker starts that would find no chunk.
func TestDivide(t *testing.T) {
	const hard = 200
	for _, tc := range []struct {
		lanes, chunk, versions, zeros int
		count                         uint64
		want                          division
	}{
		{1, 64, 1, hard, 64, division{step: 64, workers: 1, long: 32}},
		{1, 64, 1, hard, 65, division{step: 64, workers: 2, long: 32}},
		{1, 64, 1, hard, 127, division{step: 64, workers: 2, long: 32}},
		{1, 64, 1, hard, 128, division{step: 64, workers: 2, long: 32}},
		{1, 64, 1, hard, 129, division{step: 64, workers: 3, long: 32}},
		{1, 64, 1, hard, nonces, division{step: 64, workers: 5, long: 32}},
		{1, 64, 1, 32, nonces, division{step: 64, workers: 5, long: 32}},
		{1, 64, 4, hard, 64, division{step: 16, workers: 4, long: 32}},
		{8, 64, 3, hard, 1, division{step: 16, workers: 1, long: 32}},
		{8, 64, 4, hard, 40, division{step: 16, workers: 3, long: 32}},
		{8, 64, 5, hard, 40, division{step: 8, workers: 5, long: 32}},
		{8, 16, 4, hard, 40, division{step: 8, workers: 5, long: 32}}, // more hashes than a chunk has
		{8, 4, 1, hard, 8, division{step: 8, workers: 1, long: 32}},

		{16, 8192, 1, 0, nonces, division{alone: 4096, step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 10, nonces, division{alone: 4096, step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 10, 4095, division{alone: 4095, step: 512, workers: 0, long: 16 * 32}},
		{16, 8192, 1, 10, 4096, division{alone: 4096, step: 512, workers: 0, long: 16 * 32}},
		{16, 8192, 1, 10, 4097, division{alone: 4096, step: 512, workers: 1, long: 16 * 32}},
		{16, 8192, 1, 10, 4096 + 513, division{alone: 4096, step: 512, workers: 2, long: 16 * 32}},
		{16, 8192, 16, 10, nonces, division{alone: 256, step: 32, workers: 5, long: 16 * 32}},
		{16, 8192, 3, 10, nonces, division{alone: 1360, step: 160, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 11, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 12, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 14, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 15, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 16, nonces, division{step: 1024, workers: 5, long: 8 * 32}},
		{16, 8192, 1, 18, nonces, division{step: 4096, workers: 5, long: 2 * 32}},
		{16, 8192, 1, 19, nonces, division{step: 8192, workers: 5, long: 32}},
		{16, 8192, 1, 20, nonces, division{step: 8192, workers: 5, long: 32}},
		// A group of nonces with every version is the least: 1,024 hashes with 16 versions.
		{64, 8192, 1, 10, nonces, division{alone: 4096, step: 512, workers: 5, long: 16 * 32}},
		{64, 8192, 3, 10, nonces, division{alone: 1344, step: 128, workers: 5, long: 16 * 32}},
		{64, 8192, 16, 10, nonces, division{alone: 256, step: 64, workers: 5, long: 16 * 32}},
		{16, 3072, 16, 10, nonces, division{step: 16, workers: 5, long: 16 * 32}},
		{1, 8, 1, 0, 8, division{alone: 4, step: 1, workers: 4, long: 8 * 32}},
		{8, 8, 1, 0, 64, division{alone: 8, step: 8, workers: 5, long: 8 * 32}},
		{16, 7680, 1, 10, nonces, division{step: 480, workers: 5, long: 16 * 32}},    // an eighth of the chunk is 960
		{1, 1 << 24, 1, hard, nonces, division{step: 1 << 24, workers: 5, long: 32}}, // 2^30 hashes are the most that are expected
	} {
		e := testEngine(t, Kernel{name: "any", lanes: tc.lanes, chunk: tc.chunk}, 5)
		got := e.divide(&space{versions: make([]int32, tc.versions), count: tc.count, target: ZerosTarget(tc.zeros)})
		if got != tc.want {
			t.Errorf("%+v: got %+v", tc, got)
		}
	}
}
