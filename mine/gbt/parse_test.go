package gbt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
)

// This file reads blocks from first principles, with nothing of Lode: the tests compare
// what it finds with what the source has built.

// parsedTx is a transaction of a block.
type parsedTx struct {
	version  uint32
	inputs   []parsedInput
	outputs  []parsedOutput
	lockTime uint32
	id, hash [32]byte // without and with the witness, in the order of the bytes
	witness  bool     // it has the marker and the flag
}

type parsedInput struct {
	prev     [36]byte
	script   []byte
	sequence uint32
	witness  [][]byte
}

type parsedOutput struct {
	value  int64
	script []byte
}

// parsedBlock is a block, with its header in bytes.
type parsedBlock struct {
	header []byte
	txs    []parsedTx
}

type blockReader struct {
	data []byte
	at   int
	err  error
}

func (r *blockReader) take(n int) []byte {
	if r.err != nil || n < 0 || r.at+n > len(r.data) {
		r.err = errors.New("the block ends too early")
		return make([]byte, min(max(n, 0), 80))
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

func (r *blockReader) size() int {
	switch first := r.take(1)[0]; first {
	case 0xfd:
		return int(binary.LittleEndian.Uint16(r.take(2)))
	case 0xfe:
		return int(binary.LittleEndian.Uint32(r.take(4)))
	case 0xff:
		r.err = errors.New("a size of eight bytes")
		return 0
	default:
		return int(first)
	}
}

func (r *blockReader) bytes() []byte { return r.take(r.size()) }

func sha256d(data []byte) [32]byte {
	once := sha256.Sum256(data)
	return sha256.Sum256(once[:])
}

// tx reads a transaction.
func (r *blockReader) tx() (tx parsedTx) {
	start := r.at
	tx.version = binary.LittleEndian.Uint32(r.take(4))
	body := r.at
	if r.err == nil && r.at+1 < len(r.data) && r.data[r.at] == 0 && r.data[r.at+1] == 1 {
		tx.witness = true
		r.take(2)
		body = r.at
	}
	for range r.size() {
		var in parsedInput
		copy(in.prev[:], r.take(36))
		in.script = r.bytes()
		in.sequence = binary.LittleEndian.Uint32(r.take(4))
		tx.inputs = append(tx.inputs, in)
		if r.err != nil {
			return tx
		}
	}
	for range r.size() {
		var out parsedOutput
		out.value = int64(binary.LittleEndian.Uint64(r.take(8)))
		out.script = r.bytes()
		tx.outputs = append(tx.outputs, out)
		if r.err != nil {
			return tx
		}
	}
	bodyEnd := r.at
	if tx.witness {
		for i := range tx.inputs {
			for range r.size() {
				tx.inputs[i].witness = append(tx.inputs[i].witness, r.bytes())
				if r.err != nil {
					return tx
				}
			}
		}
	}
	lockTime := r.take(4)
	tx.lockTime = binary.LittleEndian.Uint32(lockTime)
	if r.err != nil {
		return tx
	}
	var stripped []byte
	stripped = append(stripped, r.data[start:start+4]...)
	stripped = append(stripped, r.data[body:bodyEnd]...)
	stripped = append(stripped, lockTime...)
	tx.id, tx.hash = sha256d(stripped), sha256d(r.data[start:r.at])
	return tx
}

// parseBlock reads a whole block.
func parseBlock(data []byte) (b parsedBlock, err error) {
	r := &blockReader{data: data}
	b.header = r.take(80)
	for range r.size() {
		b.txs = append(b.txs, r.tx())
		if r.err != nil {
			return b, r.err
		}
	}
	if r.at != len(data) {
		return b, fmt.Errorf("%d bytes after the block", len(data)-r.at)
	}
	return b, r.err
}

// merkleRoot returns the root of the tree over the ids, in the plainest way.
func merkleRoot(ids [][32]byte) [32]byte {
	for len(ids) > 1 {
		if len(ids)%2 == 1 {
			ids = append(ids, ids[len(ids)-1])
		}
		var parents [][32]byte
		for i := 0; i < len(ids); i += 2 {
			parents = append(parents, sha256d(append(append([]byte{}, ids[i][:]...), ids[i+1][:]...)))
		}
		ids = parents
	}
	return ids[0]
}

// display returns a hash as people write it.
func display(hash [32]byte) string {
	for i := range 16 {
		hash[i], hash[31-i] = hash[31-i], hash[i]
	}
	return hex.EncodeToString(hash[:])
}

// checkBlock checks everything about a block that can be checked without a chain: the
// merkle root, the witness commitment and its reserved value, the height in the
// coinbase, and the rules for the coinbase's input. It returns the parts.
func checkBlock(t testing.TB, data []byte, height int64) parsedBlock {
	t.Helper()
	b, err := parseBlock(data)
	if err != nil {
		t.Fatal(err)
	}
	var ids, hashes [][32]byte
	witnesses := false
	for i, tx := range b.txs {
		ids = append(ids, tx.id)
		if i == 0 {
			hashes = append(hashes, [32]byte{})
			continue
		}
		hashes = append(hashes, tx.hash)
		witnesses = witnesses || tx.witness
	}
	if root := merkleRoot(ids); string(b.header[36:68]) != string(root[:]) {
		t.Errorf("merkle root %x in the header, want %x", b.header[36:68], root)
	}
	cb := b.txs[0]
	if len(cb.inputs) != 1 || cb.inputs[0].prev != [36]byte{32: 0xff, 33: 0xff, 34: 0xff, 35: 0xff} {
		t.Errorf("inputs of the coinbase: %+v", cb.inputs)
	}
	script := cb.inputs[0].script
	if got, ok := heightOf(script); !ok || got != height {
		t.Errorf("script of the coinbase %x says height %d, want %d", script, got, height)
	}
	if len(script) < 2 || len(script) > 100 {
		t.Errorf("script of the coinbase has %d bytes, want 2 to 100", len(script))
	}
	if cb.lockTime != uint32(height-1) || cb.inputs[0].sequence == 0xffffffff {
		t.Errorf("lock time %d, sequence %08x; want %d, and a sequence that lets it count", cb.lockTime, cb.inputs[0].sequence, height-1)
	}
	var commitment []byte
	for _, out := range cb.outputs {
		if len(out.script) >= 38 && hex.EncodeToString(out.script[:6]) == "6a24aa21a9ed" {
			commitment = out.script[6:38]
		}
	}
	switch {
	case commitment == nil && witnesses:
		t.Error("a transaction has a witness, and the coinbase has no commitment")
	case commitment == nil && cb.witness:
		t.Error("the coinbase has a witness, and no commitment")
	case commitment != nil:
		stack := cb.inputs[0].witness
		if len(stack) != 1 || len(stack[0]) != 32 {
			t.Fatalf("witness of the coinbase: %x, want one item of 32 bytes", stack)
		}
		root := merkleRoot(hashes)
		if want := sha256d(append(root[:], stack[0]...)); string(commitment) != string(want[:]) {
			t.Errorf("commitment %x, want %x", commitment, want)
		}
	}
	return b
}

// heightOf reads the height at the beginning of a coinbase's script (BIP 34).
func heightOf(script []byte) (height int64, ok bool) {
	if len(script) == 0 {
		return 0, false
	}
	op := int(script[0])
	if op >= 0x51 && op <= 0x60 {
		return int64(op - 0x50), true
	}
	if op < 1 || op > 5 || len(script) < 1+op {
		return 0, false
	}
	for i := op; i >= 1; i-- {
		height = height<<8 | int64(script[i])
	}
	// The shortest form has no needless zero at the end, and the sign is positive.
	return height, script[op]&0x80 == 0 && (script[op] != 0 || op > 1 && script[op-1]&0x80 != 0)
}
