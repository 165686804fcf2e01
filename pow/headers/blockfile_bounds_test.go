package headers

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// aKey is a key of a block file that the file itself does not tell.
var aKey = []byte("\x71\x9f\x33\x70\xc2\x11\x5b\xee")

func xored(stream string, key []byte) string {
	b := []byte(stream)
	xor(b, key, 0)
	return string(b)
}

// TestBlockFileKey checks what makes a stream a block file: the first block proves its
// work, or there is other evidence, which counts for less if the key or the network had
// to be guessed.
func TestBlockFileKey(t *testing.T) {
	const own = 0xbd6fd254 // the magic of a signet of one's own
	main := Main().Magic
	all := realHeaders(t, 2)
	good, second := rawOf(all[0]), rawOf(all[1])
	bad := damaged(all[0])
	resembling := rawOf(bad)
	bad.Version, bad.Time = 0x7a3c, 77
	unlike := rawOf(bad)
	genesis := Main().Genesis // its parent has the zeros from which a key can be found
	badGenesis := damaged(genesis)
	none := make([]byte, keySize)
	for _, tc := range []struct {
		what       string
		start      string
		given, key []byte
	}{
		{"nothing", "", nil, nil},
		{"ten bytes", recordOf(main, 200, good)[:10], nil, nil},
		{"one byte less than a header", recordOf(main, 200, good)[:recordHead+pow.HeaderSize-1], nil, nil},
		{"a header", recordOf(main, 200, good)[:recordHead+pow.HeaderSize], nil, none},
		{"a size without a body", recordOf(main, pow.HeaderSize, good), nil, nil},
		{"the least size", recordOf(main, pow.HeaderSize+1, good), nil, none},
		{"the largest size", recordOf(main, maxBlockSize, good), nil, none},
		{"too large a size", recordOf(main, maxBlockSize+1, good), nil, nil},

		{"a damaged header", recordOf(main, 200, resembling), nil, none},
		{"one that resembles none", recordOf(main, 200, unlike), nil, nil},
		{"the same before another block", recordOf(main, 200, unlike) + recordOf(main, 200, second), nil, none},
		{"the same before a distant block", recordOf(main, 50_000, unlike) + recordOf(main, 200, second), nil, none},
		{"the same before a block of another network", recordOf(main, 200, unlike) + recordOf(own, 200, second), nil, nil},

		{"an unknown network, damaged", recordOf(own, 200, resembling), nil, nil},
		{"an unknown network, damaged, and another block", recordOf(own, 200, resembling) + recordOf(own, 200, second), nil, nil},
		{"an unknown network, one block", recordOf(own, 200, good), nil, none},
		{"an unknown network, cut off", recordOf(own, 200, good)[:120], nil, none},
		{"an unknown network, and zeros", recordOf(own, 200, good) + "\x00\x00", nil, none},
		{"an unknown network, and something else", recordOf(own, 200, good) + "\x00\x01\x02\x03\x04\x05", nil, nil},
		{"an unknown network, and another block", recordOf(own, 200, good) + recordOf(own, 200, second), nil, none},

		{"a key that is given", xored(recordOf(main, 200, good), aKey), aKey, aKey},
		{"a key that is given, damaged", xored(recordOf(main, 200, resembling), aKey), aKey, aKey},
		{"a key that is given, an unknown network", xored(recordOf(own, 200, good), aKey), aKey, aKey},
		{"a key of another length", xored(recordOf(main, 200, good), aKey), aKey[:7], nil},
		{"a key that is found", xored(recordOf(main, 200, rawOf(genesis)), aKey), nil, aKey},
		{"a key that could be found, damaged", xored(recordOf(main, 200, rawOf(badGenesis)), aKey), nil, nil},
		{"a key that could be found, damaged, and another block", xored(recordOf(main, 200, rawOf(badGenesis))+recordOf(main, 200, second), aKey), nil, nil},
	} {
		if got := blockFileKey([]byte(tc.start), tc.given); string(got) != string(tc.key) || (got == nil) != (tc.key == nil) {
			t.Errorf("%s: key %x, want %x", tc.what, got, tc.key)
		}
	}
}

func TestRecordRepeats(t *testing.T) {
	for _, tc := range []struct {
		body  string
		after uint64
		want  bool
	}{
		{"123\x01\x02\x03\x04", 0, true},
		{"123\x01\x02\x03\x04", 1, false},
		{"1234\x01\x02\x03\x04", 1, true},
		{"123\x01\x02\x03\x05", 0, false},
		{"123\x01\x02\x03", 0, false}, // cut off
		{"123\x01", 0, false},
		{"12", 0, false},
		{"12", 100, false},
	} {
		if got := (record{magic: 0x04030201, size: 3, body: []byte(tc.body)}).repeats(tc.after); got != tc.want {
			t.Errorf("%q after %d bytes: %v, want %v", tc.body, tc.after, got, tc.want)
		}
	}
}

// TestResemblesHeader judges headers with one field that no header has, so that one more
// decides.
func TestResemblesHeader(t *testing.T) {
	good := realHeaders(t, 1)[0]
	good.Bits |= 0x00800000 // negative
	raw := rawOf(good)
	if !resemblesHeader([]byte(raw)) || !resemblesHeader([]byte(raw+"more")) {
		t.Error("three usual fields are not enough")
	}
	if resemblesHeader([]byte(raw[:pow.HeaderSize-1])) || resemblesHeader(nil) {
		t.Error("less than a header resembles one")
	}
	for version, want := range map[int32]bool{
		0: false, 1: true, 4: true, 5: false, -1: false, 1<<29 - 1: false, 1 << 29: true, 0x3fffffff: true, 0x40000000: false,
	} {
		h := good
		h.Version = version
		if got := resemblesHeader([]byte(rawOf(h))); got != want {
			t.Errorf("version %08x: %v, want %v", uint32(version), got, want)
		}
	}
	for time, want := range map[uint32]bool{Main().Genesis.Time: true, Main().Genesis.Time - 1: false} {
		h := good
		h.Time = time
		if got := resemblesHeader([]byte(rawOf(h))); got != want {
			t.Errorf("time %d: %v, want %v", time, got, want)
		}
	}
	for at, want := range map[int]bool{27: true, 28: false, 31: false} {
		h := good
		h.Prev[at] = 1
		if got := resemblesHeader([]byte(rawOf(h))); got != want {
			t.Errorf("byte %d of the parent's hash is not zero: %v, want %v", at, got, want)
		}
	}
}

// TestNameRecords checks what is said of files of records without blocks that can be
// checked, at the bounds of what makes one.
func TestNameRecords(t *testing.T) {
	const unknown, undo, foreign = 0x12345678, "undo file", "another network"
	main := Main().Magic
	header := rawOf(damaged(realHeaders(t, 1)[0]))
	junk := strings.Repeat("\x9a\x03", 200)
	for _, tc := range []struct {
		what, start string
		want        string
	}{
		{"nothing", "", ""},
		{"three bytes", recordOf(main, 70, junk)[:3], ""},
		{"one byte too few", recordOf(main, 70, junk)[:recordHead+3], ""},
		{"just enough", recordOf(main, 70, junk)[:recordHead+4], undo},
		{"no size", recordOf(main, 0, "") + junk, ""},
		{"the largest size", recordOf(0xdbb6c0fb, maxBlockSize, "") + junk, "Litecoin"},
		{"too large a size", recordOf(0xdbb6c0fb, maxBlockSize+1, "") + junk, ""},
		{"no magic, and a header", recordOf(0, 200, header), ""},
		{"no magic, and another record", recordOf(0, 200, junk) + recordOf(0, 200, junk), ""},
		{"another record", recordOf(unknown, 70, "") + recordOf(unknown, 70, ""), foreign},
		{"another record after a checksum", recordOf(unknown, 70, "") + junk[:32] + recordOf(unknown, 70, ""), undo},
		{"a header without room for a body", recordOf(unknown, pow.HeaderSize, header), ""},
		{"a header", recordOf(unknown, pow.HeaderSize+1, header), foreign},
		{"neither", recordOf(unknown, 200, "") + junk, ""},
		{"Litecoin", recordOf(0xdbb6c0fb, 200, "") + junk, "Litecoin (magic fbc0b6db)"},
		{"Dogecoin", recordOf(0xc0c0c0c0, 200, "") + junk, "Dogecoin (magic c0c0c0c0)"},
		{"Dash", recordOf(0xbd6b0cbf, 200, "") + junk, "Dash (magic bf0c6bbd)"},
		{"Namecoin", recordOf(0xfeb4bef9, 200, "") + junk, "Namecoin, whose blocks are mined together with Bitcoin's (magic f9beb4fe)"},
		{"Zcash", recordOf(0x6427e924, 200, "") + junk, "Zcash (magic 24e92764)"},
	} {
		for _, key := range [][]byte{nil, aKey} {
			start := tc.start
			if key != nil {
				start = xored(start, key)
			}
			if got := nameRecords([]byte(start), key); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("%s, key %x: %q, want %q", tc.what, key, got, tc.want)
			}
		}
	}
}

// TestPlacesInBlockFiles checks the place of each header, and of what is wrong behind
// them. The file may end behind a block, without room for more.
func TestPlacesInBlockFiles(t *testing.T) {
	const magic = 0x0709110b // of testnet3
	all := realHeaders(t, 2)
	first := recordOf(magic, 205, rawOf(all[0]))
	for _, tc := range []struct {
		what, rest, want, where string
	}{
		{"another block", recordOf(magic, 200, rawOf(all[1])), "", "byte 221"},
		{"nothing", "", "", "byte 8"},
		{"room", strings.Repeat("\x00", 100), "", "byte 8"},
		{"seven zeros", "\x00\x00\x00\x00\x00\x00\x00\x01 and more", "malformed: 00000000 is not the magic", "byte 213"},
		{"half a magic", recordOf(magic, 200, "")[:2], "truncated: the stream ends in the magic and length", "byte 213"},
		{"half a size", recordOf(magic, 200, "")[:7], "truncated: the stream ends in the magic and length", "byte 213"},
		{"no header", recordOf(magic, 200, "")[:8], "truncated: the stream ends inside a header", "byte 221"},
		{"another magic", recordOf(magic+1, 200, rawOf(all[1])), "malformed: 0c110907 is not the magic", "byte 213"},
		{"no body", recordOf(magic, 80, rawOf(all[1])), "malformed: a block of 80 bytes", "byte 213"},
		{"a body of one byte", recordOf(magic, 81, rawOf(all[1])), "", "byte 221"},
		{"the largest block", recordOf(magic, maxBlockSize, rawOf(all[1])), "truncated: the stream ends inside the block of header " + all[1].Hash().String(), "byte 221"},
		{"too large a block", recordOf(magic, maxBlockSize+1, rawOf(all[1])), "malformed: a block of 33554433 bytes", "byte 213"},
	} {
		for _, key := range [][]byte{nil, aKey} {
			stream := first + tc.rest
			if key != nil && tc.what != "room" { // which is zero without the key
				stream = xored(stream, key)
			} else if key != nil {
				stream = xored(first, key) + tc.rest
			}
			reader := NewMultiReader(streams(Stream{strings.NewReader(stream), key}))
			if h, err := reader.Next(); err != nil || h != all[0] || reader.Where() != "byte 8" {
				t.Errorf("%s: %v, %v, %s", tc.what, h, err, reader.Where())
			}
			if tc.want == "" && tc.where != "byte 8" {
				if h, err := reader.Next(); err != nil || h != all[1] || reader.Where() != tc.where {
					t.Errorf("%s: %v, %v, %s", tc.what, h, err, reader.Where())
				}
			}
			_, err := reader.Next()
			if ends := errors.Is(err, io.EOF); ends != (tc.want == "") || err == nil || !strings.Contains(err.Error(), tc.want) || reader.Where() != tc.where {
				t.Errorf("%s, key %x: %v at %s, want %q at %s", tc.what, key, err, reader.Where(), tc.want, tc.where)
			}
		}
	}
}
