package sha256d

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/cpuid/v2"
)

// scanNaive hashes every header whole with the standard library. All kernels must
// return the same candidates.
func scanNaive(header [80]byte, versions []int32, limit, first uint32, count int) Candidate {
	hashes := 0
	for i := range count {
		nonce := first + uint32(i)
		for v, version := range versions {
			hashes++
			binary.LittleEndian.PutUint32(header[0:], uint32(version))
			binary.LittleEndian.PutUint32(header[76:], nonce)
			sum := sha256.Sum256(header[:])
			sum = sha256.Sum256(sum[:])
			if binary.LittleEndian.Uint32(sum[28:]) <= limit {
				return Candidate{Found: true, Nonce: nonce, Version: v, Hashes: hashes}
			}
		}
	}
	return Candidate{Hashes: hashes}
}

// runnable returns the kernels that can run on this machine. It logs which ones it
// leaves out. A kernel that has another loop for other processors is returned with both,
// because either runs on any processor that has the instructions.
func runnable(t testing.TB) []Kernel {
	cpu := DetectCPU()
	all := Kernels(cpu)
	other := cpu
	other.WideSHA = !cpu.WideSHA
	for i, k := range Kernels(other) {
		if k.Lanes != all[i].Lanes {
			k.Name = fmt.Sprintf("%s with %d lanes", k.Name, k.Lanes)
			all = append(all, k)
		}
	}
	var kernels []Kernel
next:
	for _, k := range all {
		for _, f := range k.Needs {
			if !cpu.Has(f) {
				t.Logf("NOT TESTED: kernel %s needs %s", k.Name, f)
				continue next
			}
		}
		kernels = append(kernels, k)
	}
	return kernels
}

// With the SHA instructions, Zen 5 hashes six nonces side by side, and all other
// processors four. The tests of kernels run both.
func TestLanesOfSHA(t *testing.T) {
	if !assembly || runtime.GOARCH != "amd64" {
		t.Skip("sha-ni is a kernel for x86-64")
	}
	for _, tc := range []struct {
		vendor     cpuid.Vendor
		family     int
		fast, wide bool
		lanes      int
	}{
		{cpuid.AMD, 0x17, false, false, 4}, // Zen 2
		{cpuid.AMD, 0x19, true, false, 4},  // Zen 3 and Zen 4
		{cpuid.AMD, 0x1a, false, true, 6},  // Zen 5
		{cpuid.Intel, 0x19, false, false, 4},
		{cpuid.Intel, 0x1a, false, false, 4},
		{cpuid.Intel, 6, false, false, 4},
	} {
		fast, wide := shaOf(tc.vendor, tc.family)
		if fast != tc.fast || wide != tc.wide {
			t.Errorf("%v %#x: fast %v, wide %v", tc.vendor, tc.family, fast, wide)
		}
		for _, k := range Kernels(CPU{FastSHA: fast, WideSHA: wide}) {
			// A chunk of whole groups wastes no lanes at its end.
			if k.Name == "sha-ni" && (k.Lanes != tc.lanes || k.Chunk%(tc.lanes*maxVersions) != 0) {
				t.Errorf("%v %#x: %d lanes, chunks of %d hashes", tc.vendor, tc.family, k.Lanes, k.Chunk)
			}
		}
	}
	names := map[string]bool{}
	for _, k := range runnable(t) {
		names[k.Name] = true
	}
	if names["sha-ni"] && !names["sha-ni with 4 lanes"] && !names["sha-ni with 6 lanes"] {
		t.Errorf("only one loop of sha-ni is tested: %v", names)
	}
}

// Tests leave out kernels that cannot run on the machine. On a machine with known
// features, LODE_TEST_KERNELS names the kernels that must run there, and the test
// fails if one of them was left out.
func TestNoKernelIsLeftOut(t *testing.T) {
	tested := map[string]bool{}
	for _, k := range runnable(t) {
		tested[k.Name] = true
	}
	for _, name := range strings.Fields(os.Getenv("LODE_TEST_KERNELS")) {
		if !tested[name] {
			t.Errorf("kernel %s is in LODE_TEST_KERNELS and was not tested", name)
		}
	}
}

// compare compares a kernel with scanNaive, from one candidate of the range to the
// next.
func compare(t *testing.T, k Kernel, header [80]byte, versions []int32, limit, first uint32, count int) {
	t.Helper()
	in := NewInput(&header, versions, limit)
	for count > 0 {
		want := scanNaive(header, versions, limit, first, count)
		got := k.Scan(in, first, count)
		if got.Found != want.Found || got.Nonce != want.Nonce || got.Version != want.Version {
			t.Fatalf("%s: header %x, versions %x, limit %08x, %d nonces from %d:\ngot  %+v\nwant %+v",
				k.Name, header, versions, limit, count, first, got, want)
		}
		// A kernel may compute more hashes than needed, namely in the lanes beside the
		// candidate, but no more than that.
		if got.Hashes < want.Hashes || got.Hashes >= want.Hashes+k.Lanes*len(versions) {
			t.Fatalf("%s: it counts %d hashes, but %d were needed", k.Name, got.Hashes, want.Hashes)
		}
		if !want.Found {
			return
		}
		count -= int(want.Nonce-first) + 1
		first = want.Nonce + 1
	}
}

func randomHeader(r *rand.Rand) (header [80]byte) {
	for i := range header {
		header[i] = byte(r.Uint32())
	}
	return header
}

func randomVersions(r *rand.Rand) []int32 {
	versions := make([]int32, 1+r.IntN(16))
	for i := range versions {
		versions[i] = int32(r.Uint32())
	}
	return versions
}

func TestKernelsAgree(t *testing.T) {
	for _, k := range runnable(t) {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			for range 200 {
				limit := uint32(math.MaxUint32) >> r.IntN(12)
				count := 1 + r.IntN(100)
				first := r.Uint32()
				if r.IntN(4) == 0 { // a range that ends at the last nonce
					first = uint32(1<<32 - uint64(count))
				}
				first = min(first, uint32(1<<32-uint64(count)))
				compare(t, k, randomHeader(r), randomVersions(r), limit, first, count)
			}
		})
	}
}

// A hash is a candidate if its most significant word equals the limit, but not if
// the word exceeds the limit by one.
func TestLimitIsInclusive(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		header, versions := randomHeader(r), randomVersions(r)
		binary.LittleEndian.PutUint32(header[0:], uint32(versions[0]))
		nonce := r.Uint32()
		binary.LittleEndian.PutUint32(header[76:], nonce)
		sum := sha256.Sum256(header[:])
		sum = sha256.Sum256(sum[:])
		top := binary.LittleEndian.Uint32(sum[28:])
		for _, k := range runnable(t) {
			if got := k.Scan(NewInput(&header, versions[:1], top), nonce, 1); !got.Found {
				t.Fatalf("%s: top word %08x equals the limit, but is not a candidate", k.Name, top)
			}
			if got := k.Scan(NewInput(&header, versions[:1], top-1), nonce, 1); got.Found {
				t.Fatalf("%s: top word %08x exceeds the limit, but is a candidate", k.Name, top)
			}
		}
	}
}

// The test covers version lists of every length, and ranges at the end of the nonce
// space that begin and end at every position relative to the lanes, so that the
// first candidate is found in every lane and version. With a limit of a third of all
// words, most groups contain several candidates.
func TestLanes(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for versions := 1; versions <= 16; versions++ {
		header := randomHeader(r)
		list := make([]int32, versions)
		for i := range list {
			list[i] = int32(r.Uint32())
		}
		for _, k := range runnable(t) {
			if k.Lanes == 1 {
				continue
			}
			for offset := range 2*k.Lanes + 1 {
				for _, limit := range []uint32{math.MaxUint32 / 3, math.MaxUint32 / 100} {
					count := 1 + (offset*7+versions)%(3*k.Lanes)
					first := uint32(1<<32-uint64(count)) - uint32(offset)
					compare(t, k, header, list, limit, first, count)
				}
			}
		}
	}
}

// Most searches have a limit of zero, and the kernels handle it separately. Random
// headers have a top word of zero only once in 2^32 hashes, so the test uses
// Bitcoin's genesis.
func TestLimitZero(t *testing.T) {
	var genesis [80]byte
	binary.LittleEndian.PutUint32(genesis[0:], 1)
	root, err := hex.DecodeString("3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a")
	if err != nil {
		t.Fatal(err)
	}
	copy(genesis[36:], root)
	binary.LittleEndian.PutUint32(genesis[68:], 1231006505)
	binary.LittleEndian.PutUint32(genesis[72:], 0x1d00ffff)
	const nonce = 2083236893
	for _, k := range runnable(t) {
		for versions := 1; versions <= 16; versions++ {
			for at := range versions {
				list := make([]int32, versions)
				for i := range list {
					list[i] = int32(2 + i)
				}
				list[at] = 1
				in := NewInput(&genesis, list, 0)
				for before := range uint32(2*k.Lanes + 1) {
					want := Candidate{Found: true, Nonce: nonce, Version: at}
					got := k.Scan(in, nonce-before, int(before)+40)
					got.Hashes = 0
					if got != want {
						t.Fatalf("%s: version %d of %d, from %d nonces before: %+v, want %+v", k.Name, at, versions, before, got, want)
					}
					if before > 0 {
						if got := k.Scan(in, nonce-before, int(before)); got.Found {
							t.Fatalf("%s: a candidate after the end of %d nonces: %+v", k.Name, before, got)
						}
					}
				}
			}
		}
	}
}

func TestNoCandidate(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	header := randomHeader(r)
	for _, k := range runnable(t) {
		compare(t, k, header, []int32{1, 2}, 0, 0, 3000)
	}
}

func FuzzKernels(f *testing.F) {
	f.Add([]byte("a header"), []byte("abcdefgh"), uint32(math.MaxUint32>>4), uint32(math.MaxUint32), uint8(200))
	f.Add([]byte{}, []byte{}, uint32(math.MaxUint32), uint32(0), uint8(0))
	f.Fuzz(func(t *testing.T, headerBytes, versionBytes []byte, limit, first uint32, n uint8) {
		var header [80]byte
		copy(header[:], headerBytes)
		versions := []int32{int32(binary.LittleEndian.Uint32(header[:]))}
		for ; len(versionBytes) >= 4 && len(versions) < 16; versionBytes = versionBytes[4:] {
			versions = append(versions, int32(binary.LittleEndian.Uint32(versionBytes)))
		}
		count := int(n) + 1
		first = min(first, uint32(1<<32-uint64(count)))
		for _, k := range runnable(t) {
			compare(t, k, header, versions, limit, first, count)
		}
	})
}

// A scan must not allocate once its pools are filled, because it runs thousands of
// times a second.
func TestScanDoesNotAllocate(t *testing.T) {
	header := randomHeader(rand.New(rand.NewPCG(5, 6)))
	in := NewInput(&header, []int32{1, 2, 3}, 0)
	for _, k := range runnable(t) {
		if raceEnabled {
			t.Skip("sync.Pool drops items on purpose under the race detector")
		}
		if got := testing.AllocsPerRun(100, func() { k.Scan(in, 7, 16) }); got >= 1 {
			t.Errorf("%s allocates %v times a scan", k.Name, got)
		}
	}
}

func TestTableOrder(t *testing.T) {
	withAVX2, onlySHA, withSHA, withAVX512 := "portable", "minio", "minio", "minio"
	switch {
	case assembly && runtime.GOARCH == "amd64":
		withAVX2, withSHA, withAVX512 = "avx2", "sha-ni", "avx512-roll"
	case assembly && runtime.GOARCH == "arm64":
		onlySHA, withSHA, withAVX512 = "armv8-sha2", "armv8-sha2", "armv8-sha2"
	}
	for _, tc := range []struct {
		cpu  CPU
		want string
	}{
		{CPU{}, "portable"},
		{CPU{Features: []Feature{AVX2}}, withAVX2},
		{CPU{Features: []Feature{SHA}}, onlySHA},
		{CPU{Features: []Feature{SHA, AVX2}}, withSHA},
		{CPU{Features: []Feature{SHA, AVX2, AVX512}}, withAVX512},
		{CPU{Features: []Feature{SHA, AVX2, AVX512}, FastSHA: true}, withSHA},
	} {
		if got := Kernels(tc.cpu)[0].Name; got != tc.want {
			t.Errorf("with %v the first kernel is %s, want %s", tc.cpu.Features, got, tc.want)
		}
	}
}
