package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

// line is one line of the other side.
type line struct {
	text string
	m    stratum.Message
}

// wire is a connection to the side that is checked. One goroutine uses it.
type wire struct {
	conn  net.Conn
	limit int // bytes of a line
	rest  *rest
	in    *stratum.Reader
	last  uint64 // ID of the latest request
}

func newWire(conn net.Conn, limit int) *wire {
	r := &rest{conn: conn}
	return &wire{conn: conn, limit: limit, rest: r, in: stratum.NewReader(r, limit)}
}

// rest reads from a connection, and keeps the beginning of a line whose end has not come.
type rest struct {
	conn net.Conn
	line []byte
}

// Read implements [io.Reader].
func (r *rest) Read(b []byte) (int, error) {
	n, err := r.conn.Read(b)
	if end := bytes.LastIndexByte(b[:n], '\n'); end >= 0 {
		r.line = append(r.line[:0], b[end+1:n]...)
	} else {
		r.line = append(r.line, b[:n]...)
	}
	return n, err
}

// errTimeout is the error for a line that has not come in time.
var errTimeout = errors.New("nothing came in time")

// read returns the next line. A line that makes no sense is an error, too.
func (w *wire) read(deadline time.Time) (line, error) {
	if err := w.conn.SetReadDeadline(deadline); err != nil {
		return line{}, err
	}
	text, err := w.in.ReadLine()
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		// The reader has ended with this error. Another one goes on where it was.
		w.in = stratum.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(w.rest.line)), w.rest), w.limit)
		return line{}, errTimeout
	}
	if err != nil {
		return line{}, fmt.Errorf("the connection ended: %w", err)
	}
	m, err := stratum.Parse(text)
	return line{string(text), m}, err
}

// write writes a message.
func (w *wire) write(m stratum.Message) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err := w.conn.Write(m.Line())
	return err
}

// id returns the ID for the next request.
func (w *wire) id() stratum.ID {
	w.last++
	return stratum.NumberID(w.last)
}

// isWord reports whether the JSON is a string of exactly eight lower-case hex digits.
func isWord(raw json.RawMessage) bool {
	var s string
	if json.Unmarshal(raw, &s) != nil || len(s) != 8 {
		return false
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
