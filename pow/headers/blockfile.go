package headers

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

const (
	recordHead   = 8        // bytes before each block: magic and length
	keySize      = 8        // bytes of the key that block files are XORed with
	maxBlockSize = 32 << 20 // bytes; far more than any network allows
)

// blockFileKey returns the key of a block file, which is zero if the file is not
// XORed, or nil if the stream is no block file. Without a given key, it finds one:
// the first four bytes from the magic of a network, the others from bytes of the first
// header that are zero on the main network, the last eight of its parent's hash.
func blockFileKey(start, given []byte) []byte {
	const firstRecord = recordHead + pow.HeaderSize
	if len(start) < firstRecord {
		return nil
	}
	keys := [][]byte{make([]byte, keySize)}
	if len(given) == keySize {
		keys = append(keys, given)
	}
	for _, n := range Networks() {
		key := binary.LittleEndian.AppendUint32(nil, n.Magic^binary.LittleEndian.Uint32(start))
		const zeros = recordHead + 4 + 24 // of the parent's hash, in the order of bytes in a header
		keys = append(keys, append(key, start[zeros:zeros+4]...))
	}
	for _, key := range keys {
		first := [firstRecord]byte(start)
		xor(first[:], key, 0)
		if networkOfMagic(binary.LittleEndian.Uint32(first[:])) == nil {
			continue
		}
		size := binary.LittleEndian.Uint32(first[4:])
		if size > pow.HeaderSize && size <= maxBlockSize && provesWork(first[recordHead:]) {
			return key
		}
	}
	return nil
}

// xor combines b, which begins at the given offset of the stream, with a key.
func xor(b, key []byte, offset uint64) {
	for i := range b {
		b[i] ^= key[(offset+uint64(i))%keySize]
	}
}

// blockFile returns a function that reads the header of the next block and skips the
// rest of the block.
func (r *Reader) blockFile(key []byte) func() (pow.Header, error) {
	var offset uint64
	read := func(b []byte) error {
		n, err := io.ReadFull(r.in, b)
		xor(b[:n], key, offset)
		offset += uint64(n)
		return err
	}
	return func() (pow.Header, error) {
		var head [recordHead]byte
		r.at = offset
		// The node reserves room for blocks in advance. That room is zero in the file,
		// without the key, and nothing follows it.
		if next, _ := r.in.Peek(recordHead); allZero(next) {
			return pow.Header{}, io.EOF
		}
		if err := read(head[:]); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = reject.New(Truncated, "the stream ends in the magic and length before a block")
			}
			return pow.Header{}, err
		}
		network, size := networkOfMagic(binary.LittleEndian.Uint32(head[:])), binary.LittleEndian.Uint32(head[4:])
		if network == nil {
			return pow.Header{}, reject.New(Malformed, "%x is not the magic of a network, which begins every block of a block file", head[:4])
		}
		if size <= pow.HeaderSize || size > maxBlockSize {
			return pow.Header{}, reject.New(Malformed, "a block of %d bytes", size)
		}
		r.network = network
		r.at = offset
		if err := read(r.buf[:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = reject.New(Truncated, "the stream ends inside a header")
			}
			return pow.Header{}, err
		}
		h := pow.DecodeHeader(&r.buf)
		n, err := r.in.Discard(int(size) - pow.HeaderSize)
		offset += uint64(n)
		if errors.Is(err, io.EOF) {
			err = reject.New(Truncated, "the stream ends inside the block of header %s", h.Hash())
		}
		r.count++
		return h, err
	}
}
