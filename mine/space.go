package mine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// MaxExtranonce is the length in bytes of the longest extranonce. A coinbase's
// script has at most 100 bytes, and a push of up to 75 bytes takes one opcode.
const MaxExtranonce = 75

// countedBytes is the greatest number of bytes of an extranonce that are rolled.
// They have 2^64 values, which is more than any miner can try.
const countedBytes = 8

// Space is a set of extranonces, all of the same length. Their leading bytes are
// fixed by the source of the work; the bytes after that are for the miner to roll.
// The extranonces of a space are numbered from 0, in ascending order of their
// bytes.
//
// The zero value contains the empty extranonce alone, for a coinbase that has no
// room for any.
type Space struct {
	fixed  string // leading bytes
	rolled int    // number of bytes after them

	// The rolled bytes, read as a big-endian number, are from first to last. Where
	// more than countedBytes are rolled, those before the last eight are zero.
	first, last uint64
}

// NewSpace returns all extranonces that begin with the fixed bytes, followed by
// rolled bytes of any value. In the words of Stratum, fixed is extranonce1 and
// rolled is the size of extranonce2.
//
// If rolled exceeds eight, only the last eight bytes are rolled. The bytes before
// them stay zero.
func NewSpace(fixed []byte, rolled int) (Space, error) {
	if rolled < 0 || len(fixed)+rolled > MaxExtranonce {
		return Space{}, fmt.Errorf("extranonce of %d fixed and %d rolled bytes: want at most %d in all", len(fixed), rolled, MaxExtranonce)
	}
	return Space{fixed: string(fixed), rolled: rolled, last: greatest(rolled)}, nil
}

// greatest returns the greatest number that fits the given number of rolled bytes.
func greatest(rolled int) uint64 {
	if rolled >= countedBytes {
		return math.MaxUint64
	}
	return 1<<(8*rolled) - 1
}

// Size returns the length in bytes of every extranonce of the space.
func (s Space) Size() int { return len(s.fixed) + s.rolled }

// Fixed returns the leading bytes that all extranonces of the space share.
func (s Space) Fixed() []byte { return []byte(s.fixed) }

// Rolled returns how many bytes follow the fixed ones.
func (s Space) Rolled() int { return s.rolled }

// Last returns the number of the last extranonce. It is one less than the size of
// the space, which may be 2^64 and then would not fit the type.
func (s Space) Last() uint64 { return s.last - s.first }

// At returns extranonce number i. It panics if i exceeds Last.
func (s Space) At(i uint64) []byte {
	if i > s.Last() {
		panic(fmt.Sprintf("mine: extranonce %d of a space whose last is %d", i, s.Last()))
	}
	extranonce := make([]byte, s.Size())
	copy(extranonce, s.fixed)
	var number [countedBytes]byte
	binary.BigEndian.PutUint64(number[:], s.first+i)
	n := min(s.rolled, countedBytes)
	copy(extranonce[len(extranonce)-n:], number[countedBytes-n:])
	return extranonce
}

// Contains reports whether the extranonce is one of the space.
func (s Space) Contains(extranonce []byte) bool {
	if len(extranonce) != s.Size() || !bytes.HasPrefix(extranonce, []byte(s.fixed)) {
		return false
	}
	rolled := extranonce[len(s.fixed):]
	n := min(s.rolled, countedBytes)
	for _, b := range rolled[:s.rolled-n] {
		if b != 0 {
			return false
		}
	}
	var number [countedBytes]byte
	copy(number[countedBytes-n:], rolled[s.rolled-n:])
	at := binary.BigEndian.Uint64(number[:])
	return s.first <= at && at <= s.last
}

// Split cuts the space into n spaces, in ascending order. Every extranonce is in
// exactly one of them, and their sizes differ by at most one. It is an error to
// ask for more spaces than there are extranonces.
//
// A receiver that understands only a prefix and a length, such as a Stratum session,
// gets its space from [Space.Sub] instead.
func (s Space) Split(n int) ([]Space, error) {
	if n < 1 || uint64(n-1) > s.Last() {
		return nil, fmt.Errorf("split of extranonces 0 to %d into %d spaces: want from 1 to as many as there are", s.Last(), n)
	}
	// The number of extranonces is Last()+1, which may be 2^64. So Last() is divided
	// and the quotient corrected. For one part of 2^64 the size wraps to 0, and so
	// does the end back to where it belongs.
	each, rest := s.Last()/uint64(n), s.Last()%uint64(n)+1
	if rest == uint64(n) {
		each, rest = each+1, 0
	}
	parts := make([]Space, n)
	first := s.first
	for i := range parts {
		size := each
		if uint64(i) < rest {
			size++
		}
		parts[i] = s
		parts[i].first, parts[i].last = first, first+(size-1)
		first += size
	}
	return parts, nil
}

// Sub returns the extranonces of the space whose bytes after the fixed ones begin with
// the prefix. The prefix becomes part of the fixed bytes. Different prefixes of
// the same length give disjoint spaces, so a server that numbers its sessions in
// the prefix never hands out the same work twice.
//
// Only a whole space has such parts: one from [NewSpace] or from Sub that rolls at
// most eight bytes.
func (s Space) Sub(prefix []byte) (Space, error) {
	if s.first != 0 || s.last != greatest(s.rolled) {
		return Space{}, errors.New("extranonces of a split space cannot be told by a prefix: take Sub of the space before it is split")
	}
	if s.rolled > countedBytes {
		return Space{}, fmt.Errorf("extranonces with %d rolled bytes cannot be told by a prefix: want at most %d bytes", s.rolled, countedBytes)
	}
	if len(prefix) > s.rolled {
		return Space{}, fmt.Errorf("prefix of %d bytes: the miner may roll only %d", len(prefix), s.rolled)
	}
	return NewSpace(slices.Concat([]byte(s.fixed), prefix), s.rolled-len(prefix))
}
