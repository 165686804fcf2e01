package stratum

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lodepow/lode/mine"
)

// Codes of errors, as pools use them.
const (
	CodeOther         = 20
	CodeStale         = 21 // job not found
	CodeDuplicate     = 22
	CodeLow           = 23 // the share does not meet its difficulty
	CodeUnauthorized  = 24
	CodeNotSubscribed = 25
)

// maxText is the number of bytes of an error's text that are kept.
const maxText = 200

// Error is why a request is refused. On the wire it is a list of the code, the text
// and null.
type Error struct {
	Code int
	Text string
}

// Error returns the text and the code.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (code %d)", e.Text, e.Code)
}

// MarshalJSON implements [json.Marshaler].
func (e *Error) MarshalJSON() ([]byte, error) {
	return marshal([]any{e.Code, e.Text, nil}), nil
}

// UnmarshalJSON implements [json.Unmarshaler]. It accepts the list, the object of
// JSON-RPC 2.0, and a text alone. Everything else is kept as the text of an error with
// [CodeOther], so that a refusal stays a refusal whatever its form. Control
// characters in the text are replaced, because the text is shown to the user.
func (e *Error) UnmarshalJSON(raw []byte) error {
	*e = Error{Code: CodeOther, Text: string(raw)}
	var list []json.RawMessage
	var object struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	var text string
	switch {
	case json.Unmarshal(raw, &list) == nil && len(list) > 0:
		e.Text = ""
		if e.setCode(list[0]) {
			list = list[1:]
		}
		if len(list) > 0 {
			e.setText(list[0])
		}
	case json.Unmarshal(raw, &object) == nil && (object.Code != nil || object.Message != nil):
		e.Text = ""
		e.setCode(object.Code)
		e.setText(object.Message)
	case json.Unmarshal(raw, &text) == nil:
		e.Text = text
	}
	e.Text = clean(e.Text)
	if e.Text == "" {
		e.Text = "refused without a reason"
	}
	return nil
}

func (e *Error) setCode(raw json.RawMessage) bool {
	n, err := parseNumber(raw)
	if err != nil || n != float64(int32(n)) {
		return false
	}
	e.Code = int(n)
	return true
}

func (e *Error) setText(raw json.RawMessage) {
	if json.Unmarshal(raw, &e.Text) != nil && !isNull(raw) {
		e.Text = string(raw)
	}
}

// clean makes a text from elsewhere fit for a terminal and a log: one line, printable,
// and not longer than maxText.
func clean(s string) string {
	s = printable(s)
	if len(s) > maxText {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:maxText], ""))
	}
	return s
}

// printable replaces the control characters of a text, and removes the space around it.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s))
}

// Outcome returns what became of a share, from the answer's error. Pools that use the
// codes differently, or always send 20, are understood by their words.
func (e *Error) Outcome() mine.Outcome {
	switch e.Code {
	case CodeStale:
		return mine.Stale
	case CodeDuplicate:
		return mine.Duplicate
	case CodeLow:
		return mine.Low
	case CodeUnauthorized, CodeNotSubscribed:
		return mine.Invalid
	}
	text := strings.ToLower(e.Text)
	for _, word := range []struct {
		part    string
		outcome mine.Outcome
	}{
		{"stale", mine.Stale},
		{"job not found", mine.Stale},
		{"invalid jobid", mine.Stale},
		{"unknown job", mine.Stale},
		{"unknown-work", mine.Stale},
		{"duplicate", mine.Duplicate},
		{"low diff", mine.Low},
		{"low-diff", mine.Low},
		{"above target", mine.Low},
		{"high-hash", mine.Low},
	} {
		if strings.Contains(text, word.part) {
			return word.outcome
		}
	}
	return mine.Invalid
}

// ShareError returns the error for a share that [mine.Work.Solution] or
// [Submit.Header] has refused. Reasons without a code of their own have [CodeOther] and
// are told apart by the text.
func ShareError(err error) Error {
	for _, reason := range []struct {
		err  error
		code int
		text string
	}{
		{mine.ErrLow, CodeLow, "Low difficulty share"},
		{mine.ErrTime, CodeOther, "Time out of range"},
		{mine.ErrVersion, CodeOther, "Invalid version"},
		{mine.ErrExtranonce, CodeOther, "Invalid extranonce2"},
	} {
		if errors.Is(err, reason.err) {
			return Error{Code: reason.code, Text: reason.text}
		}
	}
	return Error{Code: CodeOther, Text: "Invalid share"}
}
