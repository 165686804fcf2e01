package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/lodepow/lode/chain"
)

// The numbers in a record are big-endian:
//
//	magic     uint32
//	sum       uint32  CRC-32C of what follows, up to the size
//	size      uint32  of the record in bytes, without the zeros behind it
//	base      uint64  number of the transaction of the database, uint32 checksum of its state
//	number    uint64  of the record among those with that base, from 0
//
// For each post follow the number and the record that it will have in the bucket pending,
// with the size of the record in between as uint32.
const (
	recordMagic  = 0x4c4a0001 // it has a zero byte, which the text of a post cannot have
	recordHeader = 4 + 4 + 4 + 8 + 4 + 8
	postHeader   = keySize + 4
)

// base is the state of the database on which records build.
type base struct {
	txid uint64
	sum  uint32
}

// sum returns the checksum of a state, by which the journal of another database is told.
func (s state) sum() uint32 { return crc32.Checksum(s.record(), crc32.MakeTable(crc32.Castagnoli)) }

// encode puts a record of a size in bytes with the posts of a group into buf, and zeros
// up to where the next record begins.
func (j *journal) encode(group []*request, size int) {
	b := binary.BigEndian.AppendUint32(j.buf[:0], recordMagic)
	b = binary.BigEndian.AppendUint32(b, 0) // the checksum, see below
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = binary.BigEndian.AppendUint64(b, j.base.txid)
	b = binary.BigEndian.AppendUint32(b, j.base.sum)
	b = binary.BigEndian.AppendUint64(b, j.number)
	for _, r := range group {
		for _, p := range r.add {
			b = append(b, p.key...)
			b = binary.BigEndian.AppendUint32(b, uint32(len(p.record)))
			b = append(b, p.record...)
		}
	}
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[8:], crc32.MakeTable(crc32.Castagnoli)))
	b = append(b, make([]byte, padded(len(b))-len(b))...)
	j.buf = b
}

// padded returns a size with the zeros up to where the next record begins.
func padded(size int) int { return (size + journalAlign - 1) / journalAlign * journalAlign }

// journalRecord is a record that is as it was written.
type journalRecord struct {
	base   base
	number uint64
	size   int
	posts  []byte
}

// parseRecord reads the record at the beginning of data. ok is false if there is none, or
// if it is not as it was written.
func parseRecord(data []byte) (r journalRecord, ok bool) {
	if len(data) < recordHeader || binary.BigEndian.Uint32(data) != recordMagic {
		return r, false
	}
	size := binary.BigEndian.Uint32(data[8:])
	if size < recordHeader || uint64(size) > uint64(len(data)) ||
		binary.BigEndian.Uint32(data[4:]) != crc32.Checksum(data[8:size], crc32.MakeTable(crc32.Castagnoli)) {
		return r, false
	}
	return journalRecord{
		base:   base{binary.BigEndian.Uint64(data[12:]), binary.BigEndian.Uint32(data[20:])},
		number: binary.BigEndian.Uint64(data[24:]),
		size:   int(size),
		posts:  data[recordHeader:size],
	}, true
}

// parseJournal returns the posts of a journal that a database in the state b does not have
// yet, and the number and the place of the next record.
//
// The records that count are those at the beginning that build on b, in the order of their
// numbers. A power failure can tear only the last one, which was being written, so its
// change was not acknowledged. Records with an older base are left from before. Any other
// record behind the last one says that something was lost, because it was written after
// the ones before it were on disk, or after a later transaction of the database was.
func parseJournal(data []byte, b base) (posts []encodedTx, number uint64, at int64, err error) {
	for at < int64(len(data)) {
		r, ok := parseRecord(data[at:])
		if !ok || r.base != b || r.number != number {
			break
		}
		if posts, err = r.appendPosts(posts); err != nil {
			return nil, 0, 0, err
		}
		number++
		at += int64(padded(r.size)) // maybe beyond the end of a file that was cut
	}
	for next := at; next < int64(len(data)); next += journalAlign {
		if r, ok := parseRecord(data[next:]); ok && r.base.txid >= b.txid {
			return nil, 0, 0, damagedJournal("record %d on transaction %d of the database is at %d, and not all of those before it are sound: %d are, on transaction %d",
				r.number, r.base.txid, next, number, b.txid)
		}
	}
	return posts, number, at, nil
}

// appendPosts appends the posts of a record. They refer to its bytes.
func (r journalRecord) appendPosts(to []encodedTx) ([]encodedTx, error) {
	for data := r.posts; len(data) > 0; {
		if len(data) < postHeader {
			return nil, damagedJournal("record %d ends within a post", r.number)
		}
		k, size := data[:keySize:keySize], uint64(binary.BigEndian.Uint32(data[keySize:]))
		if data = data[postHeader:]; size > uint64(len(data)) {
			return nil, damagedJournal("record %d ends within a post", r.number)
		}
		record := data[:size:size]
		if _, err := open("pending transaction", k, record); err != nil {
			return nil, damagedJournal("record %d: %v", r.number, err)
		}
		to, data = append(to, encodedTx{k, record}), data[size:]
	}
	return to, nil
}

// damagedJournal is damaged for the journal, without which the database lacks posts.
func damagedJournal(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s; restore a copy of both files; or put a file of %d zero bytes in its place, to go on without the posts in it; or move both away to begin anew",
		chain.ErrDamaged, journalName, fmt.Sprintf(format, args...), journalBytes)
}

// settled returns what a journal has on the disk; see settle.
func settled(file *os.File) ([]byte, error) {
	if err := file.Sync(); err != nil {
		return nil, err
	}
	forgetPages(file)
	data := make([]byte, journalBytes)
	n, err := file.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], err
}
