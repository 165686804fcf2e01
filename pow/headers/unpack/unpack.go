// Package unpack undoes what people do to files of headers before they pass them on:
// compression (gzip, bzip2, xz, Zstandard), and the UTF-16 in which some shells of
// Windows redirect text. It is apart from package headers, because it needs libraries
// that a program without compressed files should not have to build.
package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const (
	maxLayers = 3        // of compression, one inside the other
	maxWindow = 64 << 20 // bytes of memory for a Zstandard window or an xz dictionary
)

// UnsupportedError says that a file is of a known form that this package does not
// undo.
type UnsupportedError struct{ Form, Advice string }

func (e UnsupportedError) Error() string { return "this is " + e.Form + ": " + e.Advice }

// Open returns a reader of what is inside the stream, and the names of the layers that
// it undoes, the outermost first. A stream without any is returned as it is. An error
// of the stream's first bytes is returned; damage further on is an error of the
// reader.
func Open(r io.Reader) (inside io.Reader, layers []string, err error) {
	for {
		in := bufio.NewReaderSize(r, 1<<16)
		start, err := in.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, layers, err // a read after Peek would not return it again
		}
		name, open, err := layerOf(start)
		if err != nil || open == nil {
			return in, layers, err
		}
		if len(layers) == maxLayers {
			return nil, layers, fmt.Errorf("the stream is compressed more than %d times: decompress it first", maxLayers)
		}
		layers = append(layers, name)
		if r, err = open(in); err != nil {
			return nil, layers, fmt.Errorf("%s: %w", name, err)
		}
	}
}

// layerOf recognises a layer by the first bytes of a stream. open is nil if there is
// none.
func layerOf(start []byte) (name string, open func(*bufio.Reader) (io.Reader, error), err error) {
	has := func(magic string) bool { return bytes.HasPrefix(start, []byte(magic)) }
	switch {
	case has("\x1f\x8b\x08"):
		return "gzip", func(in *bufio.Reader) (io.Reader, error) { return gzip.NewReader(in) }, nil
	case has("BZh") && len(start) > 10 && (string(start[4:10]) == "1AY&SY" || string(start[4:10]) == "\x17rE8P\x90"):
		return "bzip2", func(in *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(in), nil }, nil
	case has("\xfd7zXZ\x00"):
		return "xz", func(in *bufio.Reader) (io.Reader, error) { return xz.ReaderConfig{DictCap: maxWindow}.NewReader(in) }, nil
	case has("\x28\xb5\x2f\xfd"):
		return "zstd", openZstd, nil
	case has("\xff\xfe"):
		return "UTF-16", func(in *bufio.Reader) (io.Reader, error) { return newUTF16(in, false), nil }, nil
	case has("\xfe\xff"):
		return "UTF-16", func(in *bufio.Reader) (io.Reader, error) { return newUTF16(in, true), nil }, nil
	case has("PK\x03\x04"):
		return "", nil, UnsupportedError{"a zip archive", "unpack it first, for example with unzip"}
	case has("7z\xbc\xaf\x27\x1c"):
		return "", nil, UnsupportedError{"a 7z archive", "unpack it first, for example with 7z x"}
	case has("Rar!\x1a\x07"):
		return "", nil, UnsupportedError{"a rar archive", "unpack it first"}
	case has("\x04\x22\x4d\x18"):
		return "", nil, UnsupportedError{"compressed with lz4", "decompress it first: lz4 -dc FILE | lode verify"}
	case has("\xff\x06\x00\x00sNaPpY"):
		return "", nil, UnsupportedError{"compressed with Snappy", "decompress it first"}
	case has("\x1f\x9d"):
		return "", nil, UnsupportedError{"compressed with compress (.Z)", "decompress it first: zcat FILE | lode verify"}
	case has("LZIP"):
		return "", nil, UnsupportedError{"compressed with lzip", "decompress it first: lzip -dc FILE | lode verify"}
	case len(start) >= 262 && string(start[257:262]) == "ustar":
		return "", nil, UnsupportedError{"a tar archive", "unpack it first, or name one file: tar -xOf FILE NAME | lode verify"}
	}
	return "", nil, nil
}

// openZstd returns a decoder that needs no goroutines, so that nobody has to close it.
func openZstd(in *bufio.Reader) (io.Reader, error) {
	return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
}

// utf16Reader translates UTF-16 into UTF-8. A unit that is not valid becomes the
// replacement character.
type utf16Reader struct {
	in   *bufio.Reader
	big  bool
	left []byte // translated, but not read yet
}

func newUTF16(in *bufio.Reader, big bool) io.Reader {
	_, _ = in.Discard(2) // the byte order mark, which was peeked at
	return &utf16Reader{in: in, big: big}
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.left) == 0 {
		c, err := u.unit()
		if err != nil {
			return 0, err
		}
		r := rune(c)
		if utf16.IsSurrogate(r) {
			next, err := u.unit()
			if err != nil {
				return 0, err
			}
			r = utf16.DecodeRune(r, rune(next))
		}
		u.left = []byte(string(r))
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

// unit reads one unit. A single byte at the end of the stream is a truncation.
func (u *utf16Reader) unit() (uint16, error) {
	var b [2]byte
	if _, err := io.ReadFull(u.in, b[:]); err != nil {
		return 0, err
	}
	if u.big {
		return uint16(b[0])<<8 | uint16(b[1]), nil
	}
	return uint16(b[1])<<8 | uint16(b[0]), nil
}
