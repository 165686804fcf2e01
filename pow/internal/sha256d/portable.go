package sha256d

import "math/bits"

const (
	// The second block of a header consists of three words of the tail, the nonce,
	// and SHA-256's padding: a one bit, zeros, and the length of the message in bits.
	nonceWord  = 3
	paddingBit = 1 << 31
	headerBits = 80 * 8
	digestBits = 32 * 8 // the same for the block of the second hash

	lastNeeded = 60 // the round of the second hash after which its last word is known
)

// schedule holds the parts of the second block's message schedule that do not
// depend on the nonce.
type schedule struct {
	w16, w17 uint32
	// The constant parts of words 18, 19, 31 and 32. The other terms of these words
	// depend on the nonce.
	c18, c19, c31, c32 uint32
}

func newSchedule(tail [3]uint32) schedule {
	// w[i] = sigma1(w[i-2]) + w[i-7] + sigma0(w[i-15]) + w[i-16], with words 5 to 14 zero.
	w16 := sigma0(tail[1]) + tail[0]
	w17 := sigma1(headerBits) + sigma0(tail[2]) + tail[1]
	return schedule{
		w16: w16,
		w17: w17,
		c18: sigma1(w16) + tail[2],
		c19: sigma1(w17) + sigma0(paddingBit),
		c31: sigma0(w16) + headerBits,
		c32: sigma0(w17) + w16,
	}
}

// rounds0to2 runs the rounds of the second block that do not depend on the nonce.
// It returns the words in the positions that [Version].Round3 describes.
func rounds0to2(mid [8]uint32, tail [3]uint32) [8]uint32 {
	a, b, c, d, e, f, g, h := mid[0], mid[1], mid[2], mid[3], mid[4], mid[5], mid[6], mid[7]
	d, h = round(a, b, c, d, e, f, g, h, k[0]+tail[0])
	c, g = round(h, a, b, c, d, e, f, g, k[1]+tail[1])
	b, f = round(g, h, a, b, c, d, e, f, k[2]+tail[2])
	return [8]uint32{a, b, c, d, e, f, g, h}
}

// scanPortable is the kernel in plain Go. Compared with two calls of SHA-256 it
// saves the first block, whose result is the midstate; the rounds before the nonce;
// the parts of the message schedule that are constant or zero; and the last three
// rounds of the second hash, because the deciding word is known after round 60.
func scanPortable(in *Input, first uint32, count int) Candidate {
	var w, x [64]uint32
	w[0], w[1], w[2] = in.Tail[0], in.Tail[1], in.Tail[2]
	w[4], w[15] = paddingBit, headerBits
	w[16], w[17] = in.schedule.w16, in.schedule.w17
	x[8], x[15] = paddingBit, digestBits

	for i := range count {
		nonce := first + uint32(i)
		w[nonceWord] = bits.ReverseBytes32(nonce)
		expandSecondBlock(&w, &in.schedule)
		for v := range in.Versions {
			digestFirst(&in.Versions[v], &w, (*[8]uint32)(x[:8]))
			if topWord(&x) <= in.Limit {
				return Candidate{Found: true, Nonce: nonce, Version: v, Hashes: i*len(in.Versions) + v + 1}
			}
		}
	}
	return Candidate{Hashes: count * len(in.Versions)}
}

// expandSecondBlock computes the message schedule of the second block, in which the
// nonce is already set. The schedule is the same for every version.
func expandSecondBlock(w *[64]uint32, s *schedule) {
	w[18] = sigma0(w[nonceWord]) + s.c18
	w[19] = w[nonceWord] + s.c19
	w[20] = sigma1(w[18]) + paddingBit
	w[21] = sigma1(w[19])
	w[22] = sigma1(w[20]) + headerBits
	for i := 23; i < 30; i++ {
		w[i] = sigma1(w[i-2]) + w[i-7]
	}
	w[30] = sigma1(w[28]) + w[23] + sigma0(headerBits)
	w[31] = sigma1(w[29]) + w[24] + s.c31
	w[32] = sigma1(w[30]) + w[25] + s.c32
	for i := 33; i < 64; i++ {
		w[i] = sigma1(w[i-2]) + w[i-7] + sigma0(w[i-15]) + w[i-16]
	}
}

// digestFirst runs the first hash from round 3 on and stores its digest.
func digestFirst(v *Version, w *[64]uint32, digest *[8]uint32) {
	s := v.Round3
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	a, e = round(f, g, h, a, b, c, d, e, k[3]+w[3])
	h, d = round(e, f, g, h, a, b, c, d, k[4]+paddingBit)
	g, c = round(d, e, f, g, h, a, b, c, k[5])
	f, b = round(c, d, e, f, g, h, a, b, k[6])
	e, a = round(b, c, d, e, f, g, h, a, k[7])
	s = [8]uint32{a, b, c, d, e, f, g, h}
	rounds(&s, w, 8, 64)
	for i := range digest {
		digest[i] = v.Mid[i] + s[i]
	}
}

// topWord hashes the digest in x[0:8] and returns the most significant word of the
// hash as a number. Hashes are little-endian numbers, so it is the last word of the
// hash with its bytes reversed.
func topWord(x *[64]uint32) uint32 {
	for i := 16; i <= lastNeeded; i++ {
		x[i] = sigma1(x[i-2]) + x[i-7] + sigma0(x[i-15]) + x[i-16]
	}
	s := initial
	rounds(&s, x, 0, 56)
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	d, h = round(a, b, c, d, e, f, g, h, k[56]+x[56])
	// The word h after round 63 is the word e after round 60, because words move down
	// by one position in each round. So the new a is no longer needed.
	c, g = round(h, a, b, c, d, e, f, g, k[57]+x[57])
	b, f = round(g, h, a, b, c, d, e, f, k[58]+x[58])
	a, e = round(f, g, h, a, b, c, d, e, k[59]+x[59])
	h, _ = round(e, f, g, h, a, b, c, d, k[60]+x[60])
	return bits.ReverseBytes32(h + initial[7])
}
