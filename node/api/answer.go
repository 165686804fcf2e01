package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

const (
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// Values of headers that most answers have. They are shared by all answers, so nothing
// may change their elements.
var (
	typeTextValue = []string{typeText}
	varyOfText    = []string{"Accept, User-Agent"}
	noStoreValue  = []string{"no-store"}
	noSniffValue  = []string{"nosniff"}
)

const insideSentence = "something went wrong inside the node: its log says what"

// problem is an answer that reports a failure. Handlers return it as an error.
type problem struct {
	status     int
	sentence   string       // what was wrong and what to do
	reason     block.Reason // the word for the refusal; "": the one of the status, see reasonOf
	retryAfter string       // seconds, for the header Retry-After; "" for no header
}

// Error implements error.
func (p problem) Error() string { return p.sentence }

func refuse(status int, format string, args ...any) error {
	return problem{status: status, sentence: fmt.Sprintf(format, args...)}
}

// badBody returns the refusal of a body that cannot be read, or that breaks a rule of
// the chain.
func badBody(err error) error {
	p := problem{status: http.StatusBadRequest, sentence: err.Error(), reason: reasonMalformed}
	var rule block.RuleError
	if errors.As(err, &rule) {
		p.reason = rule.Reason
	}
	return p
}

// explain turns an error of the chain or of a handler into the answer that the
// client gets. known is false if the error is the node's own fault; its details
// are for the log, not for the client.
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
			status: http.StatusServiceUnavailable, retryAfter: "5", reason: reasonPoolFull,
			sentence: "the pool of pending transactions is full: mine a block or try again later",
		}, true
	case errors.Is(err, chain.ErrNoSpace):
		return problem{
			status:   http.StatusInsufficientStorage,
			sentence: "the node's disk is full, nothing was kept: try again when it has space",
		}, true
	case errors.Is(err, chain.ErrBroken):
		return errBroken, true
	case errors.Is(err, ErrAhead):
		return problem{status: http.StatusServiceUnavailable, retryAfter: "1", sentence: ErrAhead.Error()}, true
	case errors.Is(err, ErrMinerOff):
		return problem{status: http.StatusServiceUnavailable, retryAfter: "60", reason: reasonNoMiner, sentence: ErrMinerOff.Error()}, true
	case errors.Is(err, chain.ErrClosed):
		return errShutdown, true
	}
	return problem{status: http.StatusInternalServerError, sentence: insideSentence}, false
}

// fail answers with an error. If a part of another answer has been sent already,
// it cuts the connection instead, by a panic with [http.ErrAbortHandler].
func (a *API) fail(w *writer, r *http.Request, err error) {
	if errors.Is(err, errGone) {
		if r.Method == http.MethodHead && w.status != 0 {
			return
		}
		panic(http.ErrAbortHandler)
	}
	p, known := explain(err)
	if p.reason == "" {
		p.reason = reasonOf(p.status)
	}
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

// messageJSON is a message without further fields.
type messageJSON struct {
	Message string `json:"message"`
}

// say answers with a message: the text, or the JSON value if the client prefers
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
	header["Content-Type"] = typeTextValue
	header["Vary"] = varyOfText
	if isTyped(r) {
		text += "\n"
	}
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

// encode appends the value as one line of JSON. It does not escape <, > and &, so
// that transactions keep their canonical form.
func encode(buf *bytes.Buffer, value any) error {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// send writes an answer that is wholly in memory. Long ones count towards the
// bytes that may be in memory at once.
func (a *API) send(w *writer, r *http.Request, status int, body []byte) {
	if n := int64(len(body)); n > shortAnswer {
		if !a.answers.TakeN(n) {
			a.fail(w, r, errTooManyAnswers)
			return
		}
		defer a.answers.FreeN(n)
	}
	if len(body) > a.limits.pieceBytes || r.Method == http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	_ = a.write(w, r, body) // an error means that the client has left
}

// write sends a part of an answer piece by piece. The client has limits.timeout
// for each piece, so a slow reader gets the whole answer, while one that has
// stopped reading is cut off soon.
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

// errShutdown is the answer to requests that wait while the node shuts down, and to
// those that come later.
var errShutdown = problem{status: http.StatusServiceUnavailable, retryAfter: "5", reason: reasonShutdown, sentence: "the node is shutting down"}

// errBroken is the answer to every change after the store has given up, and to the
// change at which it gave up. Only that one may be stored all the same.
var errBroken = problem{
	status: http.StatusServiceUnavailable, retryAfter: "60", reason: reasonBroken,
	sentence: "the node's disk has failed, so the node takes no changes and has to be started again: look then whether this was kept, and try again if not",
}

// errGone is returned by a handler that has stopped because the client has left.
var errGone = errors.New("the client is gone")

// errUnfinished is what clients that wait for a post with an idempotency key get
// if that post panics.
var errUnfinished = errors.New("the first request with this idempotency key did not finish: try again")
