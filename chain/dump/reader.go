// Package dump reads, checks and takes in the blocks that the HTTP API of a node
// writes: the answer of GET /chain, whole or in pages, and that of GET /blocks/{id}.
package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/lodepow/lode/chain/block"
)

// Form is the name of the form that a Reader reads.
const Form = "a chain dump of a node"

// Reasons that only a dump can be refused for, in addition to those of package block.
const (
	Malformed    block.Reason = "malformed"     // the text is not what the API writes
	Truncated    block.Reason = "truncated"     // the text ends too early
	WrongGenesis block.Reason = "wrong-genesis" // the first block is the genesis of another network
)

const (
	maxDepth = 8         // of arrays and objects around a block
	maxText  = 256 << 20 // bytes of a block: the greatest one, with every byte of its texts escaped
)

var (
	chainField = regexp.MustCompile(`"chain"\s*:\s*\[`)
	blockField = regexp.MustCompile(`"coinbase"\s*:\s*"`)
	rootField  = regexp.MustCompile(`"(merkle_root|previous_hash)"\s*:`)
)

// Recognise reports whether a stream that begins with start is a dump. 64 KiB are
// enough of a beginning.
func Recognise(start []byte) bool {
	start = bytes.TrimPrefix(start, []byte(byteOrder))
	start = bytes.TrimLeft(start, " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return false
	}
	return chainField.Match(start) || blockField.Match(start) && rootField.Match(start)
}

const byteOrder = "\ufeff" // the byte order mark, with which some editors begin a text

// Reader reads the blocks of one or more streams, one after another. Each stream
// holds JSON values: answers of GET /chain, blocks, or arrays of these. Only one block
// at a time is in memory.
type Reader struct {
	next    func() (io.Reader, error)
	in      *bounded
	decoder *json.Decoder // nil between two streams
	stack   []level
	length  int64 // the greatest that an answer has stated
	streams int
	text    bytes.Buffer
}

// level is an object or an array that has begun.
type level struct {
	object  bool
	answer  bool // an object with a list of blocks
	members []member
}

type member struct {
	key   string
	value json.RawMessage
}

// NewReader returns a reader of the streams that next opens, one at a time. After the
// last one, next returns [io.EOF].
func NewReader(next func() (io.Reader, error)) *Reader { return &Reader{next: next} }

// Stream returns the index of the stream that is being read, counted from 0.
func (r *Reader) Stream() int { return max(r.streams-1, 0) }

// Length returns the length of the whole chain, as the answers of GET /chain have
// stated it, or 0 if none has.
func (r *Reader) Length() int64 { return r.length }

// Next returns the text of the next block, which is valid until the next call. At the
// end of the last stream the error is [io.EOF].
func (r *Reader) Next() ([]byte, error) {
	for {
		if r.decoder == nil {
			if err := r.open(); err != nil {
				return nil, err
			}
		}
		text, err := r.step()
		switch {
		case errors.Is(err, io.EOF) && len(r.stack) == 0:
			r.decoder = nil
		case err != nil:
			return nil, explain(err)
		case text != nil:
			return text, nil
		}
	}
}

func (r *Reader) open() error {
	in, err := r.next()
	if err != nil {
		return err
	}
	r.streams++
	r.in = &bounded{in: in, begins: true}
	r.decoder = json.NewDecoder(r.in)
	r.decoder.UseNumber()
	return nil
}

// explain turns an error of the decoder into a refusal of the stream. Errors of the
// stream itself stay as they are.
func explain(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return block.Reject(Malformed, "this is no JSON after byte %d: %v", syntax.Offset, syntax)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return block.Reject(Truncated, "the stream ends inside a JSON value")
	}
	return err
}

// step reads the next token, or the next member of an object. It returns the text of a
// block if one has ended.
func (r *Reader) step() ([]byte, error) {
	r.in.since = 0
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'), json.Delim('['):
		if len(r.stack) == maxDepth {
			return nil, block.Reject(Malformed, "values are nested more than %d deep around the blocks", maxDepth)
		}
		r.stack = append(r.stack, level{object: token == json.Delim('{')})
		return nil, nil
	case json.Delim(']'):
		r.stack = r.stack[:len(r.stack)-1]
		return nil, nil
	case json.Delim('}'):
		top := r.stack[len(r.stack)-1]
		r.stack = r.stack[:len(r.stack)-1]
		if top.answer {
			return nil, nil
		}
		return r.block(top.members)
	}
	key, ok := token.(string)
	if !ok || len(r.stack) == 0 || !r.stack[len(r.stack)-1].object {
		return nil, block.Reject(Malformed, "%.40q is neither a block nor an answer of GET /chain", fmt.Sprint(token))
	}
	return nil, r.member(key)
}

// member reads the value of a member of the innermost object.
func (r *Reader) member(key string) error {
	top := &r.stack[len(r.stack)-1]
	if key == "chain" {
		token, err := r.decoder.Token()
		if err != nil {
			return err
		}
		if token != json.Delim('[') {
			return block.Reject(Malformed, "chain: must be an array of blocks")
		}
		top.answer = true
		r.stack = append(r.stack, level{})
		return nil
	}
	var value json.RawMessage
	if err := r.decoder.Decode(&value); err != nil {
		return err
	}
	if key == "length" {
		var length int64
		if json.Unmarshal(value, &length) == nil {
			r.length = max(r.length, length)
		}
	}
	top.members = append(top.members, member{key, value})
	return nil
}

// block returns the text of an object, with all its members in order.
func (r *Reader) block(members []member) ([]byte, error) {
	known := 0
	for _, m := range members {
		var sentence string
		if m.key == "error" && json.Unmarshal(m.value, &sentence) == nil {
			return nil, block.Reject(Malformed, "this is an error that a node has answered: %.200q", sentence)
		}
		if isField(m.key) {
			known++
		}
	}
	if known < 3 {
		return nil, block.Reject(Malformed, "an object has neither the fields of a block nor those of an answer of GET /chain")
	}
	r.text.Reset()
	r.text.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			r.text.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		r.text.Write(key)
		r.text.WriteByte(':')
		r.text.Write(m.value)
	}
	r.text.WriteByte('}')
	return r.text.Bytes(), nil
}

// bounded passes on what it reads, without a byte order mark, and bounds what is read
// for one value, since a decoder keeps that in memory.
type bounded struct {
	in     io.Reader
	begins bool
	since  int // bytes read since the last token
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.begins {
		b.begins = false
		start := make([]byte, len(byteOrder))
		n, err := io.ReadFull(b.in, start)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		if start = start[:n]; string(start) != byteOrder {
			b.in = io.MultiReader(bytes.NewReader(start), b.in)
		}
	}
	if b.since > maxText {
		return 0, block.Reject(Malformed, "a value of more than %d bytes", maxText)
	}
	n, err := b.in.Read(p)
	b.since += n
	return n, err
}
