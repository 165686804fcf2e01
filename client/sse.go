package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxEvent is the number of bytes that one event, or one line of the stream, may have.
// Events of a node have some hundreds.
const maxEvent = 1 << 20

// errLongEvent is the error of a stream with an event that is longer than maxEvent.
var errLongEvent = errors.New("an event of the stream is longer than any event of a node can be")

// message is one event of a stream, as it was sent.
type message struct {
	kind string // the field event; "message" if there is none
	data string // the fields data, joined with newlines
	id   string // the latest id of the stream, up to and including this event
}

// sseReader parses a stream of server-sent events, as the HTML standard says in section
// 9.2.6, "Interpreting an event stream".
type sseReader struct {
	in    *bufio.Reader
	begun bool // the first line has been read, before which there may be a byte order mark
	cr    bool // the line before ended in a carriage return, to which a line feed may belong

	lastID string        // as of the latest event
	retry  time.Duration // the latest field retry; 0: none

	// Of the event that is being read. The id counts only once the event ends.
	kind, id string
	data     []byte
	hasData  bool
}

// newSSEReader returns a reader of a stream. lastID is the id with which the client has
// asked the server to resume.
func newSSEReader(r io.Reader, lastID string) *sseReader {
	return &sseReader{in: bufio.NewReader(r), lastID: lastID, id: lastID}
}

// next returns the next event. An event that the end of the stream cuts off is left out.
// onLine is called after each line, comments included.
func (s *sseReader) next(onLine func()) (message, error) {
	for {
		line, err := s.line()
		if err != nil {
			return message{}, err
		}
		onLine()
		if len(line) > 0 {
			if err := s.field(line); err != nil {
				return message{}, err
			}
			continue
		}
		s.lastID = s.id
		m := message{kind: s.kind, data: string(s.data), id: s.lastID}
		complete := s.hasData
		s.kind, s.data, s.hasData = "", nil, false
		if !complete {
			continue // an event without data is not one
		}
		if m.kind == "" {
			m.kind = "message"
		}
		return m, nil
	}
}

// line returns the next line without its end, which is CR, LF, or both. The slice is
// valid until the next call.
func (s *sseReader) line() ([]byte, error) {
	var line []byte
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return nil, err
		}
		if c == '\n' && s.cr {
			s.cr = false
			continue // the second half of the end of the line before
		}
		s.cr = c == '\r'
		if c == '\n' || c == '\r' {
			break
		}
		if len(line) >= maxEvent {
			return nil, errLongEvent
		}
		line = append(line, c)
	}
	if !s.begun {
		s.begun = true
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return line, nil
}

// field takes one line that is not empty.
func (s *sseReader) field(line []byte) error {
	name, value, _ := strings.Cut(strings.ToValidUTF8(string(line), "�"), ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		s.kind = value
	case "data":
		if len(s.data)+len(value) >= maxEvent {
			return errLongEvent
		}
		if s.hasData {
			s.data = append(s.data, '\n')
		}
		s.data = append(s.data, value...)
		s.hasData = true
	case "id":
		if !strings.Contains(value, "\x00") {
			s.id = value
		}
	case "retry":
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil && value[0] != '+' {
			s.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return nil
}
