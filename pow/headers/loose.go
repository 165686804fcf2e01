package headers

import (
	"errors"
	"io"

	"github.com/lodepow/lode/pow"
)

// loose reads the next header from text that has the hex digits of headers or of
// whole blocks between anything else, such as quotes, commas and the values of other
// columns. A run of digits that is shorter than a header is something else. Of a
// longer run, the digits after a header are either the header of its child or the
// rest of the block.
func (r *Reader) loose() (pow.Header, error) {
	const size = 2 * pow.HeaderSize
	for {
		next, err := r.in.Peek(size)
		if len(next) == 0 {
			return pow.Header{}, err
		}
		run := digitsAt(next)
		if cutOff(run, next, err) {
			return pow.Header{}, err
		}
		if run < size {
			// A run that ends here is too short, and so is one that the stream cuts off.
			if err := r.skipText(max(run, 1)); err != nil {
				return pow.Header{}, err
			}
			continue
		}
		h, err := pow.ParseHeader(string(next))
		if err != nil {
			return pow.Header{}, err
		}
		r.at = r.line
		if _, err := r.in.Discard(size); err != nil {
			return pow.Header{}, err
		}
		if err := r.skipBody(h); err != nil {
			return pow.Header{}, err
		}
		return h, nil
	}
}

// skipBody advances past the digits after a header, unless they are those of its
// child or of another header that proves its work.
func (r *Reader) skipBody(h pow.Header) error {
	const size = 2 * pow.HeaderSize
	next, err := r.in.Peek(size)
	run := digitsAt(next)
	if cutOff(run, next, err) {
		return err
	}
	if run == size {
		if child, err := pow.ParseHeader(string(next)); err == nil && (child.Prev == h.Hash() || meetsOwnTarget(child)) {
			return nil
		}
	}
	for {
		c, err := r.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := hexDigit(c); !ok {
			return r.in.UnreadByte()
		}
	}
}

// cutOff reports whether a failure of the stream, other than its end, cuts off a run of
// digits. The run may go on when the stream is read again, so its length is not known.
func cutOff(run int, next []byte, err error) bool {
	return err != nil && !errors.Is(err, io.EOF) && run == len(next)
}

// digitsAt returns how many hex digits b begins with.
func digitsAt(b []byte) int {
	for i, c := range b {
		if _, ok := hexDigit(c); !ok {
			return i
		}
	}
	return len(b)
}

// skipText advances by n bytes and counts lines.
func (r *Reader) skipText(n int) error {
	for range n {
		c, err := r.in.ReadByte()
		if err != nil {
			return err
		}
		if c == '\n' {
			r.line++
		}
	}
	return nil
}
