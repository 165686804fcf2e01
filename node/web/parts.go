package web

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lodepow/lode/chain"
)

// parts remembers parts of pages for a moment. After an event of the chain, all open pages
// ask for the same parts at once, so each is made once and sent to all of them.
//
// What is remembered is forgotten at the next event, because that may change any part, and
// after partsKeptFor, because a part may change without an event.
type parts struct {
	now        func() time.Time
	compressor compressor

	mu   sync.Mutex
	made map[string]*madePart
}

// madePart is a part of a page that has been made, or is being made.
type madePart struct {
	begun time.Time
	ended chan struct{} // closed when the fields below are set
	madeBody
	err error
}

// madeBody is a part of a page as it is sent. Nothing may change its bytes.
type madeBody struct {
	body    []byte
	gzipped []byte // the same with gzip; nil if that is not shorter
}

// errNotShared is the error of a part that each reader has to get for himself.
var errNotShared = errors.New("web: this answer is not for everybody")

func newParts(now func() time.Time) *parts {
	return &parts{now: now, compressor: compressor{level: gzip.BestSpeed}, made: map[string]*madePart{}}
}

// note forgets all parts. It is called for each event of the chain, after the change, and
// before a stream tells pages of it, see [New].
func (ps *parts) note(chain.Event) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	clear(ps.made)
}

// get returns what build returns, or what it has returned a moment ago to another caller with
// the same key. Of several callers at once, one calls build and the others wait for it. The
// body is compressed once for all of them.
func (ps *parts) get(ctx context.Context, key string, build func() ([]byte, error)) (madeBody, error) {
	p, mine := ps.find(key)
	if !mine {
		select {
		case <-p.ended:
		case <-ctx.Done():
			return madeBody{}, ctx.Err()
		}
		if p.err == nil {
			return p.madeBody, nil
		}
		body, err := build() // the reader who came first may have failed for a reason of his own
		return madeBody{body: body}, err
	}
	defer close(p.ended)
	p.err = errNotShared // if build panics
	p.body, p.err = build()
	if p.err != nil || len(p.body) > partBytes {
		ps.forget(key, p)
		return p.madeBody, p.err
	}
	p.gzipped = ps.compressor.compress(p.body)
	return p.madeBody, nil
}

// find returns the part with a key. If mine is true, there is none yet, and the caller has to
// make it.
func (ps *parts) find(key string) (p *madePart, mine bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	now := ps.now()
	if p, ok := ps.made[key]; ok {
		// A clock that has been set back makes the age negative.
		if age := now.Sub(p.begun); 0 <= age && age < partsKeptFor {
			return p, false
		}
	}
	p = &madePart{begun: now, ended: make(chan struct{})}
	if len(ps.made) >= partsKept {
		clear(ps.made)
	}
	ps.made[key] = p
	return p, true
}

func (ps *parts) forget(key string, p *madePart) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.made[key] == p {
		delete(ps.made, key)
	}
}

// shared answers a request for a part of a page that is the same for all readers.
func (w *Web) shared(rw http.ResponseWriter, r *http.Request, rt route) (answer, error) {
	key := w.partKey(r, rt)
	if key == "" {
		return w.handle(rw, r, rt)
	}
	var own answer
	made, err := w.parts.get(r.Context(), key, func() ([]byte, error) {
		a, err := w.handle(rw, r, rt)
		if err != nil {
			return nil, err
		}
		if own = a; a.redirect != "" || a.status != 0 {
			return nil, errNotShared
		}
		return w.render(r, a)
	})
	if errors.Is(err, errNotShared) {
		return own, nil
	}
	return answer{madeBody: made, made: true}, err
}

// partKey returns what tells the part that a request is for from all others. It is "" if the
// part is not shared, because its key would be too long, or because the request is wrong.
func (w *Web) partKey(r *http.Request, rt route) string {
	params, err := parseQuery(r.URL.RawQuery, rt.params) // without those that the page ignores
	if err != nil {
		return ""
	}
	// An event may come a moment after the change, so the key tells most changes apart, too.
	waiting, bytes := w.chain.PendingCount()
	key := fmt.Sprintf("%q %q %q %s %d %d", r.URL.Path, params.Encode(), r.Header.Get(fragmentHeader), w.chain.Tip().Hash, waiting, bytes)
	if len(key) > partKeyBytes {
		return ""
	}
	return key
}

// isShared reports whether a request is for parts of a page that depend on the chain and
// on what waits alone. The notice is another matter: it tells a reader what he has done.
func isShared(r *http.Request, rt route) bool {
	names := r.Header.Get(fragmentHeader)
	return rt.chainOnly && names != "" && !strings.Contains(names, "notice") && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}
