package gbt

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/lodepow/lode/pow"
)

const (
	op0         = 0x00
	op1         = 0x51
	opPushData1 = 0x4c

	// maxCoinbaseScript is Bitcoin's limit for the script of a coinbase's input.
	maxCoinbaseScript = 100

	// extranonceSize is the number of bytes of the extranonce. A server keeps some of
	// them for itself and lets each miner choose the rest.
	extranonceSize = 8

	// maxTag is the length in bytes of the longest tag: with the greatest height, the
	// extranonce and a salt there is room for it in every script.
	maxTag = 64
)

// coinbase describes the first transaction of a block.
type coinbase struct {
	height int64
	value  int64 // in satoshi
	pay    []byte
	tag    string

	// aux are the values that the node wants to see in the script.
	aux map[string][]byte

	// commitment is the script of the output that commits to the witnesses of the
	// block. It is empty if the block has no such output.
	commitment []byte

	// salt makes the coinbases of two works on the same template different. 0 is not
	// written.
	salt uint64
}

// halves returns the bytes of the transaction before and after the extranonce. They
// are those from which the id of the transaction is computed, without the witness.
//
// The lock time is the height of the parent, and the sequence number makes it count.
// BIP 54 will demand both, so that no two coinbases are the same, and they are valid
// today.
func (c coinbase) halves() (before, after []byte, err error) {
	front := append(appendHeight(nil, c.height), extranonceSize)
	var back []byte
	if c.tag != "" {
		back = appendPush(back, []byte(c.tag))
	}
	if c.salt != 0 {
		back = appendPush(back, binary.BigEndian.AppendUint64(nil, c.salt))
	}
	// BIP 22 wants the values, not the keys. Keys may be ignored, which is what happens
	// to those for which there is no room.
	for _, key := range slices.Sorted(maps.Keys(c.aux)) {
		longer := appendPush(slices.Clone(back), c.aux[key])
		if len(c.aux[key]) > 0 && len(front)+extranonceSize+len(longer) <= maxCoinbaseScript {
			back = longer
		}
	}
	size := len(front) + extranonceSize + len(back)
	if size > maxCoinbaseScript {
		return nil, nil, fmt.Errorf("coinbase script of %d bytes, want at most %d: give a shorter tag", size, maxCoinbaseScript)
	}
	before = []byte{2, 0, 0, 0, 1} // version and number of inputs
	before = append(before, make([]byte, pow.HashSize)...)
	before = append(before, 0xff, 0xff, 0xff, 0xff, byte(size))
	before = append(before, front...)

	after = append(back, 0xfe, 0xff, 0xff, 0xff)
	outputs := [][]byte{appendOutput(nil, c.value, c.pay)}
	if len(c.commitment) > 0 {
		outputs = append(outputs, appendOutput(nil, 0, c.commitment))
	}
	after = append(after, byte(len(outputs)))
	after = append(after, slices.Concat(outputs...)...)
	after = binary.LittleEndian.AppendUint32(after, uint32(c.height-1))
	return before, after, nil
}

// withWitness returns a coinbase whose input has the witness that BIP 141 prescribes
// for a block with a commitment: one item of 32 zero bytes.
func withWitness(raw []byte) []byte {
	const version, lockTime = 4, 4
	return slices.Concat(
		raw[:version],
		[]byte{0, 1}, // marker and flag of a transaction with witnesses
		raw[version:len(raw)-lockTime],
		[]byte{1, pow.HashSize}, make([]byte, pow.HashSize),
		raw[len(raw)-lockTime:],
	)
}

// appendHeight appends a height as BIP 34 demands: heights up to 16 are one opcode.
// Greater ones are a push of the number in little-endian order, in the fewest bytes
// that leave the top bit clear, because it is the sign.
func appendHeight(script []byte, height int64) []byte {
	if height <= 16 {
		return append(script, op1+byte(height-1))
	}
	var number []byte
	for rest := height; rest > 0; rest >>= 8 {
		number = append(number, byte(rest))
	}
	if number[len(number)-1]&0x80 != 0 {
		number = append(number, 0)
	}
	return appendPush(script, number)
}

// appendPush appends the opcode that pushes data of at most 255 bytes, and the data.
func appendPush(script, data []byte) []byte {
	if len(data) >= opPushData1 {
		script = append(script, opPushData1)
	}
	return append(append(script, byte(len(data))), data...)
}

func appendOutput(to []byte, value int64, script []byte) []byte {
	to = binary.LittleEndian.AppendUint64(to, uint64(value))
	to = appendSize(to, len(script))
	return append(to, script...)
}

// appendSize appends a number in the variable length that Bitcoin calls CompactSize.
func appendSize(to []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(to, byte(n))
	case n <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(to, 0xfd), uint16(n))
	default:
		return binary.LittleEndian.AppendUint32(append(to, 0xfe), uint32(n))
	}
}
