package block

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/lodepow/lode/pow"
)

// Limits of a coinbase.
const (
	// MaxHeight is the greatest height of a block, as in Bitcoin Core.
	MaxHeight = math.MaxInt32

	// MaxTag is the length in bytes of the longest miner tag. It is the most that an
	// opcode of one byte can push.
	MaxTag = 75

	// ExtranonceSize is the length of the extranonce in bytes. A Stratum server
	// keeps some of them for itself and lets each miner choose the rest.
	ExtranonceSize = 8

	// MaxCoinbaseSize is the length in bytes of the longest coinbase.
	MaxCoinbaseSize = len(coinbaseStart) + 1 + maxHeightPush + 1 + ExtranonceSize + 1 + MaxTag + len(coinbaseEnd)
)

// A coinbase in Bitcoin's serialization is coinbaseStart, the length of the script,
// the script and coinbaseEnd. As the script has at least 11 bytes, a coinbase is never
// 64 bytes long, so it cannot be mistaken for an inner node of the merkle tree
// (CVE-2017-12842).
const (
	coinbaseStart = "\x02\x00\x00\x00" + // version 2
		"\x01" + // number of inputs
		nullHash + "\xff\xff\xff\xff" // the null outpoint: it spends nothing
	coinbaseEnd = "\xff\xff\xff\xff" + // sequence: final
		"\x01" + // number of outputs
		"\x00\x00\x00\x00\x00\x00\x00\x00" + // value: 0
		"\x01\x6a" + // script: OP_RETURN
		"\x00\x00\x00\x00" // lock time

	nullHash = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

// Bitcoin's limits of the script of a coinbase, in bytes.
const (
	minScript = 2
	maxScript = 100
)

const (
	op0           = 0x00
	op1           = 0x51
	op16          = 0x60
	maxHeightPush = 5 // an opcode and the four bytes of MaxHeight
)

// Coinbase is the first transaction of every block. It is a transaction in Bitcoin's
// serialization that spends nothing and pays nothing. It makes the merkle roots of
// different blocks differ, and its extranonce gives miners more to try than the nonce
// of the header.
//
// The rest of a coinbase is the same in all blocks. The zero value is a valid
// coinbase for height 0.
type Coinbase struct {
	Height     int64  // of the block (BIP 34), 0 to MaxHeight
	Extranonce uint64 // big-endian in the script
	Tag        string // names the miner; any bytes, at most MaxTag
}

// Validate returns a [RuleError] if a field is out of its range.
func (c Coinbase) Validate() error {
	if c.Height < 0 || c.Height > MaxHeight {
		return Reject(CoinbaseHeight, "height %d, want 0 to %d", c.Height, MaxHeight)
	}
	if len(c.Tag) > MaxTag {
		return Reject(CoinbaseLength, "miner tag has %d bytes, at most %d", len(c.Tag), MaxTag)
	}
	return nil
}

// Bytes returns the serialization. It panics if the coinbase is not valid.
func (c Coinbase) Bytes() []byte {
	raw, _ := c.serialize(nil)
	return raw
}

// ID returns the transaction id: the SHA-256d of the serialization. It panics
// if the coinbase is not valid.
func (c Coinbase) ID() pow.Hash {
	var buf [MaxCoinbaseSize]byte
	raw, _ := c.serialize(buf[:0])
	return pow.DoubleSHA256(raw)
}

// size returns the length of the serialization.
func (c Coinbase) size() int {
	var buf [MaxCoinbaseSize]byte
	raw, _ := c.serialize(buf[:0])
	return len(raw)
}

// Halves returns the bytes of the serialization before the extranonce and those after
// it. They are coinb1 and coinb2 of a Stratum job. Halves panics if the coinbase is
// not valid.
func (c Coinbase) Halves() (before, after []byte) {
	raw, at := c.serialize(nil)
	return raw[:at:at], raw[at+ExtranonceSize:]
}

// serialize returns the serialization and the position of the extranonce in it. It
// writes into the memory of buf if that is large enough.
func (c Coinbase) serialize(buf []byte) (raw []byte, extranonce int) {
	if err := c.Validate(); err != nil {
		panic("block: coinbase: " + err.Error())
	}
	raw = slices.Grow(buf[:0], MaxCoinbaseSize)
	raw = append(raw, coinbaseStart...)
	raw = append(raw, 0) // the script's length, set below
	script := len(raw)
	raw = appendHeight(raw, c.Height)
	raw = append(raw, ExtranonceSize)
	extranonce = len(raw)
	raw = binary.BigEndian.AppendUint64(raw, c.Extranonce)
	raw = append(raw, byte(len(c.Tag)))
	raw = append(raw, c.Tag...)
	raw[script-1] = byte(len(raw) - script)
	return append(raw, coinbaseEnd...), extranonce
}

// appendHeight appends a height as Bitcoin Core's CScript << height does. Heights up
// to 16 are one opcode. Greater ones are a push of the number in little-endian order,
// in the fewest bytes that leave the top bit clear, because it is the sign.
func appendHeight(script []byte, height int64) []byte {
	switch {
	case height == 0:
		return append(script, op0)
	case height <= 16:
		return append(script, op1+byte(height-1))
	}
	at := len(script)
	script = append(script, 0)
	for rest := height; rest > 0; rest >>= 8 {
		script = append(script, byte(rest))
	}
	if script[len(script)-1]&0x80 != 0 {
		script = append(script, 0)
	}
	script[at] = byte(len(script) - at - 1)
	return script
}

// parseHeight reads the height at the beginning of a script, in exactly the form that
// appendHeight writes, and returns the rest of the script.
func parseHeight(script []byte) (height int64, rest []byte, err error) {
	size := 1
	switch op := script[0]; {
	case op == op0:
	case op >= op1 && op <= op16:
		height = int64(op-op1) + 1
	case op < maxHeightPush && int(op) < len(script):
		size += int(op)
		for i := size - 1; i > 0; i-- {
			height = height<<8 | int64(script[i])
		}
	default:
		return 0, nil, Reject(CoinbaseHeight, "script does not begin with a height")
	}
	// appendHeight writes no other form, so this refuses negative numbers, numbers
	// with too many bytes, and pushes of numbers up to 16 alike.
	if height > MaxHeight || !bytes.Equal(appendHeight(nil, height), script[:size]) {
		return 0, nil, Reject(CoinbaseHeight, "height %x is not written as a minimal number of 0 to %d", script[:size], MaxHeight)
	}
	return height, script[size:], nil
}

// ParseCoinbase reads the serialization. It accepts only the bytes that
// [Coinbase.Bytes] writes. Its errors are of type [RuleError].
func ParseCoinbase(raw []byte) (Coinbase, error) {
	const input = len(coinbaseStart)
	if len(raw) <= input || string(raw[4:input]) != coinbaseStart[4:] {
		return Coinbase{}, Reject(CoinbaseMissing, "want a transaction with one input, of a null outpoint")
	}
	if string(raw[:4]) != coinbaseStart[:4] {
		return Coinbase{}, Reject(CoinbaseShape, "version %d, want 2", int32(binary.LittleEndian.Uint32(raw)))
	}

	size := int(raw[input])
	if size < minScript || size > maxScript {
		return Coinbase{}, Reject(CoinbaseLength, "script length byte %#02x, want %d to %d bytes", size, minScript, maxScript)
	}
	rest := raw[input+1:]
	if len(rest) < size {
		return Coinbase{}, Reject(CoinbaseShape, "script ends after %d of %d bytes", len(rest), size)
	}
	script, end := rest[:size], rest[size:]
	if string(end) != coinbaseEnd {
		return Coinbase{}, Reject(CoinbaseShape, "script is followed by %x, want %x (sequence, one empty OP_RETURN output, lock time)",
			end[:min(len(end), len(coinbaseEnd)+1)], coinbaseEnd)
	}

	height, script, err := parseHeight(script)
	if err != nil {
		return Coinbase{}, err
	}
	if len(script) < 1+ExtranonceSize || script[0] != ExtranonceSize {
		return Coinbase{}, Reject(CoinbaseShape, "height is not followed by a push of %d bytes of extranonce", ExtranonceSize)
	}
	extranonce := binary.BigEndian.Uint64(script[1:])
	tag := script[1+ExtranonceSize:]
	if len(tag) == 0 || tag[0] > MaxTag || int(tag[0]) != len(tag)-1 {
		return Coinbase{}, Reject(CoinbaseShape, "extranonce is not followed by one push of a miner tag, 0 to %d bytes, at the script's end", MaxTag)
	}
	return Coinbase{Height: height, Extranonce: extranonce, Tag: string(tag[1:])}, nil
}

// MarshalText implements [encoding.TextMarshaler]: the serialization in hex.
func (c Coinbase) MarshalText() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("coinbase: %w", err)
	}
	return hex.AppendEncode(nil, c.Bytes()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. It reads the form that
// MarshalText writes, with digits of either case.
func (c *Coinbase) UnmarshalText(text []byte) error {
	if len(text) > hex.EncodedLen(MaxCoinbaseSize) {
		return Reject(CoinbaseLength, "coinbase of %d hex digits, at most %d", len(text), hex.EncodedLen(MaxCoinbaseSize))
	}
	raw, err := hex.AppendDecode(nil, text)
	if err != nil {
		return Reject(CoinbaseMissing, "coinbase is not an even number of hex digits")
	}
	parsed, err := ParseCoinbase(raw)
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}
