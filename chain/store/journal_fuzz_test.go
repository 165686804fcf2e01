package store

import (
	"bytes"
	"testing"
)

// FuzzParseJournal overwrites a journal of three records from some place on. Whatever is
// there then, what is read are the posts of the first records, in their order and as they
// were, and at least those of the records before that place.
func FuzzParseJournal(f *testing.F) {
	on := base{txid: 7, sum: 0x01020304}
	j := &journal{base: on}
	var whole []byte
	var posts []encodedTx
	var ends, counts []int // the size of the journal, and the number of posts, after each record
	for i, texts := range [][]string{{"a", "b"}, {"c"}, {"d", "e", "f"}} {
		encoded, err := encode(adds(uint64(1+10*i), texts...))
		if err != nil {
			f.Fatal(err)
		}
		size := recordHeader
		for _, p := range encoded.add {
			size += postHeader + len(p.record)
		}
		j.encode([]*request{{change: encoded}}, size)
		j.number++
		whole = append(whole, j.buf...)
		posts = append(posts, encoded.add...)
		ends, counts = append(ends, len(whole)), append(counts, len(posts))
	}
	if got, number, at, err := parseJournal(whole, on); err != nil || len(got) != len(posts) || number != 3 || at != int64(len(whole)) {
		f.Fatalf("the journal as it was written: %d posts, record %d, place %d, %v", len(got), number, at, err)
	}
	f.Add(uint16(0), []byte{})
	f.Add(uint16(ends[0]), whole[ends[1]:]) // a record is missing
	f.Add(uint16(ends[0]), whole[:ends[0]]) // a record is repeated
	f.Add(uint16(ends[1]), whole[ends[0]:ends[1]])
	f.Add(uint16(9), []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, from uint16, bytesThere []byte) {
		data := bytes.Clone(whole)
		place := min(int(from), len(data))
		data = append(data[:place], append(bytesThere, data[min(place+len(bytesThere), len(data)):]...)...)
		got, number, at, err := parseJournal(data, on)
		if err != nil {
			return // it says that something was lost
		}
		if len(got) > len(posts) || number > 3 || at < 0 {
			t.Fatalf("%d posts, record %d, place %d", len(got), number, at)
		}
		for i, p := range got {
			if !bytes.Equal(p.key, posts[i].key) || !bytes.Equal(p.record, posts[i].record) {
				t.Fatalf("post %d: %x %x, was %x %x", i, p.key, p.record, posts[i].key, posts[i].record)
			}
		}
		before := 0
		for i, end := range ends {
			if end <= place {
				before = counts[i]
			}
		}
		if len(got) < before {
			t.Fatalf("%d posts, but the records before place %d have %d", len(got), place, before)
		}
	})
}
