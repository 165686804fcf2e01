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

	held int64 // bytes of the budget
}

// shortAnswer is how long an answer may be that is always sent.
const shortAnswer = 16 << 10

var errMuch = problem{
	status: http.StatusServiceUnavailable, retryAfter: "1",
	sentence: "the node sends as many long answers as it can: try again in a moment",
}

// stream runs write, which gathers an answer and offers pauses to send what
// there is. An error before the first piece is sent becomes the answer; a later
// one cuts the connection. So an answer that ends properly is whole.
func (a *API) stream(w *writer, r *http.Request, write func(*stream) error) error {
	s := &stream{api: a, w: w, r: r, buf: a.buffer()}
	defer func() {
		a.answers.FreeN(s.held)
		a.release(s.buf)
	}()
	if err := write(s); err != nil {
		return err
	}
	if err := s.reserve(); err != nil {
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
	if s.buf.Len() < s.api.limits.pieceBytes {
		return s.reserve()
	}
	return s.flush()
}

// reserve takes of the budget what the largest piece so far needs. It is kept
// until the end: who has got a beginning should get the rest.
func (s *stream) reserve() error {
	more := int64(s.buf.Cap()) - s.held
	if s.buf.Len() <= shortAnswer || more <= 0 {
		return nil
	}
	if !s.api.answers.TakeN(more) {
		return errMuch
	}
	s.held += more
	return nil
}

func (s *stream) flush() error {
	if err := s.reserve(); err != nil {
		return err
	}
	s.w.writeBy(time.Now().Add(s.api.limits.timeout))
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
