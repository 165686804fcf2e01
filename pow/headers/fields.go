package headers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// fields are the values of one object or one row, by the meaning of their names.
type fields struct {
	values [nField]string
	has    [nField]bool
}

type field uint8

const (
	fieldVersion field = iota
	fieldPrev
	fieldMerkle
	fieldTime
	fieldBits
	fieldNonce
	fieldHash
	fieldHeight
	nField
)

// fieldOf returns what a name means, as Bitcoin Core, btcd and block explorers use
// it. The case of letters and all other characters do not matter.
func fieldOf(name string) (field, bool) {
	var letters strings.Builder
	for _, c := range strings.ToLower(name) {
		if 'a' <= c && c <= 'z' {
			letters.WriteRune(c)
		}
	}
	switch letters.String() {
	case "version", "ver", "nversion":
		return fieldVersion, true
	case "previousblockhash", "prevblockhash", "previousblock", "prevblock", "previoushash", "prevhash", "hashprevblock", "hashprev", "prev", "parent", "parenthash":
		return fieldPrev, true
	case "merkleroot", "mrklroot", "hashmerkleroot", "merkleroothash", "merkle":
		return fieldMerkle, true
	case "time", "timestamp", "ntime", "blocktime", "unixtime":
		return fieldTime, true
	case "bits", "nbits":
		return fieldBits, true
	case "nonce", "nnonce":
		return fieldNonce, true
	case "hash", "id", "blockhash", "blockid":
		return fieldHash, true
	case "height", "blockheight", "n":
		return fieldHeight, true
	}
	return 0, false
}

// set takes a value. A name that means nothing, or that has come before, is ignored.
func (f *fields) set(name, value string) {
	if at, ok := fieldOf(name); ok && !f.has[at] {
		f.values[at], f.has[at] = strings.TrimSpace(value), true
	}
}

// looksLikeHeader reports whether there are enough fields to be a header with
// something missing, rather than an object of another kind.
func (f *fields) looksLikeHeader() bool {
	return f.has[fieldNonce] && f.has[fieldBits]
}

// header makes a header of the fields. If the object states its hash, the header must
// have that hash.
func (f *fields) header() (pow.Header, error) {
	var h pow.Header
	names := [...]string{"version", "hash of the previous block", "merkle root", "time", "bits", "nonce"}
	for i, name := range names {
		if f.has[i] && f.values[i] != "" || field(i) == fieldPrev {
			continue
		}
		return h, reject.New(Malformed, "the %s is missing", name)
	}
	fail := func(what field, err error) (pow.Header, error) {
		return pow.Header{}, reject.New(Malformed, "%s %.80q: %v", names[what], f.values[what], err)
	}
	version, err := strconv.ParseInt(f.values[fieldVersion], 0, 64)
	if err != nil || version < -1<<31 || version >= 1<<32 {
		return fail(fieldVersion, errNumber)
	}
	h.Version = int32(uint32(version))
	if prev := f.values[fieldPrev]; prev != "" && prev != "null" {
		if h.Prev, err = pow.ParseHash(strings.TrimPrefix(prev, "0x")); err != nil {
			return fail(fieldPrev, err)
		}
	} else if f.values[fieldHeight] != "0" {
		return h, reject.New(Malformed, "the hash of the previous block is missing, without which there is no header")
	}
	if h.MerkleRoot, err = pow.ParseHash(strings.TrimPrefix(f.values[fieldMerkle], "0x")); err != nil {
		return fail(fieldMerkle, err)
	}
	for _, n := range []struct {
		field
		to *uint32
	}{{fieldTime, &h.Time}, {fieldNonce, &h.Nonce}, {fieldBits, (*uint32)(&h.Bits)}} {
		x, err := parseUint(f.values[n.field], n.field == fieldBits)
		if err != nil && n.field == fieldTime {
			x, err = parseDate(f.values[n.field])
		}
		if err != nil {
			return fail(n.field, err)
		}
		*n.to = x
	}
	if stated := f.values[fieldHash]; len(stated) == 64 && stated != h.Hash().String() {
		return h, reject.New(Malformed, "the fields make the header of block %s, but the stated hash is %s", h.Hash(), stated)
	}
	return h, nil
}

var errNumber = fmt.Errorf("want a whole number that fits into 32 bits")

// parseUint reads a number of 32 bits, in decimal, or in hex with 0x. Bits without 0x
// are hex if they have eight digits: their decimal form has nine digits at least, or
// ten.
func parseUint(s string, bits bool) (uint32, error) {
	base := 10
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		s, base = hex, 16
	} else if bits && len(s) == 8 {
		base = 16
	}
	x, err := strconv.ParseUint(s, base, 32)
	if err != nil {
		return 0, errNumber
	}
	return uint32(x), nil
}

// parseDate reads a time that is written as a date, in UTC unless it says otherwise, as
// some explorers and databases export it.
func parseDate(s string) (uint32, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() >= 0 && t.Unix() < 1<<32 {
			return uint32(t.Unix()), nil
		}
	}
	return 0, errNumber
}
