package sha256d

import "math/bits"

// initial is the initial state of SHA-256 (FIPS 180-4, 5.3.3).
var initial = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// k holds the round constants (FIPS 180-4, 4.2.2).
var k = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

// sigma0 and sigma1 are the functions of the message schedule (FIPS 180-4, 4.1.2).
func sigma0(x uint32) uint32 {
	return bits.RotateLeft32(x, -7) ^ bits.RotateLeft32(x, -18) ^ x>>3
}

func sigma1(x uint32) uint32 {
	return bits.RotateLeft32(x, -17) ^ bits.RotateLeft32(x, -19) ^ x>>10
}

// round computes one round of SHA-256. A round moves all eight words down by one
// position, and changes only two of them. This function returns those two, the new
// e and the new a, and the caller renames the others.
//
// The third rotation of each sum is common to all three terms, and the majority has
// three operations. That takes fewer instructions than the formulas of the standard,
// at the price of a little latency.
func round(a, b, c, d, e, f, g, h, kw uint32) (newE, newA uint32) {
	t := h + kw + (g ^ e&(f^g)) +
		bits.RotateLeft32(e^bits.RotateLeft32(e, -5)^bits.RotateLeft32(e, -19), -6)
	return d + t, t + (b ^ (a^b)&(b^c)) +
		bits.RotateLeft32(a^bits.RotateLeft32(a, -11)^bits.RotateLeft32(a, -20), -2)
}

// rounds runs the rounds from first up to, but not including, last. Both must be
// multiples of eight, because after eight rounds every word has its first name again.
func rounds(s *[8]uint32, w *[64]uint32, first, last int) {
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for i := first; i < last; i += 8 {
		k, w := (*[8]uint32)(k[i:]), (*[8]uint32)(w[i:])
		d, h = round(a, b, c, d, e, f, g, h, k[0]+w[0])
		c, g = round(h, a, b, c, d, e, f, g, k[1]+w[1])
		b, f = round(g, h, a, b, c, d, e, f, k[2]+w[2])
		a, e = round(f, g, h, a, b, c, d, e, k[3]+w[3])
		h, d = round(e, f, g, h, a, b, c, d, k[4]+w[4])
		g, c = round(d, e, f, g, h, a, b, c, k[5]+w[5])
		f, b = round(c, d, e, f, g, h, a, b, k[6]+w[6])
		e, a = round(b, c, d, e, f, g, h, a, k[7]+w[7])
	}
	*s = [8]uint32{a, b, c, d, e, f, g, h}
}

// compress is the compression function of SHA-256, without any shortcuts.
func compress(state *[8]uint32, block *[16]uint32) [8]uint32 {
	var w [64]uint32
	copy(w[:], block[:])
	for i := 16; i < 64; i++ {
		w[i] = sigma1(w[i-2]) + w[i-7] + sigma0(w[i-15]) + w[i-16]
	}
	s := *state
	rounds(&s, &w, 0, 64)
	for i := range s {
		s[i] += state[i]
	}
	return s
}
