package headers

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

const metadataSize = 10 // bytes that Neutrino writes before the headers

// isMetadata reports whether b begins with Neutrino's metadata: the magic of a network,
// and then zeros for version and type. No real header has the magic of a known network as
// its version. After that of another one, such as a signet of one's own, a header must
// follow that proves its work.
func isMetadata(b []byte) bool {
	return len(b) >= metadataSize && b[4] == 0 && b[5] == 0 &&
		(networkOfMagic(binary.LittleEndian.Uint32(b)) != nil || !provesWork(b) && provesWork(b[metadataSize:]))
}

// isOtherMetadata reports whether b begins with metadata of another version or of
// another type of headers.
func isOtherMetadata(b []byte) bool {
	return len(b) >= metadataSize && b[4] <= 1 && b[5] <= 3 && networkOfMagic(binary.LittleEndian.Uint32(b)) != nil
}

// raw reads a header of 80 bytes.
func (r *Reader) raw() (pow.Header, error) {
	r.at = r.hole + r.count*pow.HeaderSize
	raw, err := r.in.Peek(pow.HeaderSize)
	switch {
	case len(raw) == pow.HeaderSize:
	case errors.Is(err, io.EOF) && len(raw) > 0:
		return pow.Header{}, reject.New(Truncated, "the stream ends after %d of the header's 80 bytes", len(raw))
	default:
		return pow.Header{}, err
	}
	h := pow.DecodeHeader((*[pow.HeaderSize]byte)(raw))
	zeros := h.Version == 0 && allZero(raw)
	if _, err := r.in.Discard(pow.HeaderSize); err != nil {
		return pow.Header{}, err
	}
	if r.count > 0 && zeros {
		return pow.Header{}, r.afterHole()
	}
	return h, nil
}

// skipHole advances past the zeros in which Electrum leaves room for the headers
// before its first checkpoint. The height of the first header follows from their
// number.
func (r *Reader) skipHole() error {
	r.form.name = "Electrum's file of headers"
	for {
		start, err := r.in.Peek(pow.HeaderSize)
		if len(start) < pow.HeaderSize || !allZero(start) {
			if r.index == 0 {
				r.height, r.heightKnown = uint32(r.hole/pow.HeaderSize), true
			}
			if errors.Is(err, io.EOF) {
				err = nil // the next read reports it
			}
			return err
		}
		if _, err := r.in.Discard(pow.HeaderSize); err != nil {
			return err
		}
		r.hole += pow.HeaderSize
	}
}

// afterHole returns the error for zeros after headers: the end of the stream if nothing
// follows them.
func (r *Reader) afterHole() error {
	for n := 1; ; n++ {
		read, err := io.ReadFull(r.in, r.buf[:])
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err // after a part of a header's size, the next call returns io.EOF
		}
		if !allZero(r.buf[:read]) {
			return reject.New(Malformed, "%d headers are missing here: the file has zeros in their place, and goes on behind them. "+
				"Electrum leaves such holes until it needs the headers; cut the file in two there", n)
		}
	}
}
