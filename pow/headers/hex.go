package headers

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// maxLabel bounds a label at the beginning of a line, including its colon.
const maxLabel = 64

// hex reads a header from text that consists of hex digits and labels.
func (r *Reader) hex() (pow.Header, error) {
	if err := r.skipSpace(); err != nil {
		return pow.Header{}, err
	}
	if r.lineBegins {
		r.skipLabel()
		if err := r.skipSpace(); err != nil {
			return pow.Header{}, err
		}
		if prefix, _ := r.in.Peek(2); string(prefix) == "0x" || string(prefix) == "0X" {
			if _, err := r.in.Discard(2); err != nil {
				return pow.Header{}, err
			}
		}
		r.lineBegins = false
	}
	r.at = r.line
	if err := r.digits(); err != nil {
		return pow.Header{}, err
	}
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
