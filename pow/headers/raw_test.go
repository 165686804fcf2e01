package headers

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// metadataOf returns the ten bytes of Neutrino before its headers.
func metadataOf(magic uint32, version, kind byte, height uint32) string {
	b := append(binary.LittleEndian.AppendUint32(nil, magic), version, kind)
	return string(binary.LittleEndian.AppendUint32(b, height))
}

func TestIsMetadata(t *testing.T) {
	main, own := Main().Magic, uint32(0xbd6fd254)
	good, bad := rawOf(Main().Genesis), rawOf(damaged(Main().Genesis))
	for _, tc := range []struct {
		what, start string
		want        bool
	}{
		{"nothing", "", false},
		{"a magic", metadataOf(main, 0, 0, 7)[:4], false},
		{"one byte too few", metadataOf(main, 0, 0, 7)[:9], false},
		{"nothing more", metadataOf(main, 0, 0, 7), true},
		{"a damaged header", metadataOf(main, 0, 0, 7) + bad, true},
		{"another version", metadataOf(main, 1, 0, 7) + good, false},
		{"another type", metadataOf(main, 0, 1, 7) + good, false},
		{"an unknown network", metadataOf(own, 0, 0, 7) + good, true},
		{"an unknown network, damaged", metadataOf(own, 0, 0, 7) + bad, false},
		{"raw headers", good + good, false},
		{"two readings", twoReadings(t), false},
	} {
		if got := isMetadata([]byte(tc.start)); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.what, got, tc.want)
		}
	}
}

// twoReadings returns a header that proves its work, and that does so also if its first ten
// bytes are taken for metadata.
func twoReadings(t *testing.T) string {
	const easy = 0x207fffff
	b := make([]byte, metadataSize+pow.HeaderSize)
	b[0] = 4
	binary.LittleEndian.PutUint32(b[72:], easy)
	for n := range uint32(1 << 16) {
		binary.LittleEndian.PutUint16(b[76:], uint16(n))
		binary.LittleEndian.PutUint32(b[metadataSize+72:], easy)
		binary.LittleEndian.PutUint32(b[metadataSize+76:], n)
		if provesWork(b) && provesWork(b[metadataSize:]) {
			return string(b)
		}
	}
	t.Fatal("no bytes prove their work twice")
	return ""
}

func TestIsOtherMetadata(t *testing.T) {
	main := Main().Magic
	for start, want := range map[string]bool{
		"":                                false,
		metadataOf(main, 0, 1, 7)[:4]:     false,
		metadataOf(main, 0, 1, 7)[:9]:     false,
		metadataOf(main, 0, 1, 7):         true,
		metadataOf(main, 0, 3, 7):         true,
		metadataOf(main, 0, 4, 7):         false,
		metadataOf(main, 1, 0, 7) + "...": true,
		metadataOf(main, 2, 0, 7):         false,
		metadataOf(0xbd6fd254, 0, 1, 7):   false,
	} {
		if got := isOtherMetadata([]byte(start)); got != want {
			t.Errorf("%x: %v, want %v", start, got, want)
		}
	}
}

// TestZerosInRawHeaders checks what becomes of zeros among raw headers: room before and
// behind them, a hole between them, or a header that is nearly zero.
func TestZerosInRawHeaders(t *testing.T) {
	all := realHeaders(t, 2)
	zeros := strings.Repeat("\x00", pow.HeaderSize)
	nearly := pow.Header{Nonce: 1 << 24} // of whose bytes only the last is not zero
	first := rawOf(all[0])
	for _, tc := range []struct {
		what, stream string
		want         []pow.Header
		form, err    string
		where        string
	}{
		{"a header that is nearly zero first", rawOf(nearly), []pow.Header{nearly}, "raw", "", "byte 80"},
		{"a header that is nearly zero behind another", first + rawOf(nearly), []pow.Header{all[0], nearly}, "raw", "", "byte 160"},
		{"room behind", first + zeros + zeros, all[:1], "raw", "", "byte 80"},
		{"room behind, and a part", first + zeros + zeros[:79], all[:1], "raw", "", "byte 80"},
		{"a hole of one", first + zeros + rawOf(all[1]), all[:1], "raw", "malformed: 1 headers are missing", "byte 80"},
		{"a hole of two", first + zeros + zeros + rawOf(all[1]), all[:1], "raw", "malformed: 2 headers are missing", "byte 80"},
		{"a hole before a part", first + zeros + zeros[:79] + "\x01", all[:1], "raw", "malformed: 1 headers are missing", "byte 80"},
		{"a hole before less than a header", first + zeros + "\x00\x01", all[:1], "raw", "malformed: 1 headers are missing", "byte 80"},
		{"room before a part", zeros + zeros + first[:40], nil, "Electrum's file of headers", "truncated: the stream ends after 40", "byte 160"},
		{"room before, with a part", zeros + zeros + zeros[:40], nil, "Electrum's file of headers", "truncated: the stream ends after 40", "byte 160"},
		{"zeros after metadata", metadataOf(Main().Magic, 0, 0, 0) + zeros + zeros, []pow.Header{{}}, "an export of Neutrino", "", "byte 90"},
	} {
		got, reader, err := readAll(strings.NewReader(tc.stream))
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, %v; want %v, %q", tc.what, got, err, tc.want, tc.err)
		}
		if reader.Form() != tc.form || reader.Where() != tc.where {
			t.Errorf("%s: %s at %s, want %s at %s", tc.what, reader.Form(), reader.Where(), tc.form, tc.where)
		}
	}
}

// TestStreamsDoNotMix reads two streams. What the reader says of the whole is what the
// first says, and the first leaves nothing behind that changes how the second is read.
func TestStreamsDoNotMix(t *testing.T) {
	all := realHeaders(t, 2)
	first, second := rawOf(all[0]), rawOf(all[1])
	zeros := strings.Repeat("\x00", pow.HeaderSize)
	for _, tc := range []struct {
		what, first, second string
		err, where          string
		height              uint32
		known               bool
	}{
		{"two files of Electrum", zeros + first, zeros + zeros + second, "", "byte 240", 1, true},
		{"two exports of Neutrino", metadataOf(Main().Magic, 0, 0, 5) + first, metadataOf(Main().Magic, 0, 0, 9) + second, "", "byte 90", 5, true},
		{"raw headers, then an export", first, metadataOf(Main().Magic, 0, 0, 9) + second, "", "byte 90", 0, false},
		{"raw headers, then a file of Electrum", first, zeros + second, "", "byte 160", 0, false},
		{"hex, then raw headers with room", all[0].String(), second + zeros + zeros[:40], "", "byte 80", 0, false},
		{"hex, then noise", all[0].String() + "\n", strings.Repeat("\x9a\x03\xff", 200), "unknown-form", "byte 0", 0, false},
		{"raw headers, then a damaged text", first, "\n\nnonsense", "malformed", "line 3", 0, false},
	} {
		reader := NewMultiReader(streams(Stream{Reader: strings.NewReader(tc.first)}, Stream{Reader: strings.NewReader(tc.second)}))
		var got []pow.Header
		var err error
		for {
			var h pow.Header
			if h, err = reader.Next(); err != nil {
				break
			}
			got = append(got, h)
		}
		want := all
		if tc.err == "" {
			tc.err = "EOF"
		} else {
			want = all[:1]
		}
		if !strings.Contains(err.Error(), tc.err) || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v and %s", tc.what, got, err, want, tc.err)
		}
		if reader.Where() != tc.where || reader.Stream() != 1 {
			t.Errorf("%s: %s of stream %d, want %s of stream 1", tc.what, reader.Where(), reader.Stream(), tc.where)
		}
		if _, height, known := reader.Metadata(); height != tc.height || known != tc.known {
			t.Errorf("%s: height %d, known %v; want %d, %v", tc.what, height, known, tc.height, tc.known)
		}
	}
}
