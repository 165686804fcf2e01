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

	// MaxTag is the length in bytes of the longest miner tag, which is the most
	// that one opcode pushes.
	MaxTag = 75

	// ExtranonceSize is the length of the extranonce in bytes. A Stratum
	// server splits it between itself and its miner.
	ExtranonceSize = 8

	// MaxCoinbaseSize is the length in bytes of the longest coinbase.
	MaxCoinbaseSize = len(coinbaseStart) + 1 + maxHeightPush + 1 + ExtranonceSize + 1 + MaxTag + len(coinbaseEnd)
)

// A coinbase in Bitcoin's serialization is these bytes, the length of the
// script, the script and then the bytes of coinbaseEnd. With a script of 11
// bytes or more it is never 64 bytes long, so it cannot pass for an inner node
// of the merkle tree (CVE-2017-12842).
const (
	coinbaseStart = "\x02\x00\x00\x00" + // version 2
		"\x01" + // one input
		nullHash + "\xff\xff\xff\xff" // that spends nothing
	coinbaseEnd = "\xff\xff\xff\xff" + // sequence: final
		"\x01" + // one output
		"\x00\x00\x00\x00\x00\x00\x00\x00" + // of nothing
		"\x01\x6a" + // to OP_RETURN
		"\x00\x00\x00\x00" // lock time

	nullHash = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

// What Bitcoin allows a coinbase's script to have, in bytes.
const (
	minScript = 2
	maxScript = 100
)

const (
	op0           = 0x00
	op1           = 0x51
	op16          = 0x60
	maxHeightPush = 5 // MaxHeight takes four bytes
)

// Coinbase is the first transaction of every block: a transaction in Bitcoin's
// serialization that spends and pays nothing. It makes the block's merkle root
// unlike any other's, and gives miners a number to roll beyond the nonce.
//
// All of it that a block can choose are these fields. The zero value is a valid
// coinbase of a block at height 0.
type Coinbase struct {
	Height     int64  // of the block (BIP 34), 0 to MaxHeight
	Extranonce uint64 // big-endian in the script
	Tag        string // who mined it: any bytes, at most MaxTag
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

// Halves returns the serialization's bytes before and after those of the
// extranonce: coinb1 and coinb2 of a Stratum job. Its own extranonce is in
// neither. It panics if the coinbase is not valid.
func (c Coinbase) Halves() (before, after []byte) {
	raw, at := c.serialize(nil)
	return raw[:at:at], raw[at+ExtranonceSize:]
}

// serialize returns the serialization and where its extranonce is. It uses the
// memory of buf, if there is enough.
func (c Coinbase) serialize(buf []byte) (raw []byte, extranonce int) {
	if err := c.Validate(); err != nil {
		panic("chain: coinbase: " + err.Error())
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

// appendHeight appends what Bitcoin Core's CScript << height does: one opcode
// up to 16, above that a push of the number, little-endian in as few bytes as
// leave its top bit, the sign, clear.
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

// parseHeight reads what appendHeight wrote.
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
	// One test for numbers that are negative, too long, or that have an opcode
	// of their own: they are not written that way.
	if height > MaxHeight || !bytes.Equal(appendHeight(nil, height), script[:size]) {
		return 0, nil, Reject(CoinbaseHeight, "height %x is not written as a minimal number of 0 to %d", script[:size], MaxHeight)
	}
	return height, script[size:], nil
}

// ParseCoinbase reads a serialization. It accepts what [Coinbase.Bytes] writes
// and nothing else, so what it accepts comes back byte for byte. Errors are
// [RuleError].
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

// UnmarshalText implements [encoding.TextUnmarshaler] in the form of
// MarshalText, with digits of either case.
func (c *Coinbase) UnmarshalText(text []byte) error {
	if len(text) > hex.EncodedLen(MaxCoinbaseSize) {
		return Reject(CoinbaseLength, "coinbase of %d hex digits, at most %d", len(text), hex.EncodedLen(MaxCoinbaseSize))
	}
	raw, err := hex.AppendDecode(nil, text)
	if err != nil {
		return Reject(CoinbaseMissing, "coinbase is not hex: %v", err)
	}
	parsed, err := ParseCoinbase(raw)
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}
