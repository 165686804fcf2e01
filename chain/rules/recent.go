package rules

import (
	"encoding/binary"
	"slices"

	"github.com/lodepow/lode/pow"
)

// Stamp is what difficulty rules look at in a header.
type Stamp struct {
	Time uint32 // seconds since 1970-01-01 UTC
	Bits pow.Bits
}

// recent has the stamps of the latest blocks of a branch, the oldest first, in eight
// bytes each. It is a string because that is a value which cannot change: states stay
// comparable by ==, a copy of a state is cheap, and on networks that need no stamps it
// is empty.
type recent string

const stampSize = 8

func (r recent) count() int { return len(r) / stampSize }

// add returns the stamps with one more, without the oldest if there would be more than
// most.
func (r recent) add(s Stamp, most int) recent {
	if r.count() >= most {
		r = r[(r.count()-most+1)*stampSize:]
	}
	return r + recent(s.appendTo(nil))
}

// recentOf returns the stamps of the given blocks, the latest first.
func recentOf(latest []Stamp) recent {
	b := make([]byte, 0, len(latest)*stampSize)
	for _, s := range slices.Backward(latest) {
		b = s.appendTo(b)
	}
	return recent(b)
}

func (s Stamp) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, s.Time)
	return binary.BigEndian.AppendUint32(b, uint32(s.Bits))
}

func (r recent) stamps() []Stamp {
	b := []byte(r)
	list := make([]Stamp, r.count())
	for i := range list {
		one := b[i*stampSize:]
		list[i] = Stamp{binary.BigEndian.Uint32(one), pow.Bits(binary.BigEndian.Uint32(one[4:]))}
	}
	return list
}
