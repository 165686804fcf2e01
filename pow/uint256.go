package pow

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// uint256 is an unsigned number of 256 bits, the least significant word first. It
// has only the operations that targets and chainwork need. They do not allocate.
type uint256 [4]uint64

func (x uint256) isZero() bool { return x == uint256{} }

// cmp returns -1 if x is less than y, 0 if they are equal, and 1 if x is greater.
func (x uint256) cmp(y uint256) int {
	for i := 3; i >= 0; i-- {
		if x[i] != y[i] {
			if x[i] < y[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func (x uint256) bitLen() int {
	for i := 3; i >= 0; i-- {
		if x[i] != 0 {
			return i*64 + bits.Len64(x[i])
		}
	}
	return 0
}

func (x uint256) not() uint256 { return uint256{^x[0], ^x[1], ^x[2], ^x[3]} }

// add returns x + y modulo 2^256, and the carry.
func (x uint256) add(y uint256) (sum uint256, carry uint64) {
	for i := range x {
		sum[i], carry = bits.Add64(x[i], y[i], carry)
	}
	return sum, carry
}

// shl returns x << n modulo 2^256.
func (x uint256) shl(n uint) uint256 {
	var z uint256
	words, n := int(n/64), n%64
	for i := 3; i >= words; i-- {
		z[i] = x[i-words] << n
		if i > words {
			z[i] |= x[i-words-1] >> (64 - n) // a shift by 64 gives 0
		}
	}
	return z
}

// shr returns x >> n.
func (x uint256) shr(n uint) uint256 {
	var z uint256
	words, n := int(n/64), n%64
	for i := 0; i+words < 4; i++ {
		z[i] = x[i+words] >> n
		if i+words < 3 {
			z[i] |= x[i+words+1] << (64 - n)
		}
	}
	return z
}

// mul returns all 320 bits of x * m, the least significant word first.
func (x uint256) mul(m uint64) (product [5]uint64) {
	var carry uint64
	for i := range x {
		hi, lo := bits.Mul64(x[i], m)
		product[i], carry = bits.Add64(lo, carry, 0)
		carry += hi // cannot overflow, because hi is at most 2^64 - 2
	}
	product[4] = carry
	return product
}

// mulDiv returns x * m / d and reports whether the quotient fits into 256 bits. It
// divides all 320 bits of the product. d must not be zero.
func (x uint256) mulDiv(m, d uint64) (quo uint256, ok bool) {
	product := x.mul(m)
	over, rem := product[4]/d, product[4]%d
	for i := 3; i >= 0; i-- {
		quo[i], rem = bits.Div64(rem, product[i], d)
	}
	return quo, over == 0
}

// mulShift returns x * m * 2^n, rounded down, and reports whether it fits into 256
// bits. It shifts all 320 bits of the product. n may be negative.
func (x uint256) mulShift(m uint64, n int) (z uint256, ok bool) {
	product := x.mul(m)
	low, high := uint256(product[:4]), uint256{product[4]}
	if n >= 0 {
		return low.shl(uint(n)), high.isZero() && (low.isZero() || low.bitLen() <= 256-n)
	}
	right := uint(-n)
	if right >= 256 {
		return high.shr(right - 256), true
	}
	z, _ = low.shr(right).add(high.shl(256 - right))
	return z, high.shr(right).isZero()
}

// div returns x / y by long division in base 2^64 (Knuth, The Art of Computer
// Programming, volume 2, 4.3.1, algorithm D). y must not be zero.
func (x uint256) div(y uint256) uint256 {
	if x.cmp(y) < 0 {
		return uint256{}
	}
	n := (y.bitLen() + 63) / 64 // words in y
	if n == 1 {
		quo, _ := x.mulDiv(1, y[0])
		return quo
	}

	// Shift both so that the top bit of y is set. A digit that is estimated from
	// the two top words is then too large by at most two.
	shift := uint(bits.LeadingZeros64(y[n-1]))
	v := y.shl(shift)
	low := x.shl(shift)
	u := [5]uint64{low[0], low[1], low[2], low[3], x[3] >> (64 - shift)}

	var quo uint256
	for j := 4 - n; j >= 0; j-- {
		quo[j] = divStep(u[j:j+n+1], v[:n])
	}
	return quo
}

// divStep returns the quotient of u and v, which must be less than 2^64, and leaves
// the remainder in u. u is one word longer than v.
func divStep(u, v []uint64) uint64 {
	n := len(v)
	q := uint64(math.MaxUint64)
	if u[n] < v[n-1] {
		var r uint64
		q, r = bits.Div64(u[n], u[n-1], v[n-1])
		for {
			hi, lo := bits.Mul64(q, v[n-2])
			if hi < r || hi == r && lo <= u[n-2] {
				break
			}
			q--
			var carry uint64
			if r, carry = bits.Add64(r, v[n-1], 0); carry != 0 {
				break
			}
		}
	}

	var borrow, mulCarry uint64
	for i := range v {
		hi, lo := bits.Mul64(q, v[i])
		lo, carry := bits.Add64(lo, mulCarry, 0)
		mulCarry = hi + carry
		u[i], borrow = bits.Sub64(u[i], lo, borrow)
	}
	u[n], borrow = bits.Sub64(u[n], mulCarry, borrow)

	for borrow != 0 { // the estimated digit was too large, so add v back
		q--
		var carry uint64
		for i := range v {
			u[i], carry = bits.Add64(u[i], v[i], carry)
		}
		u[n], carry = bits.Add64(u[n], 0, carry)
		borrow -= carry
	}
	return q
}

// float returns x as a float64, with an error of at most one unit in the last
// place.
func (x uint256) float() float64 {
	var f float64
	for i, word := range x {
		f += math.Ldexp(float64(word), i*64)
	}
	return f
}

func (x uint256) bytes() [32]byte {
	var b [32]byte
	for i, word := range x {
		binary.BigEndian.PutUint64(b[24-8*i:], word)
	}
	return b
}

func uint256FromBytes(b *[32]byte) uint256 {
	var x uint256
	for i := range x {
		x[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return x
}
