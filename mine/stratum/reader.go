package stratum

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Lengths of the longest lines, without the end of the line.
const (
	// MaxMinerLine is for what a miner sends to a pool. The longest message is a
	// submission, or a configuration with extensions that nobody knows.
	MaxMinerLine = 4 << 10

	// MaxPoolLine is for what a pool sends to a miner. The longest message is a job
	// whose coinbase pays many outputs.
	MaxPoolLine = 256 << 10
)

// readerSize is the memory of a reader at the beginning, which suffices for the lines
// of an ordinary session.
const readerSize = 1 << 10

// ErrLineTooLong is the error for a line that is longer than the reader's limit.
var ErrLineTooLong = errors.New("line is too long")

// Reader reads lines. It holds one line at a time, so an endless line costs at most
// the limit, plus a buffer of 1 KiB.
type Reader struct {
	in    *bufio.Reader
	limit int
	long  []byte // the beginning of a line that did not fit the buffer of in
	err   error  // the first error, which is also that of all later calls
}

// NewReader returns a reader of lines of at most limit bytes.
func NewReader(r io.Reader, limit int) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, min(limit+2, readerSize)), limit: limit}
}

// ReadLine returns the next line without its end, which is a line feed that may
// follow a carriage return. The slice is valid until the next call. An empty line is
// returned like any other, so that the caller can count it.
//
// At the end of the input the error is [io.EOF], or [io.ErrUnexpectedEOF] if the last
// line has no end. It is [ErrLineTooLong], with details, if the line exceeds the limit.
// After an error, all further calls return the same error.
func (r *Reader) ReadLine() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	line, err := r.readLine()
	if err != nil {
		r.err = err
		r.long = nil
		return nil, err
	}
	return line, nil
}

func (r *Reader) readLine() ([]byte, error) {
	part, err := r.in.ReadSlice('\n')
	if err == nil {
		r.long = nil // do not keep the memory of a long line that has passed
		return r.trim(part)
	}
	r.long = r.long[:0]
	for {
		if len(r.long)+len(part) > r.limit+2 {
			return nil, r.tooLong()
		}
		r.long = append(r.long, part...)
		switch {
		case err == nil:
			return r.trim(r.long)
		case errors.Is(err, io.EOF) && len(r.long) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
		part, err = r.in.ReadSlice('\n')
	}
}

// trim removes the end of the line and checks the length of the rest.
func (r *Reader) trim(line []byte) ([]byte, error) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > r.limit {
		return nil, r.tooLong()
	}
	return line, nil
}

func (r *Reader) tooLong() error {
	return fmt.Errorf("%w: it has more than %d bytes", ErrLineTooLong, r.limit)
}
