package main

import "fmt"

// Offsets of the fields of sha2Job and sha2Version, which the caller fills in.
const (
	words16to19 = 0 // words 16 to 19 of the first hash, for a nonce of zero
	word18      = words16to19 + 8
	word19      = words16to19 + 12
	words28to31 = 16 // constant parts of words 28 to 31

	round3ABCD  = 0 // state after round 3 of the first hash, for a nonce of zero
	round3EFGH  = 16
	midABCD     = 32 // midstate
	midEFGH     = 48
	versionSize = 64
)

// The sums of words and round constants that versions share, in memory: for each
// stream those of quads 4 to 15.
const (
	firstShared = 4
	perStream   = (16 - firstShared) * 16
	sharedSize  = streams * perStream
)

// stream is the hash of one nonce. Everything is in registers: the state in two, the
// last four quads of message words in four, and two are free. Together, four streams
// take all 32.
type stream struct {
	p          *printer
	id         int
	abcd, efgh string
	w          [4]string // quad q is in w[q%4]
	t, u       string    // temporary
}

func newStream(p *printer, id int) *stream {
	v := func(i int) string { return fmt.Sprintf("V%d", i) }
	s := &stream{p: p, id: id, abcd: v(2 * id), efgh: v(2*id + 1), t: v(24 + 2*id), u: v(25 + 2*id)}
	for i := range s.w {
		s.w[i] = v(8 + 4*id + i)
	}
	return s
}

// sum returns the location of the shared sum of a quad.
func (s *stream) sum(quad int) string {
	return fmt.Sprintf("%d(%s)", s.id*perStream+16*(quad-firstShared), shared)
}

// hash returns functions that emit the code of one double hash, in pieces of four
// rounds. Each piece adds the round constants to its message words, computes the
// words of the next piece, and runs its rounds.
//
// In the first hash, quad q consists of words 4q to 4q+3. In the second hash, it
// consists of words 4q-3 to 4q. Round 0 of the second hash is a mere addition, like
// round 3 of the first, and the deciding word is known after round 60, which is the
// last round of quad 15.
func (s *stream) hash() []func() {
	pieces := []func(){func() {
		s.begin()
		s.p.comment("words 16 to 19")
		s.load(words16to19, job, s.w[0])
		s.p.op(vector, "VMOV %s, %s.D[1]", w18and19[s.id], s.w[0])
	}}
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			if q < 4 {
				s.loadSum(constant(firstPadding[q-1]))
			} else {
				s.addConstant(kQuad(4*q), q)
			}
			s.firstWords(q + 1)
			s.rounds()
		})
	}
	return append(pieces, s.secondHash()...)
}

// schedule returns functions that emit the code that stores the shared sums of the
// first hash.
func (s *stream) schedule() []func() {
	pieces := []func(){func() {
		s.load(words16to19, job, s.w[0])
		s.p.op(vector, "VMOV %s, %s.D[1]", w18and19[s.id], s.w[0])
	}}
	for q := firstShared; q <= 15; q++ {
		pieces = append(pieces, func() {
			s.addConstant(kQuad(4*q), q)
			s.p.op(store, "FMOVQ %s, %s", float(s.t), s.sum(q))
			s.firstWords(q + 1)
		})
	}
	return pieces
}

// version returns the same as hash, but the first hash uses the sums that schedule
// has stored.
func (s *stream) version() []func() {
	pieces := []func(){s.begin}
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			if q < firstShared {
				s.loadSum(constant(firstPadding[q-1]))
			} else {
				s.loadSum(s.sum(q))
			}
			s.rounds()
		})
	}
	return append(pieces, s.secondHash()...)
}

// secondHash returns the pieces of the second hash.
func (s *stream) secondHash() []func() {
	pieces := []func(){s.second}
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			if q == 3 { // words 9 to 12 are zero
				s.loadSum(constant(kQuad(9)))
			} else {
				s.addConstant(kQuad(4*q-3), q)
			}
			s.secondWords(q + 1)
			if q == 15 {
				s.lastRounds()
			} else {
				s.rounds()
			}
		})
	}
	return pieces
}

// load emits the load of a vector of 16 bytes.
func (s *stream) load(offset int, base, to string) {
	s.p.op(load, "FMOVQ %d(%s), %s", offset, base, float(to))
}

// loadSum emits the load of a sum of message words and round constants.
func (s *stream) loadSum(from string) { s.p.op(load, "FMOVQ %s, %s", from, float(s.t)) }

// addConstant emits the sum of a quad of message words and their round constants.
func (s *stream) addConstant(k quad, q int) {
	s.loadSum(constant(k))
	s.add(s.w[q%4], s.t)
}

// add emits the addition of four words to four words.
func (s *stream) add(from, to string) {
	s.p.op(vector, "VADD %s.S4, %s.S4, %s.S4", from, to, to)
}

// rounds emits four rounds, with the sums of their words and constants in t. Both
// instructions need the state before, so one half of it is copied.
func (s *stream) rounds() {
	s.p.op(vector, "VMOV %s.B16, %s.B16", s.abcd, s.u)
	s.p.op(hash, "SHA256H %s.S4, %s, %s", s.t, s.efgh, s.abcd)
	s.p.op(hash, "SHA256H2 %s.S4, %s, %s", s.t, s.u, s.efgh)
}

// lastRounds emits rounds 57 to 60 of the second hash, of which only e is needed.
func (s *stream) lastRounds() {
	s.p.op(hash, "SHA256H2 %s.S4, %s, %s", s.t, s.abcd, s.efgh)
}

// begin emits the state after round 3: the constant state plus the nonce.
func (s *stream) begin() {
	s.p.comment("stream %d: round 3", s.id)
	s.load(round3ABCD, version, s.abcd)
	s.load(round3EFGH, version, s.efgh)
	s.p.op(vector, "FMOVS %s, %s", nonceWord[s.id], float(s.u)) // clears the other lanes
	s.add(s.u, s.abcd)
	s.add(s.u, s.efgh)
}

// su0 emits the addition of sigma0 of the words that follow: q-3 to quad q-4.
func (s *stream) su0(q int) {
	s.p.op(words, "SHA256SU0 %s.S4, %s.S4", s.w[(q-3)%4], s.w[q%4])
}

// su1 emits the rest of the computation of quad q, from quads q-1 and q-2.
func (s *stream) su1(q int) {
	s.p.op(words, "SHA256SU1 %s.S4, %s.S4, %s.S4", s.w[(q-1)%4], s.w[(q-2)%4], s.w[q%4])
}

func (s *stream) clear(to string) { s.p.op(vector, "VMOVI $0, %s.B16", to) }

// firstWords emits the computation of a quad of the first hash. The quads up to 7
// have constant terms, and terms that are zero.
func (s *stream) firstWords(q int) {
	switch {
	case q < 5 || q > 15:
		return
	case q == 5:
		s.clear(s.w[3]) // quad 3 is in the constant that follows
		s.p.op(load, "FMOVQ %s, %s", constant(words20to23), float(s.w[1]))
	case q == 6:
		s.clear(s.w[2])
	case q == 7:
		s.load(words28to31, job, s.w[3])
	default:
		s.su0(q)
	}
	s.su1(q)
}

// secondWords emits the computation of a quad of the second hash. second has put quads
// 1 to 4 into their registers. Quad 3 is zero, and so is its sum with sigma0 of quad 4,
// of which sigma0 takes words 10 to 13 only.
func (s *stream) secondWords(q int) {
	if q < 5 || q > 15 {
		return
	}
	if q != 7 {
		s.su0(q)
	}
	s.su1(q)
}

// second emits the end of the first hash, which adds the midstate, and the beginning
// of the second.
func (s *stream) second() {
	s.p.comment("stream %d: the digest is the message of the second hash", s.id)
	s.load(midABCD, version, s.t)
	s.add(s.t, s.abcd)
	s.load(midEFGH, version, s.t)
	s.add(s.t, s.efgh)

	s.p.comment("words 1 to 4, and 5 to 8")
	s.p.op(vector, "VEXT $4, %s.B16, %s.B16, %s.B16", s.efgh, s.abcd, s.w[1])
	s.loadSum(constant(digestPadding))
	s.p.op(vector, "VEXT $4, %s.B16, %s.B16, %s.B16", s.t, s.efgh, s.w[2])
	s.clear(s.w[3])

	s.p.comment("words 13 to 16 are 0, 0, length, a + sigma0(b)")
	s.p.op(vector, "VMOV %s.B16, %s.B16", s.abcd, s.w[0])
	s.p.op(words, "SHA256SU0 %s.S4, %s.S4", s.efgh, s.w[0])
	s.loadSum(constant(digestLength))
	s.p.op(vector, "VEXT $4, %s.B16, %s.B16, %s.B16", s.w[0], s.t, s.w[0])

	s.p.comment("round 0")
	s.p.op(vector, "FMOVS %s, %s", float(s.abcd), float(s.u)) // a, and clears the other lanes
	s.p.op(load, "FMOVQ %s, %s", constant(afterRound0ABCD), float(s.abcd))
	s.p.op(load, "FMOVQ %s, %s", constant(afterRound0EFGH), float(s.efgh))
	s.add(s.u, s.abcd)
	s.add(s.u, s.efgh)
}
