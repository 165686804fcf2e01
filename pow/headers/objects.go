package headers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

const (
	maxDepth = 32       // of objects and arrays
	maxToken = 16 << 20 // bytes between two tokens, which a decoder keeps in memory
)

// objects returns a function that reads the next header from JSON values, whatever
// they are wrapped in: each object with the fields of a header is one.
func (r *Reader) objects() func() (pow.Header, error) {
	in := &lineCounter{in: r.in, reader: r}
	decoder := json.NewDecoder(in)
	decoder.UseNumber()
	w := &walker{decoder: decoder, lines: in}
	return func() (pow.Header, error) {
		h, err := w.next()
		r.at = w.at
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			err = reject.New(Malformed, "this is no JSON after byte %d", syntax.Offset)
		case errors.Is(err, io.ErrUnexpectedEOF):
			err = reject.New(Truncated, "the stream ends inside a JSON value")
		case errors.Is(err, io.EOF) && r.count == 0:
			err = reject.New(UnknownForm, "it is JSON without any object that has the fields of a header (version, previousblockhash, merkleroot, time, bits, nonce)%s", w.hint())
		}
		return h, err
	}
}

// walker goes through the tokens of JSON values.
type walker struct {
	decoder *json.Decoder
	lines   *lineCounter
	stack   []level
	at      uint64 // the line on which the latest header begins, or on which something is wrong
	hashes  int    // strings that are hashes, which are no headers
}

// level is an object or an array that has begun.
type level struct {
	line   uint64 // on which it begins
	object bool
	named  bool   // a value comes next, and not a name
	name   string // of the value that comes next, if named is true
	fields fields
}

// next returns the header of the next object that has the fields of one. Objects
// inside it come before it.
func (w *walker) next() (pow.Header, error) {
	for {
		w.lines.since = 0
		token, err := w.decoder.Token()
		w.at = w.lines.reader.line
		if err != nil {
			if errors.Is(err, io.EOF) && len(w.stack) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return pow.Header{}, err
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				if len(w.stack) == maxDepth {
					return pow.Header{}, reject.New(Malformed, "JSON values are nested more than %d deep", maxDepth)
				}
				w.stack = append(w.stack, level{line: w.at, object: t == '{'})
			default:
				top := w.stack[len(w.stack)-1]
				w.stack = w.stack[:len(w.stack)-1]
				w.afterValue("")
				if top.fields.looksLikeHeader() {
					w.at = top.line
					return top.fields.header()
				}
			}
		default:
			w.afterValue(fmt.Sprint(token))
		}
	}
}

// afterValue takes a name or a value of the innermost object.
func (w *walker) afterValue(text string) {
	if len(text) == 64 {
		w.hashes++
	}
	if len(w.stack) == 0 {
		return
	}
	top := &w.stack[len(w.stack)-1]
	switch {
	case !top.object:
	case !top.named:
		top.name, top.named = text, true
	default:
		if text != "" && text != "<nil>" {
			top.fields.set(top.name, text)
		}
		top.named = false
	}
}

// hint says what the values may be instead.
func (w *walker) hint() string {
	if w.hashes > 0 {
		return "; the hashes in it are not enough to check headers"
	}
	return ""
}

// lineCounter passes on what it reads, counts lines, and bounds what is read for one
// token.
type lineCounter struct {
	in     *bufio.Reader
	reader *Reader
	since  int  // bytes since the last token
	ended  bool // the latest byte that was read ends a line
}

// Read reads no further than to the end of the line. So the count of lines is that of
// the latest token, although a decoder reads as much as it can get.
func (l *lineCounter) Read(p []byte) (int, error) {
	if l.since > maxToken {
		return 0, reject.New(Malformed, "a value of more than %d bytes", maxToken)
	}
	if _, err := l.in.Peek(1); err != nil {
		return 0, err
	}
	if l.ended {
		l.reader.line++
	}
	line, _ := l.in.Peek(min(l.in.Buffered(), len(p))) // which has been read
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end+1]
	}
	l.ended = line[len(line)-1] == '\n'
	l.since += len(line)
	return l.in.Discard(copy(p, line))
}
