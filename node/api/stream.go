package api

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// stream is a long answer in JSON that is sent in pieces. Each piece is collected
// in memory first, so that the chain is not read while the network is slow.
type stream struct {
	api *API
	w   *writer
	r   *http.Request
	buf *bytes.Buffer // the current piece

	held int64 // slots taken of api.answers, one for each byte of the largest piece
}

// shortAnswer is the length in bytes up to which an answer is always sent. Longer
// ones are refused while too many bytes of answers are in memory.
const shortAnswer = 16 << 10

var errTooManyAnswers = problem{
	status: http.StatusServiceUnavailable, retryAfter: "1",
	sentence: "the node sends as many long answers as it can: try again in a moment",
}

// stream runs write, which appends an answer to the stream and calls pause now and
// then, so that full pieces are sent. An error that write returns before the first
// piece has been sent becomes the answer; a later error cuts the connection. So an
// answer that ends properly is complete.
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

// sent reports whether a part of the answer has been sent.
func (s *stream) sent() bool { return s.w.status != 0 }

// pause sends the current piece if it is long enough.
func (s *stream) pause() error {
	if s.buf.Len() < s.api.limits.pieceBytes {
		return s.reserve()
	}
	return s.flush()
}

// reserve takes slots for the bytes of the largest piece so far. They are kept to
// the end of the answer, so that an answer that has begun is not refused midway.
func (s *stream) reserve() error {
	more := int64(s.buf.Cap()) - s.held
	if s.buf.Len() <= shortAnswer || more <= 0 {
		return nil
	}
	if !s.api.answers.TakeN(more) {
		return errTooManyAnswers
	}
	s.held += more
	return nil
}

// flush sends the current piece.
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
