package headers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// realHeaders returns the first n headers of testnet3 after the genesis, without the
// fork.
func realHeaders(t testing.TB, n int) []pow.Header {
	t.Helper()
	var all []pow.Header
	for line := range strings.Lines(testnet3(t)) {
		if strings.HasPrefix(line, "fork:") {
			continue
		}
		h, err := pow.ParseHeader(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	return all[:n]
}

// join formats each header and joins the texts.
func join(all []pow.Header, separator string, format func(pow.Header) string) string {
	var texts []string
	for _, h := range all {
		texts = append(texts, format(h))
	}
	return strings.Join(texts, separator)
}

// withTransactions formats a header as bitcoin-cli getblock does, with the transactions
// in hex.
func withTransactions(h pow.Header) string {
	head, tail, _ := strings.Cut(coreJSON(h), `"merkleroot"`)
	return head + `"tx": [{"txid": "00", "hex": "01000000` + strings.Repeat("9a03ff", 150) + `"}], "merkleroot"` + tail
}

// coreJSON formats a header as bitcoin-cli getblockheader does.
func coreJSON(h pow.Header) string {
	return fmt.Sprintf(`{
  "hash": "%s",
  "confirmations": 5,
  "height": 12,
  "version": %d,
  "versionHex": "%08x",
  "merkleroot": "%s",
  "time": %d,
  "mediantime": 1231469744,
  "nonce": %d,
  "bits": "%s",
  "difficulty": 1,
  "nTx": 1,
  "previousblockhash": "%s",
  "nextblockhash": "%s"
}`, h.Hash(), h.Version, uint32(h.Version), h.MerkleRoot, h.Time, h.Nonce, h.Bits, h.Prev, h.Prev)
}

// explorerJSON formats a header as the explorers in the style of Esplora do.
func explorerJSON(h pow.Header) string {
	return fmt.Sprintf(`{"id":"%s","height":3,"version":%d,"timestamp":%d,"tx_count":1,"merkle_root":"%s","previousblockhash":"%s","nonce":%d,"bits":%d,"extras":{"pool":{"id":7,"name":"x"},"reward":5}}`,
		h.Hash(), h.Version, h.Time, h.MerkleRoot, h.Prev, h.Nonce, uint32(h.Bits))
}

// withDate formats a header like an explorer that writes the time as a date.
func withDate(layout string) func(pow.Header) string {
	return func(h pow.Header) string {
		date := time.Unix(int64(h.Time), 0).UTC().Format(layout)
		return strings.Replace(explorerJSON(h), fmt.Sprintf(`"timestamp":%d`, h.Time), fmt.Sprintf(`"time":%q`, date), 1)
	}
}

func hexOf(h pow.Header) string { return h.String() }

// blockOf returns a block of a header: the number of transactions and a coinbase of
// which only the length matters.
func blockOf(h pow.Header) []byte {
	b := h.Bytes()
	body := append([]byte{1, 1, 0, 0, 0, 1}, make([]byte, 32)...)
	return slices.Concat(b[:], body, bytes.Repeat([]byte{0xff}, 40+int(h.Nonce%50)))
}

// blockFileOf returns a block file, XORed with a key if that is not nil, with room for
// more blocks at the end.
func blockFileOf(all []pow.Header, network *Network, key []byte) string {
	var file []byte
	for _, h := range all {
		block := blockOf(h)
		file = binary.LittleEndian.AppendUint32(file, network.Magic)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(block)))
		file = append(file, block...)
	}
	if key != nil {
		xor(file, key, 0)
	}
	return string(file) + strings.Repeat("\x00", 1000)
}

// shuffled returns the headers a little out of order, as a node receives blocks.
func shuffled(all []pow.Header) []pow.Header {
	rng := rand.New(rand.NewPCG(1, 2))
	out := slices.Clone(all)
	for i := 0; i+8 < len(out); i += 8 {
		rng.Shuffle(8, func(j, k int) { out[i+j], out[i+k] = out[i+k], out[i+j] })
	}
	return out
}

// streams returns the argument of NewMultiReader for some streams.
func streams(all ...Stream) func() (Stream, error) {
	return func() (Stream, error) {
		if len(all) == 0 {
			return Stream{}, io.EOF
		}
		first := all[0]
		all = all[1:]
		return first, nil
	}
}
