package api

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// stream is a long answer of JSON, written in pieces. A piece is gathered in
// memory first, so that nothing of the chain is held while the network takes it.
type stream struct {
	api *API
	w   *writer
	r   *http.Request
	buf *bytes.Buffer
}

// stream runs write, which gathers an answer and offers pauses to send what
// there is. An error before the first piece is sent becomes the answer; a later
// one cuts the connection. So an answer that ends properly is whole.
func (a *API) stream(w *writer, r *http.Request, write func(*stream) error) error {
	s := &stream{api: a, w: w, r: r, buf: a.buffer()}
	defer func() { a.release(s.buf) }()
	if err := write(s); err != nil {
		return err
	}
	if w.status == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(s.buf.Len()))
	}
	return s.flush()
}

func (s *stream) text(text string) { s.buf.WriteString(text) }

// sent reports whether something has left.
func (s *stream) sent() bool { return s.w.status != 0 }

// pause sends what has been gathered, if that is a piece.
func (s *stream) pause() error {
	if s.buf.Len() < s.api.limits.PieceBytes {
		return nil
	}
	return s.flush()
}

func (s *stream) flush() error {
	s.w.writeBy(time.Now().Add(s.api.limits.Timeout))
	if !s.sent() {
		s.w.WriteHeader(http.StatusOK)
	}
	err := s.api.write(s.w, s.r, s.buf.Bytes())
	s.buf.Reset()
	if err != nil || s.r.Method == http.MethodHead {
		return errGone
	}
	return nil
}
