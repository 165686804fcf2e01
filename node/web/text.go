package web

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is a text of a user, ready for a page. A template writes its parts one after
// another, and html/template escapes them.
type text struct {
	Parts []part
	Cut   bool // the text goes on
	Left  int  // bytes that were left out
}

// part is a piece of a text: characters to show as they are, or, if Code is set,
// characters that would be invisible or would change the order of what follows.
type part struct {
	Text string
	Code string // such as "U+202E", followed by "×3" for several in a row
}

// The cost in bytes of HTML of what needs more room in a page than in the text.
const (
	costEscape = 5  // of <, >, &, " and '
	costCode   = 64 // of a character that is shown as its code
)

// show prepares a text of a user, at most about most bytes of HTML and lines lines of it.
func show(s string, most, lines int) text {
	var t text
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			t.Parts = append(t.Parts, part{Text: plain.String()})
			plain.Reset()
		}
	}
	at, cost := 0, 0
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		count, width := 1, size
		switch {
		case isHidden(r):
			for at+width < len(s) {
				next, size := utf8.DecodeRuneInString(s[at+width:])
				if next != r {
					break
				}
				count++
				width += size
			}
			cost += costCode
		case strings.ContainsRune("<>&\"'", r):
			cost += costEscape
		case r == '\n':
			lines--
			cost++
		default:
			cost += size
		}
		if cost > most || lines <= 0 {
			t.Cut, t.Left = true, len(s)-at
			break
		}
		if isHidden(r) {
			flush()
			code := fmt.Sprintf("U+%04X", r)
			if count > 1 {
				code += fmt.Sprintf("×%d", count)
			}
			t.Parts = append(t.Parts, part{Code: code})
		} else {
			plain.WriteRune(r) // U+FFFD for a byte that is no UTF-8
		}
		at += width
	}
	flush()
	return t
}

// String returns the text without markup, for a title.
func (t text) String() string {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Code != "" {
			p.Text = "�"
		}
		b.WriteString(p.Text)
	}
	if t.Cut {
		b.WriteString("…")
	}
	return b.String()
}

// isHidden reports whether a character cannot be seen, or changes the order or the
// direction of the characters around it, so that a page has to show its code instead.
// Line feeds and tabs are wanted in posts. The two joiners are needed to write Persian,
// Hindi and emoji, and the other format characters that are left out are visible signs
// of Arabic and Syriac and of other scripts.
func isHidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r == 0x200c || r == 0x200d: // zero width non-joiner, zero width joiner
		return false
	case r >= 0x600 && r <= 0x605 || r == 0x6dd || r == 0x70f || r == 0x890 || r == 0x891 || r == 0x8e2 || r == 0x110bd || r == 0x110cd:
		return false
	case r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0: // letters of Korean without a shape
		return true
	case r == 0x2800 || r == 0x34f: // a pattern of Braille without dots; a joiner without a shape
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// short returns the beginning and the end of a hash, a key or another long word of hex
// digits.
func short(s string) string {
	if len(s) <= 20 {
		return s
	}
	return s[:10] + "…" + s[len(s)-6:]
}
