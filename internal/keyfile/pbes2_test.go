package keyfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
)

// TestPadding decrypts texts with every kind of padding (RFC 8018, 6.1.1): from one byte to a
// whole block, each with the value of their number.
func TestPadding(t *testing.T) {
	s := sealed{salt: make([]byte, saltSize), iterations: 1}
	block, err := derive([]byte("x"), s.salt, s.iterations)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		plain []byte
		want  int // bytes before the padding; -1: refused
	}{
		{"one byte", append(bytes.Repeat([]byte{7}, 15), 1), 15},
		{"a whole block", bytes.Repeat([]byte{16}, 16), 0},
		{"none", make([]byte, 16), -1},
		{"more than a block", bytes.Repeat([]byte{17}, 32), -1},
		{"bytes that differ", append(bytes.Repeat([]byte{7}, 14), 3, 2), -1},
	} {
		s.data = make([]byte, len(tc.plain))
		cipher.NewCBCEncrypter(block, s.iv[:]).CryptBlocks(s.data, tc.plain)
		got, err := s.open([]byte("x"))
		if tc.want < 0 {
			if !errors.Is(err, ErrPassphrase) {
				t.Errorf("%s: %x, %v; want %v", tc.name, got, err, ErrPassphrase)
			}
		} else if err != nil || !bytes.Equal(got, tc.plain[:tc.want]) {
			t.Errorf("%s: %x, %v; want %x", tc.name, got, err, tc.plain[:tc.want])
		}
	}
}

// TestSealAnyLength encrypts texts of all lengths around that of a block.
func TestSealAnyLength(t *testing.T) {
	for size := range 2*aes.BlockSize + 1 {
		plain := bytes.Repeat([]byte{7}, size)
		der, err := seal(plain, []byte("x"), 1, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseSealed(der, 1)
		if err != nil || len(s.salt) != saltSize {
			t.Fatalf("%d bytes: a salt of %d bytes, %v", size, len(s.salt), err)
		}
		if got, err := s.open([]byte("x")); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes become %x, %v", size, got, err)
		}
	}
}

// TestBounds reads files that are exactly at a bound, and some that are just beyond it.
func TestBounds(t *testing.T) {
	longest := strings.Repeat("p", MaxPassphrase)
	file, err := Encrypt(testKey(t), []byte(longest), MinIterations, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	full := append(bytes.Repeat([]byte("\n"), MaxFile-len(file)), file...)
	if key, err := parse(full, fixed(longest), MinIterations); err != nil || !key.Equal(testKey(t)) {
		t.Errorf("the longest file and passphrase, and the most iterations: %v", err)
	}
	b, err := find(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name            string
		salt, key, data int // bytes
		want            string
	}{
		{"the longest salt", maxSalt, 0, 16, ""},
		{"the shortest salt", minSalt, keySize, 16, ""},
		{"a salt that is too long", maxSalt + 1, 0, 16, "a salt of 1025 bytes, want 8 to 1024"},
		{"no data", minSalt, 0, 0, "0 bytes of encrypted data, want whole blocks of 16"},
	} {
		if _, err := parseSealed(resealed(t, b, tc.salt, tc.key, tc.data), MinIterations); tc.want == "" && err != nil || tc.want != "" && (err == nil || err.Error() != tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

// resealed returns an encrypted key with another salt, length of the key and data.
func resealed(t *testing.T, b pem.Block, salt, key, data int) []byte {
	t.Helper()
	var info sealedInfo
	var scheme pbes2Params
	var kdf pbkdf2Params
	for _, step := range []struct {
		der   func() []byte
		value any
	}{
		{func() []byte { return b.Bytes }, &info},
		{func() []byte { return info.Algorithm.Parameters.FullBytes }, &scheme},
		{func() []byte { return scheme.KDF.Parameters.FullBytes }, &kdf},
	} {
		if _, err := asn1.Unmarshal(step.der(), step.value); err != nil {
			t.Fatal(err)
		}
	}
	kdf.Salt, kdf.KeyLength, info.Data = make([]byte, salt), key, make([]byte, data)
	marshal := func(value any) []byte {
		der, err := asn1.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	scheme.KDF.Parameters = asn1.RawValue{FullBytes: marshal(kdf)}
	info.Algorithm.Parameters = asn1.RawValue{FullBytes: marshal(scheme)}
	return marshal(info)
}

// TestOtherKey decrypts a key of an unknown kind: the passphrase is right, and the error must
// not say otherwise.
func TestOtherKey(t *testing.T) {
	plain, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: oidPBES2()}, []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	der, err := seal(plain, []byte("x"), 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := pem.EncodeToMemory(&pem.Block{Type: typeEncrypted, Bytes: der})
	if _, err := Parse(file, fixed("x")); err == nil || errors.Is(err, ErrPassphrase) {
		t.Errorf("%v, want that the kind of the key is unknown", err)
	}
}
