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

// Reader reads headers one after another from a stream in any of three forms,
// which it tells apart by the first bytes:
//
//   - raw: 80 bytes a header, nothing between;
//   - hex: 160 digits a header, with any white space between and within; a line
//     may begin with a label that ends in a colon;
//   - raw after the ten bytes of metadata that Neutrino puts before the headers
//     it exports: network magic, version 0, type 0, height of the first header.
type Reader struct {
	in    *bufio.Reader
	next  func() (pow.Header, error)
	buf   [pow.HeaderSize]byte
	count uint64 // headers read
	at    uint64 // byte where the latest header begins, or its line

	line       uint64 // in hex, the line that is read, from 1
	lineBegins bool

	network *Network // of the metadata
	height  uint32
}

const (
	metadataSize = 10
	maxLabel     = 64
	byteOrder    = "\ufeff" // some editors begin a text with it
)

// NewReader returns a reader. It reads nothing yet.
func NewReader(r io.Reader) *Reader {
	reader := &Reader{in: bufio.NewReaderSize(r, 1<<16)}
	reader.next = reader.first
	return reader
}

// Next returns the next header. At the end of the stream it returns [io.EOF],
// and a [reject.Error] where the stream is not made of headers.
func (r *Reader) Next() (pow.Header, error) { return r.next() }

// Where says where in the stream the header that Next returned or refused
// begins.
func (r *Reader) Where() string {
	if r.line > 0 {
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

// isText holds for hex digits with labels. It never holds for a header: the
// parent's hash begins or ends with zero bytes, and so do small versions.
func isText(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && !isSpace(c) {
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

// digits fills the buffer from the next 160 digits.
func (r *Reader) digits() error {
	// Almost always they stand together.
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

// skipSpace steps to the next byte that is not white space, counting lines.
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

// hexEnd is what an error means after so many digits of a header.
func hexEnd(err error, digits int) error {
	if errors.Is(err, io.EOF) && digits > 0 {
		return reject.New(Truncated, "the stream ends after %d of the header's 160 hex digits", digits)
	}
	return err
}

// skipLabel steps over what stands before a colon at the beginning of a line.
func (r *Reader) skipLabel() {
	start, _ := r.in.Peek(maxLabel) // an error comes again when it is read
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
