package block

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/lodepow/lode/pow"
)

// MaxTxSize is the greatest size of a transaction in bytes of its canonical form.
const MaxTxSize = 64 << 10

// MaxTxText is the size in bytes of the longest text that is read as a transaction.
// An escape can take six bytes for a byte of the canonical form; the rest is room for
// white space.
const MaxTxText = 8 * MaxTxSize

// The fields of a transaction that have a meaning.
const (
	fieldAuthor    = "author"
	fieldContent   = "content"
	fieldTimestamp = "timestamp"
	fieldPublicKey = "public_key"
	fieldSignature = "signature"
)

// Tx is a transaction: a JSON object with the fields author, content and timestamp. It
// may have any further fields, and may be signed. Only its canonical form (RFC 8785)
// is kept.
//
// A Tx is immutable. Two of them are == if and only if their canonical forms are
// equal. The zero value is not a transaction.
type Tx struct {
	canonical string
	id        pow.Hash

	// Where the strings are in the canonical form, without their quotes. A node keeps many
	// transactions, and its garbage collector would have to follow strings.
	author    part
	content   part
	publicKey part // hex; empty if the transaction is not signed
	signature part // hex; empty if the transaction is not signed
	timestamp float64
}

// part is a part of a text of at most MaxTxSize bytes.
type part struct{ start, end uint32 }

func (p part) of(text string) string { return text[p.start:p.end] }

// ParseTx reads a complete transaction, such as one from a block or from a peer. The
// JSON need not be in canonical form. If there is a signature, it must be valid.
//
// The text is checked before it is decoded or hashed. It must not have duplicate keys
// in an object, invalid UTF-8, lone surrogates, nesting deeper than 32, integers
// beyond ±(2^53-1), numbers too large for a double, or nonzero numbers that are
// rounded to zero.
func ParseTx(data []byte) (Tx, error) {
	text := string(data)
	memory := memories.Get().(*[usualMembers]member)
	defer freeMemory(memory)
	members, canonical, err := checkTx(memory[:0], text)
	if err != nil {
		return Tx{}, err
	}
	if canonical {
		return canonicalTx(text, data, members)
	}
	return newTx(text)
}

// NewTx makes a transaction from a client's post, which must have the fields author
// and content and may have others. NewTx sets the timestamp to now with microseconds,
// even if the post has a timestamp, which nobody could verify. A signed post must have
// a timestamp, which stays.
func NewTx(post []byte, now time.Time) (Tx, error) {
	text := string(post)
	memory := memories.Get().(*[usualMembers]member)
	defer freeMemory(memory)
	members, canonical, err := checkTx(memory[:0], text)
	if err != nil {
		return Tx{}, err
	}
	if !has(members, fieldPublicKey) && !has(members, fieldSignature) {
		text = set(text, members, fieldTimestamp, timestampOf(now))
	}
	if canonical { // the timestamp is probably in its place as well, which takes a look to know
		if members, canonical, err = scanInto(memory[:0], text, 0); err == nil && canonical {
			var short [512]byte // most transactions fit, so that their bytes need no memory
			return canonicalTx(text, append(short[:0], text...), members)
		}
	}
	return newTx(text)
}

// memories holds arrays for the members of a text, which nothing refers to when the
// transaction is made.
var memories = sync.Pool{New: func() any { return new([usualMembers]member) }}

// freeMemory gives back an array. It keeps no text in memory.
func freeMemory(memory *[usualMembers]member) {
	clear(memory[:])
	memories.Put(memory)
}

// checkTx checks a text before anything else reads it. It appends the members to memory.
func checkTx(memory []member, text string) (members []member, canonical bool, err error) {
	if len(text) > MaxTxText {
		return nil, false, Reject(TxOversize, "transaction: text of %d bytes, at most %d are read", len(text), MaxTxText)
	}
	return scanInto(memory, text, 0)
}

// newTx makes a transaction from a text that checkTx has accepted.
func newTx(text string) (Tx, error) {
	raw, err := canonicalize(text)
	if err != nil {
		return Tx{}, err
	}
	// The id depends only on the canonical form, so the fields must be read from it,
	// and it must pass the check, too.
	canonical := string(raw)
	members, err := checkJSON(canonical)
	if err != nil {
		return Tx{}, fmt.Errorf("canonical form: %w", err)
	}
	return canonicalTx(canonical, raw, members)
}

// canonicalTx makes a transaction from its canonical form, which is given as a string
// and as bytes, and the members of that form.
func canonicalTx(canonical string, raw []byte, members []member) (Tx, error) {
	if len(canonical) > MaxTxSize {
		return Tx{}, Reject(TxOversize, "transaction: %d bytes in canonical form, at most %d are allowed", len(canonical), MaxTxSize)
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

// readFields reads the fields that every transaction has.
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

// loadTx reads the canonical form of a transaction that ParseTx or NewTx has returned
// before. The caller must make sure that its bytes have not changed, because loadTx
// does not verify the signature.
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

// canonicalize returns the RFC 8785 form of a text that checkJSON has accepted. It
// must not be called for other texts, because it would silently round integers.
func canonicalize(text string) ([]byte, error) {
	canonical, err := jcs.Transform([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	return canonical, nil
}

// timestampOf returns a time as seconds with six decimals at most. Until the year 2242
// a double is precise enough for that: it is printed with the digits that were
// written.
func timestampOf(now time.Time) string {
	seconds := float64(now.UnixMicro()) / 1e6
	return strconv.FormatFloat(seconds, 'f', -1, 64)
}

// stringField returns where a field is that must be a non-empty string.
func stringField(text string, members []member, key string) (part, error) {
	m, ok := find(members, key)
	if !ok {
		return part{}, fmt.Errorf("%s: missing", key)
	}
	value := text[m.value:m.end]
	if value[0] != '"' || value == `""` {
		return part{}, fmt.Errorf("%s: must be a non-empty string", key)
	}
	return part{uint32(m.value + 1), uint32(m.end - 1)}, nil
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

// set returns the text of an object in which the member with the key is replaced or
// added. The value is JSON, and the key must not need escapes.
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

// Author returns the field author, which proves nothing: a signature proves only who
// has the public key.
func (tx Tx) Author() string { return unescape(tx.author.of(tx.canonical)) }

// Content returns the field content, which is never empty.
func (tx Tx) Content() string { return unescape(tx.content.of(tx.canonical)) }

// Timestamp returns the field timestamp: seconds since 1970-01-01 UTC, with a fraction.
func (tx Tx) Timestamp() float64 { return tx.timestamp }

// Signed reports whether the transaction has a signature. If so, it has been verified.
func (tx Tx) Signed() bool { return tx.signature != part{} }

// PublicKey returns the Ed25519 public key of the signature as 64 hex digits, or "" if
// the transaction is not signed.
func (tx Tx) PublicKey() string { return tx.publicKey.of(tx.canonical) }

// Signature returns the Ed25519 signature as 128 hex digits, or "" if the transaction
// is not signed.
func (tx Tx) Signature() string { return tx.signature.of(tx.canonical) }

// Size returns the length of the canonical form in bytes, at most [MaxTxSize].
func (tx Tx) Size() int { return len(tx.canonical) }

// String returns the canonical form.
func (tx Tx) String() string { return tx.canonical }

var errZeroTx = errors.New("the zero Tx is no transaction")

// MarshalJSON implements [encoding/json.Marshaler]. It returns the canonical form.
// Note that [encoding/json.Marshal] then escapes the characters <, > and & in it.
// [ParseTx] accepts the result, and an encoder with SetEscapeHTML(false) does not
// escape them.
func (tx Tx) MarshalJSON() ([]byte, error) {
	if tx.canonical == "" {
		return nil, errZeroTx
	}
	return []byte(tx.canonical), nil
}

// UnmarshalJSON implements [encoding/json.Unmarshaler] with [ParseTx]. Unlike most
// types it does not accept null.
func (tx *Tx) UnmarshalJSON(data []byte) error {
	parsed, err := ParseTx(data)
	if err != nil {
		return err
	}
	*tx = parsed
	return nil
}
