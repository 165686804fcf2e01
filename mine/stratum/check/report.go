package check

import (
	"fmt"
	"strings"
)

// Verdict is the result of one check.
type Verdict int

// Verdicts.
const (
	OK   Verdict = iota // as it should be
	Note                // allowed, but some programs in the field do not get on with it
	Fail                // wrong
)

// String returns the verdict as a word of four letters at most.
func (v Verdict) String() string { return [...]string{"ok", "note", "FAIL"}[v] }

// Line is the verdict about one thing.
type Line struct {
	Verdict Verdict
	What    string // what was looked at
	Sent    string // what the other side sent; "" if that needs no words
	Want    string // what it should have sent; "" if the verdict is OK
}

// String returns the line as a sentence.
func (l Line) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-4s  %s", l.Verdict, l.What)
	if l.Sent != "" {
		fmt.Fprintf(&b, ": %s", shorten(l.Sent))
	}
	if l.Want != "" {
		fmt.Fprintf(&b, "; should be: %s", l.Want)
	}
	return b.String()
}

// shorten keeps the beginning of a long text, and makes it one printable line.
func shorten(s string) string {
	const longest = 160
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

// Report is the result of a check.
type Report struct {
	Lines []Line

	// Tell, if it is not nil, is called with each line as it is added.
	Tell func(Line)
}

// Failed reports whether anything was wrong.
func (r *Report) Failed() bool {
	for _, l := range r.Lines {
		if l.Verdict == Fail {
			return true
		}
	}
	return false
}

func (r *Report) add(v Verdict, what, sent, want string) {
	l := Line{v, what, sent, want}
	if v == OK {
		l.Want = ""
	}
	r.Lines = append(r.Lines, l)
	if r.Tell != nil {
		r.Tell(l)
	}
}

// check adds OK if good is true, and otherwise the verdict.
func (r *Report) check(good bool, otherwise Verdict, what, sent, want string) {
	if good {
		otherwise = OK
	}
	r.add(otherwise, what, sent, want)
}
