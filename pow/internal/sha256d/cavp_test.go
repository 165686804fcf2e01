package sha256d

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"
)

// sum256 computes SHA-256 with this package's compression function.
func sum256(message []byte) [32]byte {
	padded := append([]byte{}, message...)
	padded = append(padded, 0x80)
	for len(padded)%64 != 56 {
		padded = append(padded, 0)
	}
	padded = binary.BigEndian.AppendUint64(padded, uint64(len(message))*8)

	state := initial
	for ; len(padded) > 0; padded = padded[64:] {
		var block [16]uint32
		for i := range block {
			block[i] = binary.BigEndian.Uint32(padded[4*i:])
		}
		state = compress(&state, &block)
	}
	var sum [32]byte
	for i, word := range state {
		binary.BigEndian.PutUint32(sum[4*i:], word)
	}
	return sum
}

func TestCAVP(t *testing.T) {
	for file, want := range map[string]int{"SHA256ShortMsg.rsp": 65, "SHA256LongMsg.rsp": 64} {
		t.Run(file, func(t *testing.T) {
			f, err := os.Open("testdata/" + file)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()

			var bits, count int
			var message []byte
			lines := bufio.NewScanner(f)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				name, value, _ := strings.Cut(lines.Text(), " = ")
				switch name {
				case "Len":
					if bits, err = strconv.Atoi(value); err != nil {
						t.Fatal(err)
					}
				case "Msg":
					if message, err = hex.DecodeString(value); err != nil {
						t.Fatal(err)
					}
					message = message[:bits/8] // the empty message is given as one zero byte
				case "MD":
					sum := sum256(message)
					if got := hex.EncodeToString(sum[:]); got != value {
						t.Errorf("%d bits: digest %s, want %s", bits, got, value)
					}
					count++
				}
			}
			if err := lines.Err(); err != nil {
				t.Fatal(err)
			}
			if count != want {
				t.Errorf("%d messages, want %d", count, want)
			}
		})
	}
}
