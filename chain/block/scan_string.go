package block

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string and returns what is between its quotes.
func (s *scanner) str() (raw string, err error) {
	s.at++
	start := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[start : s.at-1], nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return "", err
			}
		case c < ' ':
			return "", s.errorf(s.at, "control character 0x%02x in a string, want it escaped", c)
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, size := utf8.DecodeRuneInString(s.text[s.at:])
			if r == utf8.RuneError && size == 1 {
				return "", s.errorf(s.at, "invalid UTF-8 in a string")
			}
			s.at += size
		}
	}
	return "", s.unexpected("a closing quote")
}

func (s *scanner) escape() error {
	start := s.at
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.canonical = s.canonical && s.peek() != '/'
		s.at++
		return nil
	case 'u':
	default:
		return s.unexpected(`one of "\/bfnrtu after a backslash`)
	}
	r, ok := unicodeEscape(s.text[start:])
	if !ok {
		return s.errorf(start, `want four hex digits after \u`)
	}
	s.canonical = s.canonical && isCanonicalEscape(s.text[start:start+6], r)
	s.at = start + 6
	if utf16.IsSurrogate(r) {
		low, ok := unicodeEscape(s.text[s.at:])
		if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
			return s.errorf(start, "lone surrogate %s", s.text[start:s.at])
		}
		s.at += 6
	}
	return nil
}

// unicodeEscape reads the \uXXXX that a text begins with.
func unicodeEscape(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(text[2:6]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unescape returns what a string stands for whose escapes have been checked.
func unescape(raw string) string {
	if !strings.Contains(raw, `\`) {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw))
	for {
		i := strings.IndexByte(raw, '\\')
		if i < 0 {
			b.WriteString(raw)
			return b.String()
		}
		b.WriteString(raw[:i])
		raw = raw[i:]
		if r, ok := unicodeEscape(raw); ok {
			raw = raw[6:]
			if utf16.IsSurrogate(r) {
				low, _ := unicodeEscape(raw)
				r = utf16.DecodeRune(r, low)
				raw = raw[6:]
			}
			b.WriteRune(r)
			continue
		}
		c := raw[1]
		if i := strings.IndexByte("bfnrt", c); i >= 0 {
			c = "\b\f\n\r\t"[i]
		}
		b.WriteByte(c)
		raw = raw[2:]
	}
}
