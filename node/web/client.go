package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// reply is what the API has answered.
type reply struct {
	status int
	body   []byte
}

// errNoReply is the error of a request whose context ended before the API had answered.
var errNoReply = errors.New("the API has not answered")

// passed lists the headers of a browser's request that its request to the API keeps: the
// API decides by them whether the sender may make it, and where the sender is.
func passed() []string {
	return []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "X-Forwarded-For", "Forwarded", "Via", "User-Agent", "Authorization"}
}

// call makes a request to the API in this process, for the sender of a request. The API
// sees the sender's address, host and origin, so it allows what it would allow if the
// sender had made the request. body is JSON; nil for none.
func (w *Web) call(r *http.Request, method, path string, body any, headers map[string]string) (reply, error) {
	var text []byte
	if body != nil {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(body); err != nil {
			return reply{}, fmt.Errorf("request to %s: %w", path, err)
		}
		text = buf.Bytes()
	}
	req, err := http.NewRequestWithContext(r.Context(), method, path, bytes.NewReader(text))
	if err != nil {
		return reply{}, fmt.Errorf("request to %s: %w", path, err)
	}
	req.Host, req.RemoteAddr, req.RequestURI = r.Host, r.RemoteAddr, path
	for _, name := range passed() {
		if values := r.Header[name]; len(values) > 0 {
			req.Header[name] = values
		}
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	rec := &recorder{header: http.Header{}}
	if err := serveAll(w.api, rec, req); err != nil {
		return reply{}, err
	}
	return reply{rec.status, rec.body.Bytes()}, nil
}

// serveAll calls the handler. The API gives up a request whose client has left by the
// panic that net/http defines for this.
func serveAll(h http.Handler, rec *recorder, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case any(http.ErrAbortHandler):
			err = errNoReply
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(rec, r)
	return nil
}

// recorder is an [http.ResponseWriter] that keeps the answer in memory. The answers that
// the pages ask for are short.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (rec *recorder) Header() http.Header { return rec.header }

// WriteHeader implements [http.ResponseWriter].
func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
}

// Write implements [http.ResponseWriter].
func (rec *recorder) Write(p []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(p)
}

// read decodes the API's answer into value. If the API has refused, the error is a
// problem with its sentence.
func (a reply) read(value any) error {
	if a.status >= 400 {
		var refusal struct{ Error string }
		if err := json.Unmarshal(a.body, &refusal); err != nil || refusal.Error == "" {
			return problem{a.status, http.StatusText(a.status)}
		}
		return problem{a.status, refusal.Error}
	}
	if value == nil {
		return nil
	}
	if err := json.Unmarshal(a.body, value); err != nil {
		return fmt.Errorf("an answer of the API cannot be read: %w", err)
	}
	return nil
}

// nodeStatus is what the pages read of /status.
type nodeStatus struct {
	Version    string
	Kernel     string
	Workers    int
	Height     int64
	Difficulty float64
	Bits       string
	Mempool    struct{ Transactions, Bytes int }
	Mining     miningStatus
	Peers      int
	Sync       struct {
		Active         bool
		Height, Target int64
	}
	Uptime float64 `json:"uptime_seconds"`
	Clock  *struct {
		Offset float64 `json:"offset_seconds"`
		Peers  int
	}
}

// miningStatus is the part about the search for the present block. Without a search, all
// but Mode is zero.
type miningStatus struct {
	Active   bool
	Mode     string // one of modes; "": the miner cannot be switched
	Height   int64
	Seconds  float64
	Hashes   uint64
	Expected float64 `json:"expected_hashes"`
	Rate     float64 `json:"hashes_per_second"`
	Total    uint64  `json:"hashes_total"` // since the node was started
	Workers  []workerStatus
}

type workerStatus struct {
	Hashes uint64  `json:"hashes_total"`
	Rate   float64 `json:"hashes_per_second"`
}

// peerStatus is what the pages read of an element of /peers.
type peerStatus struct {
	Address   string
	Direction string
	Node      string `json:"node_id"`
	Height    int64
	Hash      string
	Since     float64
	Seen      float64
	Delay     *float64 `json:"delay_seconds"` // nil: the node has not measured it
}

func (w *Web) status(r *http.Request) (s nodeStatus, err error) {
	return s, w.get(r, "/status", &s)
}

func (w *Web) get(r *http.Request, path string, value any) error {
	a, err := w.call(r, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	return a.read(value)
}
