package headers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

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
//
// The magic may be that of an unknown network, such as a signet of one's own, if the
// file is not XORed or the key is given. Then the next block must have the same magic.
func blockFileKey(start, given []byte) []byte {
	const firstRecord = recordHead + pow.HeaderSize
	if len(start) < firstRecord {
		return nil
	}
	keys := [][]byte{make([]byte, keySize)}
	if len(given) == keySize {
		keys = append(keys, given)
	}
	tellsMagic := len(keys)
	for _, n := range Networks() {
		key := binary.LittleEndian.AppendUint32(nil, n.Magic^binary.LittleEndian.Uint32(start))
		const zeros = recordHead + 4 + 24 // of the parent's hash, in the order of bytes in a header
		keys = append(keys, append(key, start[zeros:zeros+4]...))
	}
	for i, key := range keys {
		r := firstRecordOf(start, key)
		if r.size <= pow.HeaderSize || r.size > maxBlockSize {
			continue
		}
		// A file whose first block is damaged is a block file nevertheless.
		known, works := networkOfMagic(r.magic) != nil, provesWork(r.body)
		next, damaged := i < tellsMagic && r.repeats(0), i < tellsMagic && resemblesHeader(r.body)
		if known && (works || next || damaged) || works && (next || i < tellsMagic && r.ends()) {
			return key
		}
	}
	return nil
}

// record is the first record of a file in which each record begins with a magic and a
// length, such as a block file.
type record struct {
	magic, size uint32
	body        []byte // as much of it as has been read, and what follows it
}

// firstRecordOf returns the first record at the beginning of a stream that is XORed with
// a key. The stream must have the bytes before the body.
func firstRecordOf(start, key []byte) record {
	b := bytes.Clone(start)
	xor(b, key, 0)
	return record{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), b[recordHead:]}
}

// repeats reports whether another record, with the same magic, begins the given number of
// bytes after this one.
func (r record) repeats(after uint64) bool {
	next := uint64(r.size) + after
	return next+4 <= uint64(len(r.body)) && binary.LittleEndian.Uint32(r.body[next:]) == r.magic
}

// ends reports whether nothing but zeros follows this record, as far as the stream has
// been read.
func (r record) ends() bool {
	return uint64(r.size) >= uint64(len(r.body)) || allZero(r.body[r.size:])
}

// resemblesHeader reports whether the first 80 bytes are a header's although they do not
// prove its work: at least three of its fields have a value that headers have. Undo data
// has such values in about one of a thousand files.
func resemblesHeader(b []byte) bool {
	if len(b) < pow.HeaderSize {
		return false
	}
	h := pow.DecodeHeader((*[pow.HeaderSize]byte)(b))
	_, err := h.Bits.Target()
	fields := 0
	for _, usual := range []bool{
		h.Version>>29 == 1 || h.Version >= 1 && h.Version <= 4, // BIP 9, or before it
		allZero(h.Prev[len(h.Prev)-4:]),
		h.Time >= Main().Genesis.Time,
		err == nil,
	} {
		if usual {
			fields++
		}
	}
	return fields >= 3
}

// nameRecords says what a file of records is that has no blocks whose work can be
// checked, and returns "" if the stream is no such file.
func nameRecords(start, given []byte) string {
	const checksum = 32 // bytes after each record of an undo file
	keys := [][]byte{make([]byte, keySize)}
	if len(given) == keySize {
		keys = append(keys, given)
	}
	for _, key := range keys {
		if len(start) < recordHead+4 {
			return ""
		}
		r := firstRecordOf(start, key)
		switch {
		case r.size == 0 || r.size > maxBlockSize || r.magic == 0:
		case r.repeats(checksum), networkOfMagic(r.magic) != nil && !isOtherMetadata(start):
			return "it is an undo file of Bitcoin Core (rev*.dat), which holds no headers: take the file blk*.dat with the same number"
		case r.repeats(0), foreignMagics()[r.magic] != "", r.size > pow.HeaderSize && resemblesHeader(r.body):
			name := foreignMagics()[r.magic]
			if name == "" {
				name = "another network"
			}
			return fmt.Sprintf("it is a block file of %s (magic %08x), whose blocks do not prove their work by SHA-256d of 80 bytes, so their headers cannot be checked here",
				name, bits.ReverseBytes32(r.magic))
		}
	}
	return ""
}

// foreignMagics returns the names of networks whose nodes descend from Bitcoin Core and
// write block files, but whose proof of work is another one, by their magics.
func foreignMagics() map[uint32]string {
	return map[uint32]string{
		0xdbb6c0fb: "Litecoin",
		0xc0c0c0c0: "Dogecoin",
		0xbd6b0cbf: "Dash",
		0xfeb4bef9: "Namecoin, whose blocks are mined together with Bitcoin's",
		0x6427e924: "Zcash",
	}
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
	var (
		offset uint64
		magic  uint32 // of the first block, and so of all of them
	)
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
		size := binary.LittleEndian.Uint32(head[4:])
		if r.count == 0 {
			magic = binary.LittleEndian.Uint32(head[:])
		}
		if got := binary.LittleEndian.Uint32(head[:]); got != magic {
			return pow.Header{}, reject.New(Malformed, "%x is not the magic with which the file begins, and which precedes every block", head[:4])
		}
		if size <= pow.HeaderSize || size > maxBlockSize {
			return pow.Header{}, reject.New(Malformed, "a block of %d bytes", size)
		}
		if r.index == 0 {
			r.network = networkOfMagic(magic)
		}
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
		return h, err
	}
}
