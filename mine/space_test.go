package mine

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func newSpace(t testing.TB, fixed []byte, rolled int) Space {
	t.Helper()
	s, err := NewSpace(fixed, rolled)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSpace(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fixed  string
		rolled int
		last   uint64
		at     uint64
		want   string
	}{
		{"nothing to roll", "", 0, 0, 0, ""},
		{"fixed alone", "\x08\x00\x00\x02", 0, 0, 0, "\x08\x00\x00\x02"},
		{"one byte", "\xaa", 1, 255, 7, "\xaa\x07"},
		{"Stratum's usual sizes", "\x08\x00\x00\x02", 4, math.MaxUint32, 1, "\x08\x00\x00\x02\x00\x00\x00\x01"},
		{"eight bytes", "", 8, math.MaxUint64, 0x0102030405060708, "\x01\x02\x03\x04\x05\x06\x07\x08"},
		{"eight bytes, the last", "", 8, math.MaxUint64, math.MaxUint64, "\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"more than can be counted", "\x01", 10, math.MaxUint64, 3, "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSpace(t, []byte(tc.fixed), tc.rolled)
			if s.Last() != tc.last || s.Size() != len(tc.want) || s.Rolled() != tc.rolled || string(s.Fixed()) != tc.fixed {
				t.Errorf("last %d, size %d, %d rolled, fixed %x", s.Last(), s.Size(), s.Rolled(), s.Fixed())
			}
			got := s.At(tc.at)
			if string(got) != tc.want || !s.Contains(got) {
				t.Errorf("extranonce %d is %x, contained: %v; want %x", tc.at, got, s.Contains(got), tc.want)
			}
			if s.Contains(append(got, 0)) || len(got) > 0 && s.Contains(got[1:]) {
				t.Error("contains extranonces of another length")
			}
		})
	}
	if (Space{}).Last() != 0 || !(Space{}).Contains(nil) {
		t.Error("the zero space does not contain the empty extranonce")
	}
	wide := newSpace(t, nil, 9)
	if wide.Contains([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0}) {
		t.Error("contains an extranonce whose uncounted byte is not zero")
	}
}

func TestSpaceRefuses(t *testing.T) {
	if _, err := NewSpace(nil, -1); err == nil {
		t.Error("a negative number of rolled bytes was accepted")
	}
	if _, err := NewSpace(make([]byte, 70), MaxExtranonce-69); err == nil {
		t.Error("an extranonce longer than a push was accepted")
	}
	one := newSpace(t, nil, 1)
	for _, n := range []int{-1, 0, 257} {
		if _, err := one.Split(n); err == nil {
			t.Errorf("256 extranonces were split into %d spaces", n)
		}
	}
	if _, err := newSpace(t, nil, 8).Split(0); err == nil || !strings.Contains(err.Error(), "0 to 18446744073709551615 into 0") {
		t.Errorf("all extranonces of eight bytes into 0 spaces: %v", err)
	}
	if _, err := one.Sub([]byte{1, 2}); err == nil {
		t.Error("a prefix longer than what is rolled was accepted")
	}
	parts, err := one.Split(2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parts[0].Sub([]byte{1}); err == nil {
		t.Error("Sub of half a space was accepted")
	}
	if _, err := newSpace(t, nil, 9).Sub([]byte{1}); err == nil {
		t.Error("Sub of a space that is not rolled whole was accepted")
	}
	defer func() {
		if recover() == nil {
			t.Error("At past the end did not panic")
		}
	}()
	one.At(256)
}

// number reads an extranonce of at most 9 bytes as a number, as the order of a
// space does.
func number(extranonce []byte) uint64 {
	var raw [8]byte
	n := min(len(extranonce), 8)
	copy(raw[8-n:], extranonce[len(extranonce)-n:])
	return binary.BigEndian.Uint64(raw[:])
}

// Every extranonce of a small space is in exactly one part, and the parts differ
// in size by one at most.
func TestSplitIsDisjointAndComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fixed := rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "fixed")
		rolled := rapid.IntRange(0, 2).Draw(t, "rolled")
		whole, err := NewSpace(fixed, rolled)
		if err != nil {
			t.Fatal(err)
		}
		// A part is split again, so that spaces that begin anywhere are tested.
		if n := rapid.IntRange(1, 3).Draw(t, "cut before"); uint64(n-1) <= whole.Last() {
			parts, err := whole.Split(n)
			if err != nil {
				t.Fatal(err)
			}
			whole = parts[rapid.IntRange(0, n-1).Draw(t, "part")]
		}
		n := rapid.IntRange(1, int(min(whole.Last(), 999))+1).Draw(t, "n")
		parts, err := whole.Split(n)
		if err != nil || len(parts) != n {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		var all, least, most uint64
		least = math.MaxUint64
		for _, p := range parts {
			least, most = min(least, p.Last()+1), max(most, p.Last()+1)
			for i := range p.Last() + 1 {
				e := p.At(i)
				if want := whole.At(all); !bytes.Equal(e, want) {
					t.Fatalf("extranonce %d of all is %x, want %x", all, e, want)
				}
				all++
			}
			if e := p.At(0); !whole.Contains(e) || !p.Contains(e) {
				t.Fatalf("%x is not contained", e)
			}
		}
		if all != whole.Last()+1 || most-least > 1 {
			t.Fatalf("%d of %d extranonces; parts of %d to %d", all, whole.Last()+1, least, most)
		}
		at := rapid.Uint64Range(0, whole.Last()).Draw(t, "at")
		in := 0
		for _, p := range parts {
			if p.Contains(whole.At(at)) {
				in++
			}
		}
		if in != 1 {
			t.Fatalf("extranonce %d is in %d parts", at, in)
		}
	})
}

// The same for spaces that are too large to be listed: each part begins after the
// end of the one before, and the ends are those of the whole.
func TestSplitOfLargeSpaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rolled := rapid.IntRange(3, 9).Draw(t, "rolled")
		n := rapid.IntRange(1, 2000).Draw(t, "n")
		whole, err := NewSpace(nil, rolled)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := whole.Split(n)
		if err != nil {
			t.Fatal(err)
		}
		if first, last := number(parts[0].At(0)), number(parts[n-1].At(parts[n-1].Last())); first != 0 || last != whole.Last() {
			t.Fatalf("the parts go from %d to %d, want 0 to %d", first, last, whole.Last())
		}
		for i := 1; i < n; i++ {
			before := number(parts[i-1].At(parts[i-1].Last()))
			if first := number(parts[i].At(0)); first != before+1 {
				t.Fatalf("part %d begins with %d, the one before ends with %d", i, first, before)
			}
			if a, b := parts[i].Last(), parts[i-1].Last(); a > b || b-a > 1 {
				t.Fatalf("parts of %d and %d extranonces", b+1, a+1)
			}
		}
	})
}

// Sessions that are numbered in a prefix get disjoint spaces, which together are
// the whole one.
func TestSubIsDisjointAndComplete(t *testing.T) {
	for rolled := range 3 {
		for size := range rolled + 1 {
			whole := newSpace(t, []byte{9, 8}, rolled)
			in := map[string]int{}
			for session := range 1 << (8 * size) {
				var raw [8]byte
				binary.BigEndian.PutUint64(raw[:], uint64(session))
				sub, err := whole.Sub(raw[8-size:])
				if err != nil {
					t.Fatal(err)
				}
				if sub.Size() != whole.Size() || sub.Rolled() != rolled-size {
					t.Fatalf("session %d has %d bytes, %d of them to roll", session, sub.Size(), sub.Rolled())
				}
				for i := range sub.Last() + 1 {
					in[string(sub.At(i))]++
				}
			}
			if uint64(len(in)) != whole.Last()+1 {
				t.Errorf("%d rolled bytes, prefix of %d: %d of %d extranonces", rolled, size, len(in), whole.Last()+1)
			}
			for e, n := range in {
				if n != 1 || !whole.Contains([]byte(e)) {
					t.Fatalf("extranonce %x is in %d sessions", e, n)
				}
			}
		}
	}
}
