package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/chain"
)

const (
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

const insideSentence = "something went wrong inside the node: its log says what"

// problem is an answer that is no success. Handlers return it as an error.
type problem struct {
	status     int
	sentence   string       // what was wrong and what to do
	reason     block.Reason // the rule that was broken, if it was one
	retryAfter string       // seconds
}

// Error implements error.
func (p problem) Error() string { return p.sentence }

func refuse(status int, format string, args ...any) error {
	return problem{status: status, sentence: fmt.Sprintf(format, args...)}
}

func badRequest(err error) error {
	return problem{status: http.StatusBadRequest, sentence: err.Error()}
}

// explain turns an error of the chain or of a handler into what the client gets.
// known is false if it is the node's own fault, and of no use to the client.
func explain(err error) (p problem, known bool) {
	var rule block.RuleError
	switch {
	case errors.As(err, &p):
		return p, true
	case errors.As(err, &rule):
		return problem{status: http.StatusBadRequest, sentence: rule.Error(), reason: rule.Reason}, true
	case errors.Is(err, chain.ErrNotFound):
		return problem{status: http.StatusNotFound, sentence: err.Error()}, true
	case errors.Is(err, chain.ErrPoolFull):
		return problem{
			status: http.StatusServiceUnavailable, retryAfter: "5",
			sentence: "the pool of pending transactions is full: mine a block or try again later",
		}, true
	case errors.Is(err, chain.ErrNoSpace):
		return problem{
			status:   http.StatusInsufficientStorage,
			sentence: "the node's disk is full, nothing was kept: try again when it has space",
		}, true
	case errors.Is(err, ErrAhead):
		return problem{status: http.StatusServiceUnavailable, retryAfter: "1", sentence: ErrAhead.Error()}, true
	case errors.Is(err, chain.ErrClosed):
		return problem{status: http.StatusServiceUnavailable, retryAfter: "5", sentence: "the node is shutting down"}, true
	}
	return problem{status: http.StatusInternalServerError, sentence: insideSentence}, false
}

// fail answers with an error, or cuts the connection if half of another answer
// is out.
func (a *API) fail(w *writer, r *http.Request, err error) {
	if errors.Is(err, errGone) {
		if r.Method == http.MethodHead && w.status != 0 {
			return
		}
		panic(http.ErrAbortHandler)
	}
	p, known := explain(err)
	if known {
		a.log.Debug("a request was refused", "method", r.Method, "path", r.URL.Path, "status", p.status, "why", p.sentence)
	} else {
		a.logFailure(w, err)
	}
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	if p.retryAfter != "" {
		w.Header().Set("Retry-After", p.retryAfter)
	}
	if wantsJSON(r.Header["Accept"]) {
		a.sendJSON(w, r, p.status, struct {
			Error  string       `json:"error"`
			Reason block.Reason `json:"reason,omitempty"`
		}{p.sentence, p.reason})
		return
	}
	a.sendText(w, r, p.status, p.sentence)
}

// say answers with a message: the text, or the JSON value if the client asks for
// JSON.
func (a *API) say(w *writer, r *http.Request, status int, text string, value func() any) {
	if wantsJSON(r.Header["Accept"]) {
		a.sendJSON(w, r, status, value())
		return
	}
	a.sendText(w, r, status, text)
}

func (a *API) sendText(w *writer, r *http.Request, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", typeText)
	header.Set("Vary", "Accept")
	a.send(w, r, status, []byte(text))
}

func (a *API) sendJSON(w *writer, r *http.Request, status int, value any) {
	buf := a.buffer()
	defer a.release(buf)
	if err := encode(buf, value); err != nil {
		a.logFailure(w, err)
		a.sendText(w, r, http.StatusInternalServerError, insideSentence)
		return
	}
	header := w.Header()
	header.Set("Content-Type", typeJSON)
	header.Set("Vary", "Accept")
	a.send(w, r, status, buf.Bytes())
}

// encode appends the value as one line of JSON, with <, > and & as they are:
// transactions keep their canonical form.
func encode(buf *bytes.Buffer, value any) error {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// send writes a whole answer.
func (a *API) send(w *writer, r *http.Request, status int, body []byte) {
	if n := int64(len(body)); n > shortAnswer {
		if !a.answers.TakeN(n) {
			a.fail(w, r, errMuch)
			return
		}
		defer a.answers.FreeN(n)
	}
	if len(body) > a.limits.pieceBytes || r.Method == http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	_ = a.write(w, r, body) // the client is gone
}

// write sends a part of an answer, piece by piece: the client has
// [Limits.Timeout] for each. So a slow reader gets its answer, and one that
// stands still does not hold anything for long.
func (a *API) write(w *writer, r *http.Request, body []byte) error {
	if r.Method == http.MethodHead {
		return nil
	}
	for len(body) > 0 {
		piece := body[:min(len(body), a.limits.pieceBytes)]
		body = body[len(piece):]
		if len(body) > 0 {
			w.writeBy(time.Now().Add(a.limits.timeout))
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// errGone ends the work on an answer that nobody reads any more.
var errGone = errors.New("the client is gone")

// errUnfinished is the answer of a post that panicked.
var errUnfinished = errors.New("the request with this idempotency key came to no end")
