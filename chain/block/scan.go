package block

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth   = 32        // nesting of arrays and objects; the outermost is 1
	maxInteger = 1<<53 - 1 // up to here, different integers are different doubles

	minExponent = 1e21 // RFC 8785 writes numbers from here on with an exponent
)

// member is a member of a JSON object and its position in the text.
type member struct {
	key string // unescaped

	// text[start:end] is the whole member, text[value:end] its value.
	start, value, end int
}

// checkJSON checks a text, which must be a JSON object, and returns its members.
//
// It is stricter than RFC 8259. A text that two readers could understand differently
// must not get an id, so checkJSON refuses duplicate keys (compared after unescaping),
// invalid UTF-8, escapes of lone surrogates, and nesting deeper than 32.
//
// A number means the nearest double, as in RFC 8785. An integer literal must lie
// within ±(2^53-1), because larger integers could lose digits. A literal with a
// fraction or an exponent may lie beyond, with three exceptions:
//
//   - It must not be too large for a double.
//   - It must not be rounded to zero unless it is zero.
//   - It must not lie between 2^53-1 and 1e21 in absolute value. RFC 8785 writes
//     these doubles as integers, so checkJSON would refuse the canonical form.
//
// 1E30 is accepted, for example, and becomes 1e+30, but 1e20 is refused.
func checkJSON(text string) ([]member, error) {
	members, _, err := scanJSON(text, 0)
	return members, err
}

// scanJSON does what checkJSON does, except that it accepts a nesting that is deeper
// by around levels: those levels surround the objects that the limit is meant for. If
// canonical is true, the text is in the form of RFC 8785. If it is false, the text may
// still be; see canonical.go.
func scanJSON(text string, around int) (members []member, canonical bool, err error) {
	return scanInto(make([]member, 0, usualMembers), text, around)
}

// usualMembers is more than the number of members that most transactions have.
const usualMembers = 8

// scanInto does what scanJSON does, and appends the members to the given ones.
func scanInto(to []member, text string, around int) (members []member, canonical bool, err error) {
	s := scanner{text: text, depth: -around, members: to, canonical: true}
	s.space()
	if s.peek() != '{' {
		return nil, false, s.unexpected("an object")
	}
	if err := s.object(); err != nil {
		return nil, false, err
	}
	s.space()
	if s.at < len(text) {
		return nil, false, s.unexpected("nothing after the object")
	}
	return s.members, s.canonical, nil
}

// scanner reads a text once, from left to right. Each of its methods reads one
// element of the grammar: before the call, at is the position of the element's first
// byte, and afterwards it is the position behind its last byte.
type scanner struct {
	text  string
	at    int
	depth int // number of arrays and objects that are open, less those of around

	// members is a stack of the members read so far of all open objects, the
	// outermost object first. When an object closes, its members are removed, except
	// those of the outermost object.
	members []member

	canonical bool // whether the text read so far is in the form of RFC 8785
}

// peek returns the next byte. At the end of the text it returns 0, which no element
// of the grammar begins with.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
			s.canonical = false
		default:
			return
		}
	}
}

// errorf returns an error about the byte at a position.
func (s *scanner) errorf(at int, format string, args ...any) error {
	return fmt.Errorf("invalid JSON at byte %d: %s", at, fmt.Sprintf(format, args...))
}

// unexpected returns an error that says what follows instead of what is wanted.
func (s *scanner) unexpected(want string) error {
	if s.at == len(s.text) {
		return s.errorf(s.at, "the text ends, want %s", want)
	}
	r, size := utf8.DecodeRuneInString(s.text[s.at:])
	if r == utf8.RuneError && size == 1 {
		return s.errorf(s.at, "invalid UTF-8, want %s", want)
	}
	return s.errorf(s.at, "unexpected %q, want %s", r, want)
}

func (s *scanner) value() error {
	switch c := s.peek(); c {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		_, err := s.str()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || isDigit(c) {
			return s.number()
		}
		return s.unexpected("a value")
	}
}

func (s *scanner) word(word string) error {
	if !strings.HasPrefix(s.text[s.at:], word) {
		return s.unexpected("a value")
	}
	s.at += len(word)
	return nil
}

// open reads the opening bracket of an array or object.
func (s *scanner) open() error {
	if s.depth == maxDepth {
		return s.errorf(s.at, "nested deeper than %d levels", maxDepth)
	}
	s.depth++
	s.at++
	s.space()
	return nil
}

// next reads the comma before another element, or the closing bracket of the array
// or object. more is true after a comma.
func (s *scanner) next(bracket byte) (more bool, err error) {
	s.space()
	switch s.peek() {
	case ',':
		s.at++
		s.space()
		return true, nil
	case bracket:
		s.at++
		s.depth--
		return false, nil
	}
	return false, s.unexpected(fmt.Sprintf("a comma or %q", bracket))
}

func (s *scanner) array() error {
	if err := s.open(); err != nil {
		return err
	}
	if s.peek() == ']' {
		_, err := s.next(']')
		return err
	}
	for more := true; more; {
		err := s.value()
		if err == nil {
			more, err = s.next(']')
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) object() error {
	if err := s.open(); err != nil {
		return err
	}
	if s.peek() == '}' {
		_, err := s.next('}')
		return err
	}
	first := len(s.members)
	var keys keySet
	for more := true; more; {
		m := member{start: s.at}
		var err error
		if m.key, err = s.key(); err != nil {
			return err
		}
		if !keys.add(m.key, s.members[first:]) {
			return s.errorf(m.start, "duplicate key %.40q", m.key)
		}
		if before := s.members[first:]; len(before) > 0 && !inOrder(before[len(before)-1].key, m.key) {
			s.canonical = false
		}
		m.value = s.at
		s.members = append(s.members, m)
		if err = s.value(); err != nil {
			return err
		}
		s.members[len(s.members)-1].end = s.at
		if more, err = s.next('}'); err != nil {
			return err
		}
	}
	if first > 0 {
		s.members = s.members[:first]
	}
	return nil
}

// key reads a key and the colon behind it. It returns the key unescaped.
func (s *scanner) key() (string, error) {
	if s.peek() != '"' {
		return "", s.unexpected("a key in double quotes")
	}
	raw, err := s.str()
	if err != nil {
		return "", err
	}
	s.space()
	if s.peek() != ':' {
		return "", s.unexpected("a colon")
	}
	s.at++
	s.space()
	return unescape(raw), nil
}

// keySet finds duplicate keys in an object. It is nil as long as the object has few
// members, whose keys are compared one by one. For more members it is a map, because
// comparing each with each would take quadratic time.
type keySet map[string]struct{}

// add reports whether the key differs from those of the members before it.
func (k *keySet) add(key string, members []member) bool {
	const few = 16
	if len(members) < few {
		for _, m := range members {
			if m.key == key {
				return false
			}
		}
		return true
	}
	if *k == nil {
		*k = make(keySet, 2*few)
		for _, m := range members {
			(*k)[m.key] = struct{}{}
		}
	}
	known := len(*k)
	(*k)[key] = struct{}{}
	return len(*k) > known
}

func (s *scanner) number() error {
	start := s.at
	if s.peek() == '-' {
		s.at++
	}
	mantissa := s.at
	if s.peek() == '0' {
		s.at++
	} else if err := s.digits(); err != nil {
		return err
	}
	const sure = 15 // an integer with at most 15 digits is within ±(2^53-1)
	integer, short := true, s.at-mantissa <= sure
	if s.peek() == '.' {
		integer = false
		s.at++
		if err := s.digits(); err != nil {
			return err
		}
	}
	exponent := s.at
	if c := s.peek(); c == 'e' || c == 'E' {
		integer = false
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if err := s.digits(); err != nil {
			return err
		}
	}
	literal := s.text[start:s.at]
	if integer && short {
		s.canonical = s.canonical && literal != "-0"
		return nil
	}
	f, err := strconv.ParseFloat(literal, 64)
	switch {
	case err != nil: // out of range: a syntax error is impossible here
		return s.errorf(start, "number %.40s is too large for a double", literal)
	case math.Abs(f) > maxInteger && (integer || math.Abs(f) < minExponent):
		return s.errorf(start, "number %.40s is beyond ±(2^53-1), send it as a string", literal)
	case f == 0 && strings.Trim(s.text[mantissa:exponent], "0.") != "":
		return s.errorf(start, "number %.40s is too small for a double", literal)
	}
	s.canonical = s.canonical && isCanonicalNumber(literal, f)
	return nil
}

// digits reads one or more digits.
func (s *scanner) digits() error {
	if !isDigit(s.peek()) {
		return s.unexpected("a digit")
	}
	for isDigit(s.peek()) {
		s.at++
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
