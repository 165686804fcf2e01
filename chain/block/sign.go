package block

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Sign makes a signed transaction from a post, which must have the fields author and
// content and may have others. If it has no timestamp, it gets the time now with
// microseconds. The signature covers all fields, including the public key.
func Sign(post []byte, key ed25519.PrivateKey, now time.Time) (Tx, error) {
	if len(key) != ed25519.PrivateKeySize {
		return Tx{}, fmt.Errorf("private key has %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	text := string(post)
	members, _, err := checkTx(nil, text)
	if err != nil {
		return Tx{}, err
	}
	for _, field := range []string{fieldPublicKey, fieldSignature} {
		if has(members, field) {
			return Tx{}, fmt.Errorf("%s: already there, sign a post without it", field)
		}
	}
	fields := [][2]string{{fieldPublicKey, hexJSON(key[ed25519.PrivateKeySize-ed25519.PublicKeySize:])}}
	if !has(members, fieldTimestamp) {
		fields = append(fields, [2]string{fieldTimestamp, timestampOf(now)})
	}
	for _, f := range fields {
		text = set(text, members, f[0], f[1])
		if members, err = checkJSON(text); err != nil {
			return Tx{}, err
		}
	}
	message, err := canonicalize(text)
	if err != nil {
		return Tx{}, err
	}
	signature := ed25519.Sign(key, message)
	return newTx(set(text, members, fieldSignature, hexJSON(signature)))
}

func hexJSON(b []byte) string { return `"` + hex.EncodeToString(b) + `"` }

// checkSignature reads the public key and the signature from the members of the
// canonical form and verifies the signature.
func (tx *Tx) checkSignature(members []member) error {
	var key, signature []byte
	var err error
	if tx.publicKey, key, err = hexField(tx.canonical, members, fieldPublicKey, ed25519.PublicKeySize); err != nil {
		return err
	}
	if tx.signature, signature, err = hexField(tx.canonical, members, fieldSignature, ed25519.SignatureSize); err != nil {
		return err
	}
	return verify(key, unsigned(tx.canonical, members), signature)
}

// hexField reads a field that is a string of size bytes in hex, and returns where its
// digits are and its bytes. It accepts only lower-case digits. Otherwise anybody could
// change the id of a transaction without breaking its signature.
func hexField(canonical string, members []member, key string, size int) (digits part, raw []byte, err error) {
	m, ok := find(members, key)
	if !ok {
		return part{}, nil, Reject(TxBadSignature, "%s: missing, a signed transaction has %s and %s", key, fieldPublicKey, fieldSignature)
	}
	raw, err = hex.DecodeString(strings.Trim(canonical[m.value:m.end], `"`))
	if err != nil || hexJSON(raw) != canonical[m.value:m.end] || len(raw) != size {
		return part{}, nil, Reject(TxBadSignature, "%s: must be a string of %d lower-case hex digits", key, hex.EncodedLen(size))
	}
	return part{uint32(m.value + 1), uint32(m.end - 1)}, raw, nil
}

// unsigned returns the message that is signed: the canonical form without the field
// signature. It is canonical itself, because the other members keep their order. The
// signature is never the first member, because author comes before it.
func unsigned(canonical string, members []member) []byte {
	i := slices.IndexFunc(members, func(m member) bool { return m.key == fieldSignature })
	return []byte(canonical[:members[i-1].end] + canonical[members[i].end:])
}

// The ways in which a signature can be wrong.
var (
	errKeyEncoding = RuleError{Reason: TxBadSignature, Detail: "public_key: no canonical encoding of a point"}
	errKeyOrder    = RuleError{Reason: TxBadSignature, Detail: "public_key: a point of small order, under which signatures fit many messages"}
	errSignature   = RuleError{Reason: TxBadSignature, Detail: "signature: does not fit the public key and the transaction"}
)

// verify checks an Ed25519 signature so strictly that only the signer can make
// another valid signature of the same message.
//
// The standard library checks the equation without the cofactor (RFC 8032, 5.1.7).
// It refuses an S that is not below the order of the group, and it compares R with
// the expected bytes, so neither S nor R has a second encoding. But it accepts every
// encoding of the public key, and every point. verify therefore checks also that y is
// below 2^255-19, and that the point is not one of the eight whose order divides 8.
// Among those are the two points with x = 0, which have a second encoding because
// their sign bit has no meaning.
func verify(key, message, signature []byte) error {
	if len(key) != ed25519.PublicKeySize {
		return errKeyEncoding
	}
	y := [ed25519.PublicKeySize]byte(key)
	y[len(y)-1] &= 0x7f // the top bit is the sign of x
	if y[len(y)-1] == 0x7f && y[0] >= 0xed && bytes.Count(y[1:len(y)-1], []byte{0xff}) == len(y)-2 {
		return errKeyEncoding
	}
	if slices.Contains(smallOrder(), hex.EncodeToString(y[:])) {
		return errKeyOrder
	}
	if !ed25519.Verify(key, message, signature) {
		return errSignature
	}
	return nil
}

// smallOrder returns the y coordinates, in little-endian order, of the eight points of
// small order. Each but the first two is that of two points.
func smallOrder() []string {
	return []string{
		"0100000000000000000000000000000000000000000000000000000000000000", // order 1
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
		"0000000000000000000000000000000000000000000000000000000000000000", // order 4
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
	}
}
