package headers

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/lodepow/lode/pow"
)

// Reader reads headers one after another from a stream in any of three forms,
// which it tells apart by the first bytes:
//
//   - raw: 80 bytes a header, nothing between;
//   - hex: 160 digits a header, one a line; a line may begin with a label that
//     ends in a colon, and may be empty;
//   - raw after the ten bytes of metadata that Neutrino puts before the headers
//     it exports: network magic, version 0, type 0, height of the first header.
type Reader struct {
	in    *bufio.Reader
	next  func() (pow.Header, error)
	lines *bufio.Scanner
	count uint64 // headers read
	at    uint64 // byte or line where the latest header begins

	network *Network // of the metadata
	height  uint32
}

const (
	metadataSize = 10
	maxLine      = 1024
)

// NewReader returns a reader. It reads nothing yet.
func NewReader(r io.Reader) *Reader {
	reader := &Reader{in: bufio.NewReaderSize(r, 1<<16)}
	reader.next = reader.first
	return reader
}

// Next returns the next header. At the end of the stream it returns [io.EOF],
// and an [*Error] where the stream is not made of headers.
func (r *Reader) Next() (pow.Header, error) { return r.next() }

// Where says where in the stream the header that Next returned or refused
// begins.
func (r *Reader) Where() string {
	if r.lines != nil {
		return fmt.Sprintf("line %d", r.at)
	}
	return fmt.Sprintf("byte %d", r.at)
}

// Metadata returns the network and the height of the first header if the stream
// began with them. It is known after the first call of Next.
func (r *Reader) Metadata() (network *Network, height uint32, ok bool) {
	return r.network, r.height, r.network != nil
}

// first finds out the form, settles it and reads the first header.
func (r *Reader) first() (pow.Header, error) {
	start, err := r.in.Peek(pow.HeaderSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return pow.Header{}, err
	}
	switch {
	case isText(start):
		r.lines = bufio.NewScanner(r.in)
		r.lines.Buffer(make([]byte, maxLine), maxLine)
		r.next = r.hex
	case isMetadata(start):
		if err := r.metadata(start); err != nil {
			return pow.Header{}, err
		}
		r.next = r.raw
	default:
		r.next = r.raw
	}
	return r.next()
}

// isText holds for hex digits with labels. It never holds for a header: the
// parent's hash begins or ends with zero bytes, and so do small versions.
func isText(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// isMetadata holds where the bytes 4 and 5, version and type, are zero as the
// metadata wants them and the first four are no version that a header has had,
// but those of a network.
func isMetadata(b []byte) bool {
	return len(b) >= metadataSize && b[4] == 0 && b[5] == 0 &&
		networkOfMagic(binary.LittleEndian.Uint32(b)) != nil
}

func (r *Reader) metadata(b []byte) error {
	r.network = networkOfMagic(binary.LittleEndian.Uint32(b))
	r.height = binary.LittleEndian.Uint32(b[6:])
	_, err := r.in.Discard(metadataSize)
	return err
}

func (r *Reader) raw() (pow.Header, error) {
	r.at = r.count * pow.HeaderSize
	if r.network != nil {
		r.at += metadataSize
	}
	var raw [pow.HeaderSize]byte
	n, err := io.ReadFull(r.in, raw[:])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return pow.Header{}, refuse(Truncated, "the stream ends after %d of the header's 80 bytes", n)
	}
	if err != nil {
		return pow.Header{}, err
	}
	r.count++
	return pow.DecodeHeader(&raw), nil
}

func (r *Reader) hex() (pow.Header, error) {
	for r.lines.Scan() {
		r.at++
		line := bytes.TrimSpace(r.lines.Bytes())
		if i := bytes.IndexByte(line, ':'); i >= 0 {
			line = bytes.TrimSpace(line[i+1:])
		}
		if len(line) == 0 {
			continue
		}
		h, err := pow.ParseHeader(string(line))
		if err != nil {
			return pow.Header{}, refuse(Malformed, "%v", err)
		}
		r.count++
		return h, nil
	}
	if err := r.lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		r.at++
		return pow.Header{}, refuse(Malformed, "a line of over %d characters is no header: want 160 hex digits", maxLine)
	} else if err != nil {
		return pow.Header{}, err
	}
	return pow.Header{}, io.EOF
}
