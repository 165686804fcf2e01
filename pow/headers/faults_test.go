package headers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lodepow/lode/pow"
)

// rawOf returns the bytes of headers.
func rawOf(all ...pow.Header) string {
	var raw bytes.Buffer
	for _, h := range all {
		b := h.Bytes()
		raw.Write(b[:])
	}
	return raw.String()
}

// recordOf returns a record of a block file, of which size is the length that it states.
// What a body has less than that is filled up with bytes that are not zero.
func recordOf(magic uint32, size int, body string) string {
	record := binary.LittleEndian.AppendUint32(nil, magic)
	record = binary.LittleEndian.AppendUint32(record, uint32(size))
	record = append(record, body...)
	if rest := size - len(body); rest > 0 && size < maxBlockSize {
		record = append(record, bytes.Repeat([]byte{0xff}, rest)...)
	}
	return string(record)
}

// damaged returns a header like h that does not prove its work.
func damaged(h pow.Header) pow.Header {
	h.Nonce ^= 1 << 30
	return h
}

// failsOnce is a stream that fails once, at one of its bytes, and then goes on. Before
// that byte it is read in large pieces, up to the last ones.
type failsOnce struct {
	rest  string
	left  int // bytes before the failure
	fault error
}

func (f *failsOnce) Read(p []byte) (int, error) {
	if f.left == 0 && f.fault != nil {
		err := f.fault
		f.fault = nil
		return 0, err
	}
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), len(f.rest))
	if f.fault != nil {
		n = min(n, f.left)
		f.left -= n
	}
	copy(p, f.rest[:n])
	f.rest = f.rest[n:]
	return n, nil
}

// TestFaultsLoseNothing lets streams fail once, at many bytes of their last headers. The
// failure must be returned, or the reader goes on without a loss if the stream does. It
// must not end as if it had read everything.
func TestFaultsLoseNothing(t *testing.T) {
	fault := errors.New("the disk is gone")
	all := realHeaders(t, 4)
	filler := func(text string) string { return strings.Repeat(text, (1<<16)/len(text)) } // as much as is read at first
	zeros := strings.Repeat("\x00", pow.HeaderSize)
	for name, tc := range map[string]struct {
		start, end string
		returned   bool // always
	}{
		"raw":            {filler(rawOf(all[0])), rawOf(all[1:]...), true},
		"a hole":         {filler(zeros), zeros + zeros + rawOf(all[1:]...), true},
		"zeros after":    {filler(rawOf(all[0])), zeros + zeros + zeros[:60], true},
		"hex":            {filler(all[0].String() + "\n"), "a label:\n" + all[1].String() + "\n0x" + all[2].String() + "\n" + wrap(all[3].String(), 7), false},
		"text with hex":  {filler(`"` + all[0].String() + `", `), `"` + digitsOf(all[1:3]...) + strings.Repeat("ff", 300) + `"` + all[3].String(), false},
		"block file":     {recordOf(Main().Magic, 1<<16-recordHead, rawOf(all[0])), strings.TrimRight(blockFileOf(all[1:], Main(), nil), "\x00"), false},
		"getblockheader": {filler(coreJSON(all[0]) + "\n"), coreJSON(all[1]) + "\n" + coreJSON(all[2]), true},
	} {
		stream := tc.start + tc.end
		want, whole, err := readAll(strings.NewReader(stream))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		places := []int{0, 1, 100, 1000, 1<<16 - 1}
		step := 1 + len(tc.end)/150
		if name == "hex" || name == "text with hex" {
			step = 1 // because a few bytes matter
		}
		for at := 1 << 16; at <= len(stream); at += step {
			places = append(places, at)
		}
		for _, at := range places {
			got, reader, err := readAll(&failsOnce{stream, at, fault})
			if wentOn := err == nil && slices.Equal(got, want) && reader.Strays() == whole.Strays(); !errors.Is(err, fault) && (!wentOn || tc.returned || at < 1<<16) {
				t.Errorf("%s, failure at byte %d of %d: %d of %d headers, %v", name, at, len(stream), len(got), len(want), err)
				break
			}
		}
	}
}

// TestHeadersBeforeAFault checks that the headers before a failure are returned, with what
// ends behind them in the text.
func TestHeadersBeforeAFault(t *testing.T) {
	fault := errors.New("the disk is gone")
	all := realHeaders(t, 2)
	text := `"` + all[0].String() + `",` + strings.Repeat(" ", 1<<16) + `"` + all[1].String() + `",`
	got, _, err := readAll(io.MultiReader(strings.NewReader(text), iotest.ErrReader(fault)))
	if !errors.Is(err, fault) || !slices.Equal(got, all) {
		t.Errorf("%d headers, %v; want 2 and the failure", len(got), err)
	}
}
