package block

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
)

// testKey is the first key of RFC 8032, section 7.1.
func testKey() ed25519.PrivateKey {
	seed, _ := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	return ed25519.NewKeyFromSeed(seed)
}

const testPublicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

func TestVerifyWycheproof(t *testing.T) {
	data, err := os.ReadFile("testdata/ed25519/wycheproof_ed25519_test.json")
	if err != nil {
		t.Fatal(err)
	}
	type digits = string
	var file struct {
		TestGroups []struct {
			PublicKey struct{ Pk digits }
			Tests     []struct {
				TcID     int
				Comment  string
				Msg, Sig digits
				Result   string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	decode := func(s digits) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	count := map[string]int{}
	for _, g := range file.TestGroups {
		for _, tc := range g.Tests {
			count[tc.Result]++
			err := verify(decode(g.PublicKey.Pk), decode(tc.Msg), decode(tc.Sig))
			if (err == nil) != (tc.Result == "valid") {
				t.Errorf("case %d (%s) is %s: error %v", tc.TcID, tc.Comment, tc.Result, err)
			}
		}
	}
	if count["valid"] != 88 || count["invalid"] != 63 {
		t.Errorf("read %v cases", count)
	}
}

func TestVerifyKeyEncoding(t *testing.T) {
	message := []byte("any message")
	// If the key is the neutral element, then R = neutral and S = 0 is a signature of
	// every message, and the standard library accepts it.
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1

	key := func(first, middle, last byte) []byte {
		return slices.Concat([]byte{first}, bytes.Repeat([]byte{middle}, 30), []byte{last})
	}
	neutral := key(1, 0, 0)
	if !ed25519.Verify(neutral, message, signature) {
		t.Error("the standard library has become stricter: the neutral element")
	}
	if err := verify(neutral, message, signature); fmt.Sprint(err) != errKeyOrder.Error() {
		t.Errorf("neutral element: error %v", err)
	}
	if second := key(0xee, 0xff, 0x7f); !ed25519.Verify(second, message, signature) {
		t.Error("the standard library has become stricter: y of 2^255-18")
	}

	for y := 0xed; y <= 0xff; y++ {
		for _, last := range []byte{0x7f, 0xff} {
			if err := verify(key(byte(y), 0xff, last), message, signature); fmt.Sprint(err) != errKeyEncoding.Error() {
				t.Errorf("y = p+%d: error %v", y-0xed, err)
			}
		}
	}
	// Keys that only begin or end like the refused ones are good.
	for _, k := range [][]byte{key(0xeb, 0xff, 0x7f), key(0xff, 0xff, 0x7e), key(0xff, 0xfe, 0x7f)} {
		if err := verify(k, message, signature); fmt.Sprint(err) != errSignature.Error() {
			t.Errorf("%x: error %v", k, err)
		}
	}
	for _, k := range [][]byte{nil, neutral[:31], append(neutral, 0)} {
		if err := verify(k, message, signature); err == nil {
			t.Errorf("accepted a key of %d bytes", len(k))
		}
	}
	if err := verify(testKey().Public().(ed25519.PublicKey), message, signature[:63]); err == nil {
		t.Error("accepted a signature of 63 bytes")
	}
}

// The group has 8·l points, so exactly eight have an order that divides 8. This test
// computes the points of the table on the curve -x²+y² = 1+dx²y² and their multiples.
func TestSmallOrder(t *testing.T) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	one := big.NewInt(1)
	mul := func(a, b *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Mul(a, b), p) }
	add := func(a, b *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Add(a, b), p) }
	sub := func(a, b *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Sub(a, b), p) }
	div := func(a, b *big.Int) *big.Int { return mul(a, new(big.Int).ModInverse(b, p)) }
	d := div(big.NewInt(-121665), big.NewInt(121666))

	points := map[string]bool{}
	for _, digits := range smallOrder() {
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != 32 {
			t.Fatal(digits, err)
		}
		slices.Reverse(raw)
		y := new(big.Int).SetBytes(raw)
		y2 := mul(y, y)
		root := new(big.Int).ModSqrt(div(sub(y2, one), add(mul(d, y2), one)), p)
		if root == nil {
			t.Fatalf("%s is not on the curve", digits)
		}
		for _, x := range []*big.Int{root, sub(new(big.Int), root)} {
			points[fmt.Sprint(x, y)] = true
			px, py := x, y
			for range 3 {
				k := mul(d, mul(mul(px, px), mul(py, py)))
				px, py = div(mul(big.NewInt(2), mul(px, py)), add(one, k)),
					div(add(mul(py, py), mul(px, px)), sub(one, k))
			}
			if px.Sign() != 0 || py.Cmp(one) != 0 {
				t.Errorf("8 times the point of %s is (%v, %v)", digits, px, py)
			}
		}
	}
	if len(points) != 8 {
		t.Errorf("%d points, want 8", len(points))
	}
}

func TestSign(t *testing.T) {
	const signed = `{"author":"alice","content":"hello","public_key":"` + testPublicKey + `","timestamp":1767323045.678901,"zip":1}`
	tx, err := Sign([]byte(`{"zip":1.0,"content":"hello","author":"alice"}`), testKey(), testTime)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hex.DecodeString(tx.Signature())
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(testKey().Public().(ed25519.PublicKey), []byte(signed), signature) {
		t.Errorf("the signature is not over %s", signed)
	}
	if want := strings.Replace(signed, `"timestamp"`, `"signature":"`+tx.Signature()+`","timestamp"`, 1); tx.String() != want {
		t.Errorf("got %s, want %s", tx, want)
	}
	if !tx.Signed() || tx.PublicKey() != testPublicKey {
		t.Errorf("signed %v by %s", tx.Signed(), tx.PublicKey())
	}
	sound(t, tx)

	// A node does not change the signed transaction.
	if posted, err := NewTx([]byte(tx.String()), testTime.AddDate(1, 0, 0)); err != nil || posted != tx {
		t.Errorf("posted, it became %s (%v)", posted, err)
	}
	// The same key and post give the same signature, and a timestamp stays.
	own, err := Sign([]byte(`{"timestamp":7,"content":"hello","author":"alice"}`), testKey(), testTime)
	if err != nil || own.Timestamp() != 7 {
		t.Errorf("timestamp %v, error %v", own.Timestamp(), err)
	}
	// Fields may sort before or after signature.
	for _, key := range []string{"", "A", "signaturf", "signatur", "signature ", "zz"} {
		tx, err := Sign([]byte(`{"`+key+`":[],"content":"hello","author":"alice"}`), testKey(), testTime)
		if err != nil {
			t.Errorf("with a field %q: %v", key, err)
			continue
		}
		sound(t, tx)
	}
}

func TestSignRefuses(t *testing.T) {
	other := slices.Clone(testKey())
	other[40] ^= 1 // the public key no longer belongs to the seed
	for name, tc := range map[string]struct {
		post string
		key  ed25519.PrivateKey
		want string
	}{
		"short key":      {`{"author":"a","content":"c"}`, testKey()[:32], "private key has 32 bytes, want 64"},
		"broken key":     {`{"author":"a","content":"c"}`, other, "signature: does not fit"},
		"empty":          {`{}`, testKey(), "author: missing"},
		"no content":     {`{"author":"a"}`, testKey(), "content: missing"},
		"bad timestamp":  {`{"author":"a","content":"c","timestamp":null}`, testKey(), "timestamp: must be a number"},
		"signed before":  {`{"author":"a","content":"c","signature":"00"}`, testKey(), "signature: already there"},
		"has a key":      {`{"author":"a","content":"c","public_key":"00"}`, testKey(), "public_key: already there"},
		"no strict JSON": {`{"author":"a","content":"c","author":"b"}`, testKey(), "duplicate key"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Sign([]byte(tc.post), tc.key, testTime); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestSignedTxRefuses(t *testing.T) {
	tx, err := Sign([]byte(`{"author":"alice","content":"hello"}`), testKey(), testTime)
	if err != nil {
		t.Fatal(err)
	}
	key, signature := `"public_key":"`+tx.PublicKey()+`",`, `"signature":"`+tx.Signature()+`",`
	const (
		misfit = "signature: does not fit"
		digits = "signature: must be a string of 128 lower-case hex digits"
	)
	// S plus the order of the group fulfils the same equation, and must be refused.
	raw, _ := hex.DecodeString(tx.Signature())
	s := slices.Clone(raw[32:])
	slices.Reverse(s)
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	larger := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(larger)

	for name, tc := range map[string]struct{ old, new, want string }{
		"other author":       {"alice", "malice", misfit},
		"other content":      {"hello", "Hello", misfit},
		"other timestamp":    {`"timestamp":1`, `"timestamp":2`, misfit},
		"another field":      {`"author"`, `"a":1,"author"`, misfit},
		"other public key":   {tx.PublicKey(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", misfit},
		"larger S":           {tx.Signature()[64:], hex.EncodeToString(larger), misfit},
		"no timestamp":       {`,"timestamp":` + timestampOf(testTime) + "}", "}", "timestamp: missing"},
		"no public key":      {key, "", "public_key: missing"},
		"no signature":       {signature, "", "signature: missing"},
		"upper case":         {tx.Signature(), strings.ToUpper(tx.Signature()), digits},
		"upper case key":     {tx.PublicKey(), strings.ToUpper(tx.PublicKey()), "public_key: must be a string of 64 lower-case hex digits"},
		"too short":          {tx.Signature(), tx.Signature()[2:], digits},
		"too long":           {tx.Signature(), tx.Signature() + "00", digits},
		"empty":              {tx.Signature(), "", digits},
		"quotes":             {tx.Signature(), `\"` + tx.Signature() + `\"`, digits},
		"null":               {`"` + tx.Signature() + `"`, "null", digits},
		"a number":           {`"` + tx.Signature() + `"`, "12", digits},
		"small order":        {tx.PublicKey(), smallOrder()[3], errKeyOrder.Error()},
		"no canonical point": {tx.PublicKey(), "ee" + strings.Repeat("ff", 30) + "7f", errKeyEncoding.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(tx.String(), tc.old, tc.new, 1)
			if text == tx.String() {
				t.Fatal("nothing was replaced")
			}
			if _, err := ParseTx([]byte(text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if _, err := NewTx([]byte(text), testTime); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("posted: error %v, want one with %q", err, tc.want)
			}
		})
	}
}
