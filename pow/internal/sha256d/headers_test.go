package sha256d

import (
	"crypto/sha256"
	"math/rand/v2"
	"strconv"
	"testing"
)

// lanesToTest returns the numbers of lanes that hashHeaders can use here. 0 stands for
// one header after another.
func lanesToTest(t testing.TB) []int {
	lanes := []int{0}
	if !assembly {
		return lanes
	}
	for _, k := range runnable(t) {
		switch k.Name {
		case "avx512":
			lanes = append(lanes, 16)
		case "avx2":
			lanes = append(lanes, 8)
		}
	}
	return lanes
}

// checkHeaders compares the hashes of headers with those of the standard library. The
// elements behind the headers must stay as they are.
func checkHeaders(t *testing.T, lanes int, headers [][80]byte) {
	t.Helper()
	const untouched = 0xa5
	hashes := make([][32]byte, len(headers)+1)
	for i := range hashes {
		hashes[i] = [32]byte{0: untouched, 31: untouched}
	}
	hashHeaders(lanes, hashes[:len(headers)], headers)
	for i := range headers {
		first := sha256.Sum256(headers[i][:])
		if want := sha256.Sum256(first[:]); hashes[i] != want {
			t.Fatalf("%d lanes, header %d of %d, %x:\ngot  %x\nwant %x", lanes, i, len(headers), headers[i], hashes[i], want)
		}
	}
	if hashes[len(headers)] != [32]byte{0: untouched, 31: untouched} {
		t.Fatalf("%d lanes, %d headers: the hash behind the last one was changed", lanes, len(headers))
	}
}

func TestHashHeaders(t *testing.T) {
	for _, lanes := range lanesToTest(t) {
		t.Run(strconv.Itoa(lanes), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(21, 22))
			for n := range 34 {
				for range 20 {
					headers := make([][80]byte, n)
					for i := range headers {
						headers[i] = randomHeader(r)
					}
					checkHeaders(t, lanes, headers)
				}
			}
		})
	}
}

// Every bit of a header must count, in every lane.
func TestHashHeadersThatDifferInOneBit(t *testing.T) {
	for _, lanes := range lanesToTest(t) {
		for _, fill := range []byte{0x00, 0xff} {
			headers := make([][80]byte, 80*8+1)
			for i := range headers {
				for at := range headers[i] {
					headers[i][at] = fill
				}
				if i < 80*8 {
					headers[i][i/8] ^= 1 << (i % 8)
				}
			}
			checkHeaders(t, lanes, headers)
		}
	}
}

func FuzzHashHeaders(f *testing.F) {
	f.Add(uint8(1), []byte("a"))
	f.Add(uint8(16), []byte{0x80, 0xff, 0})
	f.Add(uint8(33), make([]byte, 200))
	f.Fuzz(func(t *testing.T, n uint8, data []byte) {
		headers := make([][80]byte, n)
		for i := range headers {
			for at := range headers[i] {
				if len(data) > 0 {
					headers[i][at] = data[(i*79+at)%len(data)]
				}
			}
		}
		for _, lanes := range lanesToTest(t) {
			checkHeaders(t, lanes, headers)
		}
	})
}

// BenchmarkHashHeaders measures each number of lanes, and the same hashes one by one.
func BenchmarkHashHeaders(b *testing.B) {
	r := rand.New(rand.NewPCG(23, 24))
	headers := make([][80]byte, 64)
	for i := range headers {
		headers[i] = randomHeader(r)
	}
	hashes := make([][32]byte, len(headers))
	for _, lanes := range lanesToTest(b) {
		b.Run("lanes="+strconv.Itoa(lanes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				hashHeaders(lanes, hashes, headers)
			}
			b.ReportMetric(float64(b.N*len(headers))/b.Elapsed().Seconds(), "headers/s")
		})
	}
}
