package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lodepow/lode/node/internal/slots"
)

// handleForm checks what all forms have to fulfil and calls the form's handler. The API
// checks the origin and the host again, and the token, of what a form asks it for.
func (w *Web) handleForm(rw http.ResponseWriter, r *http.Request, rt route) (a answer, err error) {
	if r.Method != http.MethodPost {
		// Somebody has reloaded the address of a form that showed an error.
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return answer{redirect: formPage(rt.pattern)}, nil
		}
		rw.Header().Set("Allow", "GET, HEAD, POST")
		return answer{}, problem{http.StatusMethodNotAllowed, "a form takes POST only"}
	}
	if err := w.origins.Check(r); err != nil {
		return answer{}, problem{http.StatusForbidden, fmt.Sprintf("a page of another origin may not change this node (%v)", err)}
	}
	defer w.recoverInto(r, &err)
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return answer{}, problem{http.StatusUnsupportedMediaType, "a form is sent as application/x-www-form-urlencoded"}
	}
	// The errors are ignored, because a recorder in a test has no deadlines.
	control := http.NewResponseController(rw)
	_ = control.SetReadDeadline(time.Now().Add(writeWait))
	body := &countedBody{ReadCloser: http.MaxBytesReader(rw, r.Body, maxForm), bytes: w.formBytes}
	defer body.free()
	r.Body = body
	// A form takes its slot when it has arrived, so that senders who are slow keep nobody
	// else from using forms.
	if err := r.ParseForm(); err != nil {
		var tooLong *http.MaxBytesError
		switch {
		case errors.Is(err, errBusy):
			return answer{}, errBusy
		case errors.As(err, &tooLong):
			return answer{}, problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the form has more than %d bytes, which is the most that is read: shorten the text", maxForm)}
		case errors.Is(err, os.ErrDeadlineExceeded):
			return answer{}, problem{http.StatusRequestTimeout, "the form took too long to arrive"}
		}
		return answer{}, badRequest("the form cannot be read: it is not properly escaped")
	}
	_ = control.SetReadDeadline(time.Time{}) // or the server would take a wait that follows for a client that has left
	r.Form = r.PostForm                      // a form's fields are in its body only
	places := w.forms
	if rt.waits {
		places = w.waits
	}
	if !places.Take() {
		return answer{}, errBusy
	}
	defer places.Free()
	return rt.handle(r)
}

// countedBody is the body of a form that takes its bytes from those of all forms. It
// returns errBusy if too few are left.
type countedBody struct {
	io.ReadCloser
	bytes *slots.Slots
	taken int64
}

// Read implements [io.Reader].
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.bytes.TakeN(int64(n)) {
		return 0, errBusy
	}
	b.taken += int64(n)
	return n, err
}

// free gives the bytes back when the form has been handled.
func (b *countedBody) free() { b.bytes.FreeN(b.taken) }

// formPage returns the page that a form is on.
func formPage(pattern string) string {
	switch pattern {
	case "/forms/mine", "/forms/miner":
		return "/mining"
	case "/forms/connect":
		return "/network"
	}
	return "/"
}

// ask makes the request of a form to the API, with the token that the reader has typed.
func (w *Web) ask(r *http.Request, path string, body, value any) (status int, err error) {
	headers := map[string]string{"Prefer": fmt.Sprintf("wait=%d", formWait)}
	if token := strings.TrimSpace(r.Form.Get("token")); token != "" {
		headers["Authorization"] = "Bearer " + token
	}
	if key := r.Form.Get("key"); key != "" && path == "/new_transaction" {
		headers["Idempotency-Key"] = key
	}
	a, err := w.call(r, http.MethodPost, path, body, headers)
	if err != nil {
		return 0, err
	}
	return a.status, a.read(value)
}

// done returns the answer to a form that has done what it should: the address of a page
// that says so.
func done(page string, word noticeWord, of string) answer {
	q := url.Values{"notice": {string(word)}}
	if of != "" {
		q.Set("of", of)
	}
	return answer{redirect: page + "?" + q.Encode()}
}

// refused returns the page of a form with the error, or the error itself if it is not
// one that the reader can do something about.
func (w *Web) refused(r *http.Request, err error, show func(*http.Request) (answer, error)) (answer, error) {
	var p problem
	if !errors.As(err, &p) || p.status == http.StatusForbidden {
		return answer{}, err
	}
	if p.status == http.StatusUnauthorized {
		p.sentence = "this needs the node's token: type it into the form"
	}
	a, err := show(r)
	if err != nil {
		return answer{}, err
	}
	a.status, a.data.Error = p.status, p.sentence
	return a, nil
}

// blank is the request for a page without parameters.
func blank(r *http.Request) *http.Request {
	plain := r.Clone(r.Context())
	plain.Form = url.Values{}
	return plain
}

func (w *Web) formPost(r *http.Request) (answer, error) {
	// A browser sends the ends of lines as CR LF, which nobody has typed.
	author, content := r.Form.Get("author"), strings.ReplaceAll(r.Form.Get("content"), "\r\n", "\n")
	var added struct{ ID, Message string }
	_, err := w.ask(r, "/new_transaction", map[string]string{"author": author, "content": content}, &added)
	if err == nil {
		return done("/", noticePosted, added.ID), nil
	}
	return w.refused(r, err, func(r *http.Request) (answer, error) {
		body, err := w.feedBody(blank(r))
		body.Compose.Author, body.Compose.Content = author, content
		return answer{page: "feed", data: page{Name: "feed", Title: "Posts", Body: body}}, err
	})
}

// formMine asks for a block and waits for it a moment.
func (w *Web) formMine(r *http.Request) (answer, error) {
	back := "/mining"
	if r.Form.Get("from") == "feed" {
		back = "/"
	}
	var mined struct {
		Mined bool
		Hash  string
	}
	status, err := w.ask(r, "/mine", nil, &mined)
	switch {
	case err == nil && mined.Mined:
		return done(back, noticeMined, mined.Hash), nil
	case err == nil && status == http.StatusAccepted:
		return done(back, noticeMining, ""), nil // the search goes on
	case err == nil:
		return done(back, noticeNothing, ""), nil
	}
	return w.refused(r, err, func(r *http.Request) (answer, error) {
		if back == "/" {
			return w.feed(blank(r))
		}
		return w.mining(blank(r))
	})
}

// formMiner sets when the node mines.
func (w *Web) formMiner(r *http.Request) (answer, error) {
	mode := r.Form.Get("mode")
	_, err := w.ask(r, "/miner", map[string]string{"mode": mode}, nil)
	if err == nil {
		return done("/mining", noticeMode, mode), nil
	}
	return w.refused(r, err, func(r *http.Request) (answer, error) { return w.mining(blank(r)) })
}

// formConnect connects the node with another one.
func (w *Web) formConnect(r *http.Request) (answer, error) {
	address := strings.TrimSpace(r.Form.Get("address"))
	_, err := w.ask(r, "/register_with", map[string]string{"node_address": address}, nil)
	if err == nil {
		return done("/network", noticeConnected, ""), nil
	}
	return w.refused(r, err, func(r *http.Request) (answer, error) {
		a, err := w.network(blank(r))
		if body, ok := a.data.Body.(networkBody); ok {
			body.Connect.Address = address
			a.data.Body = body
		}
		return a, err
	})
}

// formResync shows the feed again. In the original tutorial this fetched the chain from
// the node. Here the page always shows the chain as the node has it, so the form only
// says how far the node is.
func (w *Web) formResync(*http.Request) (answer, error) { return done("/", noticeResynced, ""), nil }
