package blocks

import (
	"math"
	"math/bits"
)

// purpose says what a random number is for. Each purpose has separate streams, so that
// a change in one draw, such as the topology, leaves all others as they are.
type purpose uint64

const (
	forTopology   purpose = iota + 1 // by node
	forPlaces                        // which region a node is in
	forLatency                       // by pair of nodes
	forPower                         // which nodes the miners are
	forFinds                         // by number of the draw
	forTies                          // by node and block
	forMessages                      // by arc and block
	forSizes                         // by block
	forHits                          // by node and block
	forOrder                         // by node and block
	forHashes                        // by block
	forBandwidths                    // by node
	forClocks                        // by node
	forHoppers                       // by number of the draw
	forPrices                        // by step of the price
	forChurn                         // by node and number of the shift
	forSplits                        // by split and node
)

// stream is a generator of random numbers: SplitMix64 of Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", 2014. A stream is found by its key and
// not by its place in a sequence, so that draws may be made in any order and on any
// number of goroutines.
type stream struct{ state uint64 }

// newStream returns the stream of a seed, a purpose and the two numbers of the thing
// that the draws belong to.
func newStream(seed uint64, p purpose, a, b uint64) stream {
	return stream{mix(mix(mix(mix(seed)^uint64(p))^a) ^ b)}
}

// mix spreads the bits of x over the whole result. It is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *stream) next() uint64 {
	x := mix(s.state)
	s.state += 0x9e3779b97f4a7c15
	return x
}

// below returns a number from 0 to n-1. Its bias is at most n/2^64.
func (s *stream) below(n uint64) uint64 {
	high, _ := bits.Mul64(s.next(), n)
	return high
}

// open returns a number between 0 and 1 that is neither of them.
func (s *stream) open() float64 {
	return (float64(s.next()>>12) + 0.5) * 0x1p-52
}

// exponential returns an exponentially distributed number with mean 1.
func (s *stream) exponential() float64 { return -ln(s.open()) }

// normal returns a normally distributed number with mean 0 and deviation 1, by
// Marsaglia's polar method.
func (s *stream) normal() float64 {
	for {
		x, y := 2*s.open()-1, 2*s.open()-1
		r := float64(x*x) + float64(y*y)
		if r > 0 && r < 1 {
			return float64(x * math.Sqrt(-2*ln(r)/r))
		}
	}
}

// The functions below return the same bits on every architecture, which math.Log and
// math.Exp do not: these are written in assembly on some, and on others the compiler
// fuses a product and a sum into one operation. An explicit conversion of a product
// forbids that, as the Go specification says.

// ln returns the natural logarithm of x, which must be positive and finite and not
// subnormal. The relative error is below 2^-51.
func ln(x float64) float64 {
	// x = m * 2^e with m from about 0.7 to 1.4, and
	// ln m = 2 (s + s^3/3 + s^5/5 + ...) with s = (m-1)/(m+1).
	b := math.Float64bits(x)
	e := int(b>>52) - 1022
	m := math.Float64frombits(b&(1<<52-1) | 1022<<52) // from 0.5 to 1
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	s := (m - 1) / (m + 1)
	q := float64(s * s)
	sum := 0.0
	for n := 23; n >= 3; n -= 2 {
		sum = float64((sum + 1/float64(n)) * q)
	}
	// ln 2 is the sum of a number that is short enough for e*ln2High to be exact, and a
	// small rest.
	const ln2High, ln2Low = 0x1.62e42feep-1, 0x1.a39ef35793c76p-33
	small := float64(float64(e)*ln2Low) + float64(2*s*sum)
	return float64(float64(e)*ln2High) + (2*s + small)
}

// exp returns e to the power of x, for x from -700 to 700. The relative error is below
// 2^-50.
func exp(x float64) float64 {
	const ln2High, ln2Low = 0x1.62e42feep-1, 0x1.a39ef35793c76p-33
	k := math.Floor(float64(x/math.Ln2) + 0.5)
	r := x - float64(k*ln2High)
	r -= float64(k * ln2Low)
	sum := 1.0
	for n := 15; n >= 1; n-- {
		sum = 1 + float64(r*sum)/float64(n)
	}
	return float64(sum * math.Float64frombits(uint64(int64(k)+1023)<<52))
}
