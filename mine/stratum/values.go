package stratum

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/lodepow/lode/pow"
)

// params reads the parameters of one message, in their order. The first error stays.
type params struct {
	method string
	list   []json.RawMessage
	next   int
	err    error
}

func paramsOf(m Message, method string) *params {
	p := &params{method: method, list: m.Params}
	if m.Method != method {
		p.fail("message", fmt.Errorf("method is %q", m.Method))
	}
	return p
}

// fail notes the error if it is the first.
func (p *params) fail(name string, err error) {
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("%s: %s: %w", p.method, name, err)
	}
}

// has reports whether there is another parameter, and it is not null.
func (p *params) has() bool {
	return p.next < len(p.list) && !isNull(p.list[p.next])
}

var errMissing = errors.New("is missing")

// take returns the next parameter, and nil if it is missing.
func (p *params) take(name string) json.RawMessage {
	if !p.has() {
		p.next++
		p.fail(name, errMissing)
		return nil
	}
	p.next++
	return p.list[p.next-1]
}

// read gives the next parameter to a function that parses it.
func read[T any](p *params, name string, parse func(json.RawMessage) (T, error)) T {
	raw := p.take(name)
	if raw == nil {
		var zero T
		return zero
	}
	v, err := parse(raw)
	p.fail(name, err)
	return v
}

// readOr is like read, but a parameter that is missing or null is the zero value.
func readOr[T any](p *params, name string, parse func(json.RawMessage) (T, error)) T {
	if !p.has() {
		p.next++
		var zero T
		return zero
	}
	return read(p, name, parse)
}

// parseText accepts a string, and a number as its digits.
func parseText(raw json.RawMessage) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		return s, nil
	}
	if _, err := parseNumber(raw); err == nil {
		return string(raw), nil
	}
	return "", errors.New("want a string")
}

// parseNumber accepts a number, and a string that holds one.
func parseNumber(raw json.RawMessage) (float64, error) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, errors.New("want a number")
	}
	return n, nil
}

// parseCount accepts a whole number from 0 to 65535.
func parseCount(raw json.RawMessage) (int, error) {
	n, err := parseNumber(raw)
	if err != nil || n != math.Trunc(n) || n < 0 || n > math.MaxUint16 {
		return 0, errors.New("want a whole number from 0 to 65535")
	}
	return int(n), nil
}

// parseBool accepts true and false, and 1 and 0.
func parseBool(raw json.RawMessage) (bool, error) {
	switch strings.Trim(string(raw), `"`) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errors.New("want true or false")
}

// parseBytes accepts a string of hex digits.
func parseBytes(raw json.RawMessage) ([]byte, error) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil, errors.New("want a string of hex digits")
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, errors.New("want an even number of hex digits")
	}
	return b, nil
}

// parseWord accepts a string of one to eight hex digits.
func parseWord(raw json.RawMessage) (uint32, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
		if n, err := strconv.ParseUint(s, 16, 32); err == nil && len(s) <= 8 {
			return uint32(n), nil
		}
	}
	return 0, errors.New("want up to eight hex digits")
}

// word returns n as eight hex digits. Widespread miners refuse more and fewer.
func word(n uint32) string { return fmt.Sprintf("%08x", n) }

// parseHash accepts the hex digits of a hash in the order of its bytes.
func parseHash(raw json.RawMessage) (pow.Hash, error) {
	var h pow.Hash
	b, err := parseBytes(raw)
	if err != nil || len(b) != len(h) {
		return h, errors.New("want 64 hex digits")
	}
	copy(h[:], b)
	return h, nil
}

// parsePrev accepts the hash of a parent as Stratum writes it.
func parsePrev(raw json.RawMessage) (pow.Hash, error) {
	h, err := parseHash(raw)
	return reverseWords(h), err
}

// prev returns the hash of a parent as Stratum writes it.
func prev(h pow.Hash) string {
	h = reverseWords(h)
	return hex.EncodeToString(h[:])
}

// reverseWords reverses the bytes in each word of four bytes. Stratum writes the hash
// of the parent that way, and no other hash.
func reverseWords(h pow.Hash) pow.Hash {
	for i := 0; i < len(h); i += 4 {
		w := h[i : i+4]
		binary.LittleEndian.PutUint32(w, bits.ReverseBytes32(binary.LittleEndian.Uint32(w)))
	}
	return h
}

// parseBranch accepts a list of hashes.
func parseBranch(raw json.RawMessage) ([]pow.Hash, error) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, errors.New("want a list of hashes")
	}
	branch := make([]pow.Hash, len(list))
	for i, raw := range list {
		h, err := parseHash(raw)
		if err != nil {
			return nil, fmt.Errorf("hash %d: %w", i, err)
		}
		branch[i] = h
	}
	return branch, nil
}

// digits returns the number without an exponent where that is short, because some
// miners read no exponents.
func digits(n float64) json.RawMessage {
	format := byte('f')
	if n != 0 && (math.Abs(n) >= 1e21 || math.Abs(n) < 1e-9) {
		format = 'g'
	}
	return bytes.TrimSpace(strconv.AppendFloat(nil, n, format, -1, 64))
}
