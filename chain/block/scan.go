package block

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth   = 32        // arrays and objects inside each other, the outermost counted
	maxInteger = 1<<53 - 1 // up to here every integer has a double of its own

	minExponent = 1e21 // from here on RFC 8785 writes an exponent
)

// member is a member of a JSON object and where it stands in the text.
type member struct {
	key string // unescaped

	// text[start:end] is the whole member, text[value:end] its value.
	start, value, end int
}

// checkJSON reads a text that has to be a JSON object and returns its members.
//
// It is stricter than RFC 8259, because whatever two readers could understand
// differently must not get an id: it refuses duplicate keys (compared after
// unescaping), invalid UTF-8, escapes of lone surrogates, and nesting past 32.
//
// A number stands for the nearest double, as in RFC 8785. An integer literal has
// to be within ±(2^53-1), where every integer has a double of its own; beyond,
// digits would be lost. A literal with a fraction or an exponent may be any
// double, with three exceptions: one that is too large for any, one that is not
// zero and becomes zero, and one that RFC 8785 would write as an integer beyond
// ±(2^53-1), which is every double from there to 1e21: its canonical form would
// be refused. So 1E30 passes, as 1e+30, and 1e20 does not.
func checkJSON(text string) ([]member, error) {
	members, _, err := scanJSON(text, 0)
	return members, err
}

// scanJSON does what checkJSON does, and lets the text nest deeper by that many
// levels: those around the objects that the bound is for. If canonical, the text
// is in the form of RFC 8785 already; not every such text is recognised.
func scanJSON(text string, around int) (members []member, canonical bool, err error) {
	s := scanner{text: text, depth: -around, members: make([]member, 0, 8), canonical: true}
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

// scanner walks through a text once. Its methods find at on the first byte of
// what they read and leave it after the last.
type scanner struct {
	text  string
	at    int
	depth int

	// members is a stack: those read so far of every object that is open. Of
	// the outermost object they stay when it closes.
	members []member

	canonical bool // so far; see canonical.go
}

// peek returns the next byte, or 0, which no value begins with, at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

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

func (s *scanner) errorf(at int, format string, args ...any) error {
	return fmt.Errorf("invalid JSON at byte %d: %s", at, fmt.Sprintf(format, args...))
}

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

// open enters an array or object and steps over its bracket.
func (s *scanner) open() error {
	if s.depth == maxDepth {
		return s.errorf(s.at, "nested deeper than %d levels", maxDepth)
	}
	s.depth++
	s.at++
	s.space()
	return nil
}

// next steps over the comma before another element, or over the bracket that
// closes the array or object.
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

// key reads a key, unescaped, and the colon after it.
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

// keySet finds duplicates. Few keys are compared one by one; a map keeps an
// object of many from taking quadratic time.
type keySet map[string]struct{}

// add reports whether the key is new to the object with those members.
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
	const sure = 15 // an integer of so many digits is in range
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
	case err != nil: // the grammar is checked, so it is out of range
		return s.errorf(start, "number %.40s is too large for a double", literal)
	case math.Abs(f) > maxInteger && (integer || math.Abs(f) < minExponent):
		return s.errorf(start, "number %.40s is beyond ±(2^53-1), send it as a string", literal)
	case f == 0 && strings.Trim(s.text[mantissa:exponent], "0.") != "":
		return s.errorf(start, "number %.40s is too small for a double", literal)
	}
	s.canonical = s.canonical && isCanonicalNumber(literal, f)
	return nil
}

// digits reads one digit or more.
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
