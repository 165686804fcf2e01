package unpack

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const text = "headers\n"

func gz(t testing.TB, data string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	return finish(t, w, data, &out)
}

func finish(t testing.TB, w io.WriteCloser, data string, out *bytes.Buffer) string {
	t.Helper()
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func utf16Of(order binary.AppendByteOrder, data string) string {
	out := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(data)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// TestOpen checks each kind of layer, and two of them one inside the other.
func TestOpen(t *testing.T) {
	var xzOut, zstdOut bytes.Buffer
	xzWriter, err := xz.NewWriter(&xzOut)
	if err != nil {
		t.Fatal(err)
	}
	zstdWriter, err := zstd.NewWriter(&zstdOut)
	if err != nil {
		t.Fatal(err)
	}
	bzip2, err := hex.DecodeString("425a6839314159265359eb86cf8a000002c1800010264018002000310c010d334963025f177245385090eb86cf8a")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ stream, want, layers string }{
		"none":           {text, text, ""},
		"empty":          {"", "", ""},
		"gzip":           {gz(t, text), text, "gzip"},
		"two members":    {gz(t, text) + gz(t, text), text + text, "gzip"},
		"bzip2":          {string(bzip2), text, "bzip2"},
		"xz":             {finish(t, xzWriter, text, &xzOut), text, "xz"},
		"zstd":           {finish(t, zstdWriter, text, &zstdOut), text, "zstd"},
		"UTF-16":         {utf16Of(binary.LittleEndian, "a𝄞"+text), "a𝄞" + text, "UTF-16"},
		"UTF-16, big":    {utf16Of(binary.BigEndian, "a𝄞"+text), "a𝄞" + text, "UTF-16"},
		"gzip in gzip":   {gz(t, gz(t, text)), text, "gzip gzip"},
		"UTF-16 in gzip": {gz(t, utf16Of(binary.LittleEndian, text)), text, "gzip UTF-16"},
	} {
		in, layers, err := Open(iotest.HalfReader(strings.NewReader(tc.stream)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(in)
		if err != nil || string(got) != tc.want || strings.Join(layers, " ") != tc.layers {
			t.Errorf("%s: %q in %q, %v", name, got, layers, err)
		}
	}
}

// TestRefusals checks that archives are called by their name, that a bomb of many
// layers is refused, and that damage and a broken disk are errors.
func TestRefusals(t *testing.T) {
	for _, magic := range []string{"PK\x03\x04", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07", "\x04\x22\x4d\x18", "\xff\x06\x00\x00sNaPpY", "\x1f\x9d", "LZIP", strings.Repeat("x", 257) + "ustar"} {
		_, _, err := Open(strings.NewReader(magic + strings.Repeat("\x00", 600)))
		if !errors.As(err, new(UnsupportedError)) || !strings.Contains(err.Error(), "first") {
			t.Errorf("%q: %v", magic, err)
		}
	}
	if _, _, err := Open(strings.NewReader(gz(t, gz(t, gz(t, gz(t, text)))))); err == nil || !strings.Contains(err.Error(), "more than 3 times") {
		t.Errorf("four layers: %v", err)
	}
	if _, layers, err := Open(strings.NewReader("\x1f\x8b\x08")); err == nil || len(layers) != 1 {
		t.Errorf("a gzip header cut off: %v", err)
	}
	in, _, err := Open(strings.NewReader(gz(t, strings.Repeat(text, 100))[:25]))
	if err == nil {
		_, err = io.ReadAll(in)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
	if _, _, err = Open(strings.NewReader("\xff\xfeabc")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a unit: %v", err)
	}
	broken := errors.New("disk on fire")
	if _, _, err := Open(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("%v, want the reader's error", err)
	}
}

// FuzzOpen checks that a damaged stream ends in an error or in data, and never in a
// panic. It reads at most a megabyte of what may be a bomb.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(gz(f, text)))
	f.Add([]byte(utf16Of(binary.LittleEndian, text)))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x58\x41\x00\x00headers\n"))
	f.Add([]byte("\xfd7zXZ\x00\x00\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, layers, err := Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		got, err := io.ReadAll(io.LimitReader(in, 1<<20))
		if err == nil && len(layers) == 0 && !bytes.Equal(got, data) {
			t.Errorf("%q became %q", data, got)
		}
	})
}
