package nodes

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"
)

// The coins of these tests belong to everybody: their script is OP_TRUE, by itself or
// as a witness script. So they are spent without a signature.

// witnessOfTrue is the script of a coin that the witness script OP_TRUE spends.
func witnessOfTrue() []byte {
	hash := sha256.Sum256([]byte{0x51})
	return slices.Concat([]byte{0, 32}, hash[:])
}

// spend returns a transaction that spends the first output of another one, and pays the
// given value to a script. If the output belongs to witnessOfTrue, the transaction has
// a witness.
func spend(t testing.TB, txid string, witness bool, value int64, script []byte) []byte {
	t.Helper()
	prev, err := hex.DecodeString(txid)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(prev)
	tx := []byte{2, 0, 0, 0}
	if witness {
		tx = append(tx, 0, 1)
	}
	tx = append(tx, 1)
	tx = append(tx, prev...)
	tx = append(tx, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1)
	tx = binary.LittleEndian.AppendUint64(tx, uint64(value))
	tx = append(append(tx, byte(len(script))), script...)
	if witness {
		tx = append(tx, 1, 1, 0x51)
	}
	return append(tx, 0, 0, 0, 0)
}
