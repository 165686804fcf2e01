package headers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// TestBlockFileWithAKey checks a file whose key can only be known from xor.dat.
func TestBlockFileWithAKey(t *testing.T) {
	all := realHeaders(t, 20)[5:]
	key := []byte("\x71\x9f\x33\x70\xc2\x11\x5b\xee")
	stream := blockFileOf(all, Testnet3(), key)
	if _, _, err := readAll(strings.NewReader(stream)); err == nil {
		t.Error("the key was found, but nothing in the file tells it")
	} else {
		wantReason(t, err, UnknownForm)
	}
	reader := NewMultiReader(streams(Stream{strings.NewReader(stream), key}))
	for _, want := range all {
		if got, err := reader.Next(); err != nil || got != want {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if _, err := reader.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if network, _, ok := reader.Metadata(); network == nil || network.Name != "testnet3" || ok {
		t.Errorf("metadata %v, %v", network, ok)
	}
}

// TestSeveralBlockFiles checks files that belong together: each begins its key anew,
// ends with room for more blocks, and holds blocks whose parents are in the other.
func TestSeveralBlockFiles(t *testing.T) {
	all := realHeaders(t, 60)
	key := []byte("\x71\x9f\x33\x70\xc2\x11\x5b\xee")
	first := slices.Concat(all[:20], all[30:33], all[21:25])
	second := slices.Concat(all[25:30], all[20:21], all[33:])
	reader := NewMultiReader(streams(
		Stream{strings.NewReader(blockFileOf(first, Testnet3(), key)), key},
		Stream{strings.NewReader(blockFileOf(second, Testnet3(), key)), key},
	))
	for i, want := range all {
		got, err := reader.Next()
		if err != nil || got != want {
			t.Fatalf("header %d: %v, %v", i, got, err)
		}
		if in := slices.Contains(second, want); in != (reader.Stream() == 1) {
			t.Errorf("header %d: stream %d", i, reader.Stream())
		}
	}
	if _, err := reader.Next(); !errors.Is(err, io.EOF) || reader.Strays() != 0 {
		t.Errorf("at the end: %v, %d strays", err, reader.Strays())
	}
}

// TestStrays checks that blocks whose parents are in an earlier file are left out and
// counted, although they come first.
func TestStrays(t *testing.T) {
	all := realHeaders(t, 60)
	got, reader, err := readAll(strings.NewReader(blockFileOf(slices.Concat(all[3:5], all[20:], all[10:12]), Testnet3(), nil)))
	if err != nil || !slices.Equal(got, all[20:]) || reader.Strays() != 4 {
		t.Errorf("%d headers, %d strays, %v; want 40 and 4", len(got), reader.Strays(), err)
	}
	if _, err := reader.Next(); !errors.Is(err, io.EOF) || reader.Strays() != 4 {
		t.Errorf("behind the end: %v, and %d strays, want 4 as before", err, reader.Strays())
	}
}

// TestWaitingIsBounded checks that children of unknown parents do not gather without
// end, and that the others are read nevertheless.
func TestWaitingIsBounded(t *testing.T) {
	all := realHeaders(t, 40)
	var stream bytes.Buffer
	stream.WriteString(blockFileOf(all[:20], Testnet3(), nil))
	stream.Truncate(stream.Len() - 1000) // without the room for more blocks
	for i := range 3 * maxWaiting {
		h := all[0]
		binary.LittleEndian.PutUint32(h.Prev[:], uint32(i)+1)
		stream.WriteString(strings.TrimRight(blockFileOf([]pow.Header{h}, Testnet3(), nil), "\x00"))
	}
	stream.WriteString(blockFileOf(all[20:], Testnet3(), nil))
	reader := NewReader(&stream)
	n := 0
	for ; ; n++ {
		if _, err := reader.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if reader.sort.count > maxWaiting {
			t.Fatalf("%d headers are waiting", reader.sort.count)
		}
	}
	if n != 40 || reader.Strays() != 3*maxWaiting {
		t.Errorf("%d headers, %d strays", n, reader.Strays())
	}

	s := newSorter(reader)
	s.begun = true
	for i := range maxWaiting {
		if s.count != i {
			t.Fatalf("%d headers are waiting, want %d", s.count, i)
		}
		s.add(placed{header: pow.Header{Prev: pow.Hash{byte(i), byte(i >> 8), 1}}})
	}
	if s.count != maxWaiting-1 || s.strays != 1 {
		t.Errorf("%d headers are waiting and %d were given up, want %d and 1", s.count, s.strays, maxWaiting-1)
	}
	if _, ok := s.waiting[pow.Hash{0, 0, 1}]; ok || len(s.waiting) != maxWaiting-1 {
		t.Errorf("not the oldest header was given up; %d parents are waited for", len(s.waiting))
	}
	for i := range window + 2 {
		s.remember(pow.Hash{byte(i), byte(i >> 8), 2})
	}
	for i, want := range []bool{false, false, true, true} {
		if s.given[pow.Hash{byte(i), 0, 2}] != want || len(s.given) != window || len(s.ring) != window {
			t.Errorf("header %d of %d is remembered: %v, want %v; %d and %d in all", i, window+2, !want, want, len(s.given), len(s.ring))
		}
	}
}

// undoFileOf returns an undo file of Bitcoin Core with records of the given sizes: the
// magic, the size, the undo data, and a checksum of 32 bytes that the size leaves out.
func undoFileOf(magic uint32, key []byte, sizes ...int) string {
	var file []byte
	for _, size := range sizes {
		file = binary.LittleEndian.AppendUint32(file, magic)
		file = binary.LittleEndian.AppendUint32(file, uint32(size))
		file = append(file, bytes.Repeat([]byte{1, 0x84, 0xa7}, (size+32+2)/3)[:size+32]...)
	}
	if key != nil {
		xor(file, key, 0)
	}
	return string(file)
}

// foreignFileOf returns a block file of a network on which the work is proved in another
// way.
func foreignFileOf(magic uint32) string {
	h := pow.Header{Version: 2, Time: 1317972665, Bits: 0x1e0ffff0, Nonce: 2084524493}
	return blockFileOf([]pow.Header{h, {Version: 2, Prev: h.Hash(), Bits: 0x1e0ffff0}}, &Network{Magic: magic}, nil)
}

// longFileOf makes the first block of a block file longer than what is looked at, so that
// the second one is out of sight.
func longFileOf(file string) string {
	const more = 1 << 17
	size := binary.LittleEndian.Uint32([]byte(file[4:]))
	head := binary.LittleEndian.AppendUint32([]byte(file[:4]), size+more)
	return string(head) + file[recordHead:recordHead+size] + strings.Repeat("\x01", more) + file[recordHead+size:]
}

// TestFilesBesideAKey checks that the key of xor.dat serves to tell what other files are,
// and that without it the message asks for it.
func TestFilesBesideAKey(t *testing.T) {
	key := []byte("\x71\x9f\x33\x70\xc2\x11\x5b\xee")
	for _, tc := range []struct {
		stream string
		key    []byte
		want   string
	}{
		{undoFileOf(Main().Magic, key, 1, 70, 500), key, "undo file of Bitcoin Core"},
		{undoFileOf(Main().Magic, key, 1, 70, 500), nil, "needs the file xor.dat"},
		{undoFileOf(Main().Magic, key, 1, 70, 500), nil, "rev*.dat holds no headers"},
		{blockFileOf(realHeaders(t, 20)[5:], Testnet3(), key), nil, "needs the file xor.dat"},
		{strings.Repeat("\x9a\x03\xff", 200), key, "(9a03ff9a03ff9a03): see lode verify --help"},
	} {
		_, err := NewMultiReader(streams(Stream{strings.NewReader(tc.stream), tc.key})).Next()
		wantReason(t, err, UnknownForm)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
}

// TestDamagedBlockFile checks that a block file is still one if its first block is
// damaged, so that the damage is what is reported, and that the magic must not change.
func TestDamagedBlockFile(t *testing.T) {
	all := realHeaders(t, 5)
	damaged := slices.Clone(all)
	damaged[0].Nonce++
	got, reader, err := readAll(strings.NewReader(blockFileOf(damaged, Testnet3(), nil)))
	if err != nil || reader.Form() != "a block file of Bitcoin Core" || !slices.Contains(got, damaged[1]) {
		t.Errorf("form %q, %d headers, %v", reader.Form(), len(got), err)
	}
	for name, damage := range map[string]func(*pow.Header){
		"version": func(h *pow.Header) { h.Version = 0x7a3c },
		"parent":  func(h *pow.Header) { h.Prev[31] ^= 0x55 },
		"time":    func(h *pow.Header) { h.Time = 77 },
		"bits":    func(h *pow.Header) { h.Bits |= 0x00800000 },
		"nonce":   func(h *pow.Header) { h.Nonce++ },
	} {
		h := all[0]
		damage(&h)
		block := append(blockOf(h), make([]byte, 1<<17)...) // the second block is out of sight
		file := binary.LittleEndian.AppendUint32(nil, Testnet3().Magic)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(block)))
		file = append(append(file, block...), blockFileOf(all[1:], Testnet3(), nil)...)
		got, reader, err := readAll(bytes.NewReader(file))
		if err != nil || reader.Form() != "a block file of Bitcoin Core" || !slices.Contains(got, all[2]) {
			t.Errorf("damaged %s: form %q, %d headers, %v", name, reader.Form(), len(got), err)
		}
	}
	mixed := strings.TrimRight(blockFileOf(all[:2], Testnet3(), nil), "\x00") + blockFileOf(all[2:], Main(), nil)
	_, _, err = readAll(strings.NewReader(mixed))
	wantReason(t, err, Malformed)
	if err == nil || !strings.Contains(err.Error(), "f9beb4d9 is not the magic with which the file begins") {
		t.Error(err)
	}
}
