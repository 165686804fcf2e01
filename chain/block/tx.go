package block

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/lodepow/lode/pow"
)

// MaxTxSize is the largest size of a transaction, in bytes of its canonical
// form.
const MaxTxSize = 64 << 10

// MaxTxText is the longest text, in bytes, that is read as a transaction.
// Escapes spell a byte with up to six; the rest is room for white space.
const MaxTxText = 8 * MaxTxSize

// The fields that a transaction gives a meaning to.
const (
	fieldAuthor    = "author"
	fieldContent   = "content"
	fieldTimestamp = "timestamp"
	fieldPublicKey = "public_key"
	fieldSignature = "signature"
)

// Tx is a transaction: a JSON object with author, content and timestamp, any
// further fields, and perhaps a signature. Only its canonical form (RFC 8785)
// is kept.
//
// It never changes. Two are equal with == exactly when their canonical forms
// are. The zero value is no transaction.
type Tx struct {
	canonical string
	id        pow.Hash

	author    string
	content   string
	timestamp float64
	publicKey string // both are set, or neither
	signature string
}

// ParseTx reads a complete transaction, as it stands in a block or comes from a
// peer. Any spelling of the JSON will do; a signature has to be right.
//
// The text is checked before it is decoded or hashed: it must not repeat a key
// in an object, hold invalid UTF-8 or lone surrogates, nest deeper than 32, or
// have an integer beyond ±(2^53-1), a number too large for a double, or one that
// is not zero and has zero as its nearest double.
func ParseTx(data []byte) (Tx, error) {
	text := string(data)
	members, canonical, err := checkTx(text)
	if err != nil {
		return Tx{}, err
	}
	if canonical {
		return canonicalTx(text, data, members)
	}
	return newTx(text)
}

// NewTx reads what a client posts: author and content, and any further fields.
// It sets the timestamp to now, in microseconds, even if the post has one,
// because nobody vouches for that; a signed post must have its own.
func NewTx(post []byte, now time.Time) (Tx, error) {
	text := string(post)
	members, _, err := checkTx(text)
	if err != nil {
		return Tx{}, err
	}
	if !has(members, fieldPublicKey) && !has(members, fieldSignature) {
		text = set(text, members, fieldTimestamp, timestampOf(now))
	}
	return newTx(text)
}

// checkTx is the gate before anything else looks at a text.
func checkTx(text string) (members []member, canonical bool, err error) {
	if len(text) > MaxTxText {
		return nil, false, fmt.Errorf("transaction: text of %d bytes, at most %d are read", len(text), MaxTxText)
	}
	return scanJSON(text, 0)
}

// newTx makes a transaction of a text that checkTx has accepted.
func newTx(text string) (Tx, error) {
	raw, err := canonicalize(text)
	if err != nil {
		return Tx{}, err
	}
	// From here on nothing but the canonical form counts, so the fields are
	// taken from it, and it has to pass the check itself.
	canonical := string(raw)
	members, err := checkJSON(canonical)
	if err != nil {
		return Tx{}, fmt.Errorf("canonical form: %w", err)
	}
	return canonicalTx(canonical, raw, members)
}

// canonicalTx makes a transaction of its canonical form, as a string and as
// bytes, with those members.
func canonicalTx(canonical string, raw []byte, members []member) (Tx, error) {
	if len(canonical) > MaxTxSize {
		return Tx{}, fmt.Errorf("transaction: %d bytes in canonical form, at most %d are allowed", len(canonical), MaxTxSize)
	}
	tx := Tx{canonical: canonical}
	if err := tx.readFields(members); err != nil {
		return Tx{}, err
	}
	if has(members, fieldPublicKey) || has(members, fieldSignature) {
		if err := tx.checkSignature(members); err != nil {
			return Tx{}, err
		}
	}
	tx.id = pow.DoubleSHA256(raw)
	return tx, nil
}

// readFields takes what every transaction has from the canonical form.
func (tx *Tx) readFields(members []member) (err error) {
	if tx.author, err = stringField(tx.canonical, members, fieldAuthor); err != nil {
		return err
	}
	if tx.content, err = stringField(tx.canonical, members, fieldContent); err != nil {
		return err
	}
	tx.timestamp, err = timestampField(tx.canonical, members)
	return err
}

// loadTx reads a canonical form that ParseTx or NewTx has once returned, and
// whose bytes something vouches for. It checks no more than it must to have the
// fields.
func loadTx(data []byte) (Tx, error) {
	canonical := string(data)
	members, err := checkJSON(canonical)
	if err != nil {
		return Tx{}, err
	}
	tx := Tx{canonical: canonical, id: pow.DoubleSHA256(data)}
	if err := tx.readFields(members); err != nil {
		return Tx{}, err
	}
	if !has(members, fieldPublicKey) {
		return tx, nil
	}
	if tx.publicKey, _, err = hexField(canonical, members, fieldPublicKey, ed25519.PublicKeySize); err != nil {
		return Tx{}, err
	}
	tx.signature, _, err = hexField(canonical, members, fieldSignature, ed25519.SignatureSize)
	return tx, err
}

// canonicalize returns the RFC 8785 form of a text that checkJSON has accepted.
// Before that it must not be called: it would round integers silently.
func canonicalize(text string) ([]byte, error) {
	canonical, err := jcs.Transform([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	return canonical, nil
}

// timestampOf returns seconds with the microseconds as a fraction. At that
// precision a double is exact until the year 2242: it prints as it was written.
func timestampOf(now time.Time) string {
	seconds := float64(now.UnixMicro()) / 1e6
	return strconv.FormatFloat(seconds, 'f', -1, 64)
}

func stringField(text string, members []member, key string) (string, error) {
	m, ok := find(members, key)
	if !ok {
		return "", fmt.Errorf("%s: missing", key)
	}
	value := text[m.value:m.end]
	if value[0] != '"' || value == `""` {
		return "", fmt.Errorf("%s: must be a non-empty string", key)
	}
	return unescape(value[1 : len(value)-1]), nil
}

func timestampField(text string, members []member) (float64, error) {
	m, ok := find(members, fieldTimestamp)
	if !ok {
		return 0, fmt.Errorf("%s: missing", fieldTimestamp)
	}
	seconds, err := strconv.ParseFloat(text[m.value:m.end], 64)
	if err != nil || seconds < 0 {
		return 0, fmt.Errorf("%s: must be a number of seconds, zero or more", fieldTimestamp)
	}
	return seconds, nil
}

func find(members []member, key string) (member, bool) {
	for _, m := range members {
		if m.key == key {
			return m, true
		}
	}
	return member{}, false
}

func has(members []member, key string) bool {
	_, ok := find(members, key)
	return ok
}

// set returns the text of an object with the member of that key replaced or
// added. Key and value are JSON; the key has no escapes.
func set(text string, members []member, key, value string) string {
	if m, ok := find(members, key); ok {
		return text[:m.value] + value + text[m.end:]
	}
	if len(members) == 0 {
		return `{"` + key + `":` + value + `}`
	}
	end := members[len(members)-1].end
	return text[:end] + `,"` + key + `":` + value + text[end:]
}

// ID returns the SHA-256d of the canonical form.
func (tx Tx) ID() pow.Hash { return tx.id }

// Author returns who the transaction says it is from. Only a signature proves
// anything, and that of the public key, not of the name.
func (tx Tx) Author() string { return tx.author }

// Content returns the field of that name, never empty.
func (tx Tx) Content() string { return tx.content }

// Timestamp returns seconds since 1970-01-01 UTC, with a fraction.
func (tx Tx) Timestamp() float64 { return tx.timestamp }

// Signed reports whether the transaction has a signature; then it is right.
func (tx Tx) Signed() bool { return tx.signature != "" }

// PublicKey returns the Ed25519 key of the signature as 64 hex digits, or "" if
// there is none.
func (tx Tx) PublicKey() string { return tx.publicKey }

// Signature returns the Ed25519 signature as 128 hex digits, or "" if there is
// none.
func (tx Tx) Signature() string { return tx.signature }

// Size returns the length of the canonical form in bytes, at most [MaxTxSize].
func (tx Tx) Size() int { return len(tx.canonical) }

// String returns the canonical form.
func (tx Tx) String() string { return tx.canonical }

// MarshalJSON implements [encoding/json.Marshaler]: the canonical form, byte
// for byte. Mind that [encoding/json.Marshal] then escapes <, > and & in it,
// which [ParseTx] undoes, and which an encoder leaves out on SetEscapeHTML(false).
func (tx Tx) MarshalJSON() ([]byte, error) {
	if tx.canonical == "" {
		return nil, errors.New("the zero Tx is no transaction")
	}
	return []byte(tx.canonical), nil
}

// UnmarshalJSON implements [encoding/json.Unmarshaler] with [ParseTx]. Unlike
// most types it refuses null.
func (tx *Tx) UnmarshalJSON(data []byte) error {
	parsed, err := ParseTx(data)
	if err != nil {
		return err
	}
	*tx = parsed
	return nil
}
