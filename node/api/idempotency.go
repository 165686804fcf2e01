package api

import (
	"context"
	"net/http"
	"sync"

	"github.com/lodepow/lode/pow"
)

const maxKey = 255

func validKey(key string) bool {
	if key == "" || len(key) > maxKey {
		return false
	}
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// answers remembers the answers to the latest posts with an idempotency key. They
// are in memory only, so a restart forgets them.
type answers struct {
	mu    sync.Mutex
	byKey map[string]*answer
	ring  []*answer // in order of arrival
	next  int       // index in ring of the oldest answer, which the next one replaces
}

type answer struct {
	key  string
	body pow.Hash      // hash of the request's body
	done chan struct{} // closed when the fields below are set

	id    pow.Hash
	known bool
	err   error
}

func newAnswers(most int) *answers {
	return &answers{byKey: map[string]*answer{}, ring: make([]*answer, most)}
}

// once runs add for the first call with a key and returns its result. Other calls
// with the same key and body wait for that result and return it, too. An error is
// returned to the calls that have waited for it and is then forgotten, so that the
// client can try again.
func (a *answers) once(ctx context.Context, key string, body pow.Hash, add func() (pow.Hash, bool, error)) (pow.Hash, bool, error) {
	a.mu.Lock()
	if before, ok := a.byKey[key]; ok {
		a.mu.Unlock()
		if before.body != body {
			return pow.Hash{}, false, refuse(http.StatusUnprocessableEntity,
				"the idempotency key stands for another body already: use a new key for a new transaction")
		}
		select {
		case <-before.done:
			return before.id, before.known, before.err
		case <-ctx.Done():
			return pow.Hash{}, false, errGone
		}
	}
	mine := &answer{key: key, body: body, done: make(chan struct{}), err: errUnfinished}
	a.remember(mine)
	a.mu.Unlock()

	defer func() { // even if add panics
		if mine.err != nil {
			a.mu.Lock()
			if a.byKey[key] == mine {
				delete(a.byKey, key)
			}
			a.mu.Unlock()
		}
		close(mine.done)
	}()
	mine.id, mine.known, mine.err = add()
	return mine.id, mine.known, mine.err
}

// remember replaces the oldest answer that is finished. There is one, because the
// ring is at least as long as the number of requests that run at once.
func (a *answers) remember(mine *answer) {
	for a.ring[a.next].running() {
		a.next = (a.next + 1) % len(a.ring)
	}
	if oldest := a.ring[a.next]; oldest != nil && a.byKey[oldest.key] == oldest {
		delete(a.byKey, oldest.key)
	}
	a.byKey[mine.key] = mine
	a.ring[a.next] = mine
	a.next = (a.next + 1) % len(a.ring)
}

// running reports whether the request has yet to finish.
func (a *answer) running() bool {
	if a == nil {
		return false
	}
	select {
	case <-a.done:
		return false
	default:
		return true
	}
}
