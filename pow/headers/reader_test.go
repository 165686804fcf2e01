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
	"github.com/lodepow/lode/pow/reject"
)

func readAll(r io.Reader) (headers []pow.Header, reader *Reader, err error) {
	reader = NewReader(r)
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return headers, reader, nil
		}
		if err != nil {
			return headers, reader, err
		}
		headers = append(headers, h)
	}
}

func TestForms(t *testing.T) {
	main, test := Main().Genesis, Testnet3().Genesis
	want := []pow.Header{main, test}
	mainRaw, testRaw := main.Bytes(), test.Bytes()
	raw := string(mainRaw[:]) + string(testRaw[:])
	metadata := binary.LittleEndian.AppendUint32(nil, Main().Magic)
	metadata = append(metadata, 0, 0, 7, 1, 0, 0)

	for name, stream := range map[string]string{
		"raw":                raw,
		"metadata":           string(metadata) + raw,
		"hex":                main.String() + "\n" + test.String() + "\n",
		"upper case":         strings.ToUpper(main.String() + "\n" + test.String()),
		"windows":            main.String() + "\r\n\r\n" + test.String() + "\r\n",
		"labels":             "fork:" + main.String() + "\nfork: " + test.String(),
		"on one line":        main.String() + test.String(),
		"wrapped":            wrap(main.String()+test.String(), 60),
		"byte order mark":    byteOrder + main.String() + "\n" + test.String(),
		"hex for a label":    "bad: " + main.String() + "\ncafe:" + test.String(),
		"blank lines before": "\n\n  \n" + main.String() + "\n\n" + test.String(),
	} {
		for how, r := range map[string]io.Reader{
			"":              strings.NewReader(stream),
			", by the byte": iotest.OneByteReader(strings.NewReader(stream)),
		} {
			got, reader, err := readAll(r)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s%s: %v, %v", name, how, got, err)
			}
			network, height, ok := reader.Metadata()
			if ok != (name == "metadata") || ok && (network.Name != "main" || height != 263) {
				t.Errorf("%s%s: metadata %v, %d, %v", name, how, network, height, ok)
			}
		}
	}
}

func wrap(s string, width int) string {
	var b strings.Builder
	for ; len(s) > width; s = s[width:] {
		b.WriteString(s[:width] + "\n")
	}
	return b.String() + s
}

func TestEmptyStream(t *testing.T) {
	for _, stream := range []string{"", "\n", "  \n\n"} {
		if got, _, err := readAll(strings.NewReader(stream)); len(got) != 0 || err != nil {
			t.Errorf("%q: %v, %v; want nothing", stream, got, err)
		}
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, before := range []string{"", strings.Repeat("\x01", 100), Main().Genesis.String() + "\n"} {
		_, _, err := readAll(io.MultiReader(strings.NewReader(before), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v, want the reader's error", len(before), err)
		}
	}
}

func TestWhere(t *testing.T) {
	genesis := Main().Genesis
	raw := genesis.Bytes()
	_, reader, err := readAll(bytes.NewReader(slices.Concat(raw[:], raw[:], raw[:40])))
	if wantReason(t, err, Truncated); reader.Where() != "byte 160" {
		t.Errorf("raw: %s", reader.Where())
	}
	_, reader, err = readAll(strings.NewReader(genesis.String() + "\n\nnonsense"))
	if wantReason(t, err, Malformed); reader.Where() != "line 3" {
		t.Errorf("hex: %s", reader.Where())
	}
	metadata := append(binary.LittleEndian.AppendUint32(nil, Main().Magic), 0, 0, 7, 1, 0, 0)
	_, reader, err = readAll(bytes.NewReader(slices.Concat(metadata, raw[:], raw[:40])))
	if wantReason(t, err, Truncated); reader.Where() != "byte 90" {
		t.Errorf("after metadata: %s", reader.Where())
	}
}

// The reader must end on any stream, and refuse it only with a named reason. The
// headers that it has read must stay the same when written as hex and read again.
func FuzzReader(f *testing.F) {
	raw := Main().Genesis.Bytes()
	f.Add(raw[:])
	f.Add([]byte("fork:" + Main().Genesis.String() + "\n"))
	f.Add(append([]byte{0xf9, 0xbe, 0xb4, 0xd9, 0, 0, 0, 0, 0, 0}, raw[:]...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		headers, _, err := readAll(bytes.NewReader(stream))
		var e reject.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("error %v, want io.EOF or a reject.Error", err)
		}
		var hex strings.Builder
		for _, h := range headers {
			hex.WriteString(h.String() + "\n")
		}
		again, _, err := readAll(strings.NewReader(hex.String()))
		if len(headers) > 1 && !meetsOwnTarget(headers[0]) && !meetsOwnTarget(headers[1]) {
			wantReason(t, err, UnknownForm) // without work, hex digits are not taken for headers
			return
		}
		if err != nil || !slices.Equal(again, headers) {
			t.Errorf("%v was read again as %v (%v)", headers, again, err)
		}
	})
}

// The verifier must not panic on any stream, nor accept a header that does not
// prove its work.
func FuzzVerifier(f *testing.F) {
	genesis := Main().Genesis.Bytes()
	f.Add(genesis[:], true)
	f.Fuzz(func(t *testing.T, stream []byte, retarget bool) {
		s, _ := verifyStream(bytes.NewReader(stream), Config{Retarget: retarget})
		if uint64(len(stream)) < s.Headers*pow.HeaderSize && !isText(stream) {
			t.Errorf("%d headers out of %d bytes", s.Headers, len(stream))
		}
		if s.Headers > 0 && s.Best.Work == (pow.Work{}) {
			t.Errorf("headers without work: %+v", s)
		}
	})
}
