package headers

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// Reader reads headers from a stream. It recognises three formats by the first
// bytes:
//
//   - raw: the 80 bytes of each header, one header after another;
//   - hex: the 160 digits of each header, with any white space between and inside
//     headers; a line may begin with a label that ends in a colon;
//   - raw after ten bytes of metadata, as exported by Neutrino: network magic,
//     version 0, type 0, height of the first header.
type Reader struct {
	in    *bufio.Reader
	next  func() (pow.Header, error) // reads a header in the stream's format
	buf   [pow.HeaderSize]byte
	count uint64 // headers read
	at    uint64 // where the latest header begins: a byte offset or, in hex, a line

	line       uint64 // number of the current line, from 1; 0 unless the format is hex
	lineBegins bool   // nothing but white space has been read from the line

	network *Network // from the metadata; nil if there is none
	height  uint32   // from the metadata
}

const (
	metadataSize = 10
	maxLabel     = 64       // bytes, including the colon
	byteOrder    = "\ufeff" // the byte order mark, with which some editors begin a text
)

// NewReader returns a reader of the stream. It reads nothing before Next is called.
func NewReader(r io.Reader) *Reader {
	reader := &Reader{in: bufio.NewReaderSize(r, 1<<16)}
	reader.next = reader.first
	return reader
}

// Next returns the next header. At the end of the stream the error is [io.EOF]. If
// the stream is malformed or truncated, the error is a [reject.Error].
func (r *Reader) Next() (pow.Header, error) { return r.next() }

// Where returns the position at which the header begins that Next has returned or
// refused last, for example "line 3" or "byte 160".
func (r *Reader) Where() string {
	if r.line > 0 {
		return fmt.Sprintf("line %d", r.at)
	}
	return fmt.Sprintf("byte %d", r.at)
}

// Metadata returns the network and the height of the first header, if the stream
// begins with them. They are known after the first call of Next.
func (r *Reader) Metadata() (network *Network, height uint32, ok bool) {
	return r.network, r.height, r.network != nil
}

// first recognises the format, and reads the first header.
func (r *Reader) first() (pow.Header, error) {
	start, err := r.in.Peek(pow.HeaderSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return pow.Header{}, err
	}
	if text, ok := bytes.CutPrefix(start, []byte(byteOrder)); ok && isText(text) {
		start = text
		if _, err := r.in.Discard(len(byteOrder)); err != nil {
			return pow.Header{}, err
		}
	}
	switch {
	case isText(start):
		r.line, r.lineBegins = 1, true
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

// isText reports whether b is printable, as hex digits and labels are. A raw header
// is not, because the hash of its parent contains zero bytes.
func isText(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && !isSpace(c) {
			return false
		}
	}
	return true
}

// isMetadata reports whether b begins with metadata: the magic of a known network,
// and then zeros for version and type. No real header has such a magic as its
// version.
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
	n, err := io.ReadFull(r.in, r.buf[:])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return pow.Header{}, reject.New(Truncated, "the stream ends after %d of the header's 80 bytes", n)
	}
	if err != nil {
		return pow.Header{}, err
	}
	r.count++
	return pow.DecodeHeader(&r.buf), nil
}

func (r *Reader) hex() (pow.Header, error) {
	if err := r.skipSpace(); err != nil {
		return pow.Header{}, err
	}
	if r.lineBegins {
		r.skipLabel()
	}
	r.at = r.line
	if err := r.digits(); err != nil {
		return pow.Header{}, err
	}
	r.count++
	return pow.DecodeHeader(&r.buf), nil
}

// digits reads the next 160 hex digits into the buffer.
func (r *Reader) digits() error {
	// This is the fast path for digits without white space between them.
	if together, err := r.in.Peek(hex.EncodedLen(len(r.buf))); err == nil {
		if _, err := hex.Decode(r.buf[:], together); err == nil {
			_, err := r.in.Discard(len(together))
			return err
		}
	}
	for n := 0; n < 2*len(r.buf); {
		if err := r.skipSpace(); err != nil {
			return hexEnd(err, n)
		}
		c, err := r.in.ReadByte()
		if err != nil {
			return hexEnd(err, n)
		}
		digit, ok := hexDigit(c)
		if !ok {
			return reject.New(Malformed, "%q is no hex digit", c)
		}
		r.buf[n/2] = r.buf[n/2]<<4 | digit
		n++
	}
	return nil
}

// skipSpace advances to the next byte that is not white space, and counts lines.
func (r *Reader) skipSpace() error {
	for {
		c, err := r.in.ReadByte()
		if err != nil {
			return err
		}
		if !isSpace(c) {
			return r.in.UnreadByte()
		}
		if c == '\n' {
			r.line++
			r.lineBegins = true
		}
	}
}

// hexEnd returns the error for a read that failed after the given number of digits
// of a header. The end of the stream inside a header is a truncation.
func hexEnd(err error, digits int) error {
	if errors.Is(err, io.EOF) && digits > 0 {
		return reject.New(Truncated, "the stream ends after %d of the header's 160 hex digits", digits)
	}
	return err
}

// skipLabel advances past a label and its colon at the beginning of a line, if
// there is one.
func (r *Reader) skipLabel() {
	start, _ := r.in.Peek(maxLabel) // if there is an error, the next read returns it
	if end := bytes.IndexByte(start, '\n'); end >= 0 {
		start = start[:end]
	}
	if colon := bytes.IndexByte(start, ':'); colon >= 0 {
		_, _ = r.in.Discard(colon + 1)
	}
	r.lineBegins = false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func hexDigit(c byte) (digit byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
