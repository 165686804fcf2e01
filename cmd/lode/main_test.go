package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lodepow/lode/pow"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lode": main, "skewed": skewed})
}

// TestScripts runs the scripts in testdata/script, which call the command as a shell
// would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			return writeTestnet3(env.WorkDir)
		},
	})
}

// writeTestnet3 writes the 548 headers of testnet3 to dir as testnet3.hex, those
// without the fork as testnet3.raw, and variants of the latter with one fault each.
func writeTestnet3(dir string) error {
	data, err := os.ReadFile("../../pow/headers/testdata/blockheader_testnet3.hex")
	if err != nil {
		return err
	}
	var raw bytes.Buffer
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "fork:") {
			continue
		}
		h, err := pow.ParseHeader(strings.TrimSpace(line))
		if err != nil {
			return err
		}
		b := h.Bytes()
		raw.Write(b[:])
	}
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	if _, err := gz.Write(raw.Bytes()); err != nil {
		return err
	}
	if err := gz.Close(); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "blocks"), 0o755); err != nil {
		return err
	}
	key := []byte("\x71\x9f\x33\x70\xc2\x11\x5b\xee")
	return writeFiles(dir, map[string][]byte{
		"testnet3.raw.gz":     packed.Bytes(),
		"blocks/blk00000.dat": blockFile(raw.Bytes()[:80*300], key),
		"blocks/blk00001.dat": blockFile(raw.Bytes()[80*300:], key),
		"blocks/xor.dat":      key,
		"testnet3.hex":        data,
		"testnet3.raw":        raw.Bytes(),
		"neutrino.bin":        slices.Concat([]byte{0x0b, 0x11, 0x09, 0x07, 0, 0, 101, 0, 0, 0}, raw.Bytes()[80*100:]),
		"cut.raw":             raw.Bytes()[:80*20+33],
		"middle.raw":          raw.Bytes()[80*100:],
		"flipped.raw":         flip(raw.Bytes(), 80*41+40),
		"without-one.raw":     append(bytes.Clone(raw.Bytes()[:80*7]), raw.Bytes()[80*8:]...),
		"header-twice.raw":    append(bytes.Clone(raw.Bytes()[:80*8]), raw.Bytes()[80*7:]...),
		"easier-bits.raw":     flip(raw.Bytes(), 80*9+74),
		"negative-bits.raw":   flip(raw.Bytes(), 80*9+74, 0x80),
	})
}

// blockFile returns a block file of testnet3 in the form of Bitcoin Core, XORed with a
// key. After each header comes one byte, as if the block had no transactions.
func blockFile(headers, key []byte) []byte {
	var file []byte
	for header := range slices.Chunk(headers, 80) {
		file = append(file, 0x0b, 0x11, 0x09, 0x07, 81, 0, 0, 0)
		file = append(append(file, header...), 0)
	}
	for i := range file {
		file[i] ^= key[i%len(key)]
	}
	return file
}

func writeFiles(dir string, files map[string][]byte) error {
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// flip returns a copy of b in which the bits of mask are inverted in the byte at the
// given index. Without a mask it inverts the lowest bit.
func flip(b []byte, at int, mask ...byte) []byte {
	b = bytes.Clone(b)
	if len(mask) == 0 {
		mask = []byte{1}
	}
	b[at] ^= mask[0]
	return b
}

func TestFormat(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 4294967296: "4,294,967,296"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
	for r, want := range map[float64]string{0: "0 H/s", 999: "999 H/s", 1234: "1.23 kH/s", 13.4e6: "13.4 MH/s", 999.9e6: "1 GH/s"} {
		if got := hashRate(r); got != want {
			t.Errorf("hashRate(%v) = %s, want %s", r, got, want)
		}
	}
}
