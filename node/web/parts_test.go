package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
)

// countingChain counts how often posts are listed, and may fail.
type countingChain struct {
	Chain
	lists atomic.Int64
	fail  atomic.Bool
}

var errList = errors.New("the list cannot be read")

func (c *countingChain) TxsOf(owner chain.TxOwner, before chain.TxCursor, limit int) ([]chain.TxPlace, chain.TxCursor, bool, error) {
	c.lists.Add(1)
	if c.fail.Load() {
		return nil, chain.TxCursor{}, false, errList
	}
	return c.Chain.TxsOf(owner, before, limit)
}

// TestParts asks for the same part of a page again and again. It is made once for each event,
// and is never older than the latest one.
func TestParts(t *testing.T) {
	counting := &countingChain{}
	n := newTestNode(t, testSetup{chain: func(c Chain) Chain { counting.Chain = c; return counting }})
	part := func() string {
		t.Helper()
		w := n.get("/", fragmentHeader, "feed")
		if w.Code != http.StatusOK {
			t.Fatalf("status %d", w.Code)
		}
		return w.Body.String()
	}
	lists := func(want int64, why string) {
		t.Helper()
		if got := counting.lists.Swap(0); got != want {
			t.Errorf("posts were listed %d times, want %d: %s", got, want, why)
		}
	}
	for range 5 {
		part()
	}
	lists(1, "nothing has changed")
	tx := n.post("ann", "a post that waits")
	for range 5 {
		if !strings.Contains(part(), "waits for a block") {
			t.Fatal("the part lacks the new post")
		}
	}
	lists(1, "there is a new post")
	n.mine(tx)
	for range 5 {
		if !strings.Contains(part(), "1 confirmation") {
			t.Fatal("the part does not say that the post is mined")
		}
	}
	lists(1, "there is a new block")
	n.get("/?author=ann", fragmentHeader, "feed")
	n.get("/", fragmentHeader, "older")
	lists(2, "other parts are made apart")
	n.clock.Add(int64(partsKeptFor/time.Second) + 1)
	part()
	lists(1, "some time has passed")
	n.page("/")
	n.page("/")
	lists(2, "whole pages have a key of their own and are made anew")
}

// TestPartsThatFail fails to make a part, or leaves while it is being made: that does not
// concern others.
func TestPartsThatFail(t *testing.T) {
	counting := &countingChain{}
	n := newTestNode(t, testSetup{chain: func(c Chain) Chain { counting.Chain = c; return counting }})
	counting.fail.Store(true)
	if w := n.get("/", fragmentHeader, "feed"); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	counting.fail.Store(false)
	if w := n.get("/", fragmentHeader, "feed"); w.Code != http.StatusOK {
		t.Errorf("status %d after a failure", w.Code)
	}
	for _, path := range []string{"/explorer/tx/" + strings.Repeat("ab", 32), "/?before=x", "/?q=" + n.mine(n.post("ann", "x")).Txs[0].ID().String()} {
		first, second := n.get(path, fragmentHeader, "feed"), n.get(path, fragmentHeader, "feed")
		if first.Code == http.StatusOK || second.Code != first.Code || second.Header().Get("Location") != first.Header().Get("Location") {
			t.Errorf("%s: status %d, then %d", path, first.Code, second.Code)
		}
	}
	ps := newParts(time.Now)
	entered, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := ps.get(t.Context(), "key", func() ([]byte, error) {
			close(entered)
			<-leave
			return nil, context.Canceled
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	<-entered
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ps.get(gone, "key", func() ([]byte, error) { return nil, errList }); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has left gets the error %v", err)
	}
	wg.Go(func() {
		if made, err := ps.get(t.Context(), "key", func() ([]byte, error) { return []byte("own"), nil }); err != nil || string(made.body) != "own" {
			t.Errorf("after the failure of the first caller: %q, %v", made.body, err)
		}
	})
	close(leave)
	wg.Wait()
}

// TestPartsAtOnce has many readers ask for a part while posts come. Whoever asks after a
// post was acknowledged gets it.
func TestPartsAtOnce(t *testing.T) {
	n := newTestNode(t, testSetup{})
	posts := make([]string, 30)
	var wg sync.WaitGroup
	var latest atomic.Int64
	for i := range posts {
		posts[i] = fmt.Sprintf("post number %d.", i)
	}
	n.post("ann", posts[0])
	for range 8 {
		wg.Go(func() {
			for latest.Load() < int64(len(posts)-1) {
				before := latest.Load()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
				r.Header.Set(fragmentHeader, "feed")
				w := httptest.NewRecorder()
				n.api.ServeHTTP(w, r)
				// The list shows the posts that came last. If many have come meanwhile, the one
				// that was the latest may have left it.
				newer := latest.Load() + 1 - before
				if w.Code != http.StatusOK || newer < pendingOnFirst && !strings.Contains(w.Body.String(), posts[before]) {
					t.Errorf("status %d, and the part lacks %q", w.Code, posts[before])
					return
				}
			}
		})
	}
	for i := 1; i < len(posts); i++ {
		n.post("ann", posts[i])
		latest.Store(int64(i))
	}
	wg.Wait()
}

// TestPartsAreBounded asks for more parts than are remembered, each as long as it may be.
func TestPartsAreBounded(t *testing.T) {
	ps := newParts(time.Now)
	for i := range 3 * partsKept {
		if _, err := ps.get(t.Context(), fmt.Sprint(i), func() ([]byte, error) { return make([]byte, partBytes), nil }); err != nil {
			t.Fatal(err)
		}
	}
	bytes := 0
	for _, p := range ps.made {
		bytes += len(p.body)
		if p.gzipped == nil || cap(p.gzipped) > len(p.body)/8 {
			t.Errorf("a part of %d bytes has %d with gzip, in %d bytes of memory", len(p.body), len(p.gzipped), cap(p.gzipped))
		}
	}
	if len(ps.made) != partsKept || bytes != partsKept*partBytes {
		t.Errorf("%d parts of %d bytes are remembered, want %d parts of %d bytes each", len(ps.made), bytes, partsKept, partBytes)
	}
	calls := 0
	for range 2 {
		_, _ = ps.get(t.Context(), "long", func() ([]byte, error) { calls++; return make([]byte, partBytes+1), nil })
	}
	if calls != 2 {
		t.Errorf("a long part was made %d times, want 2", calls)
	}
	if len(ps.made) != 0 {
		t.Errorf("%d parts are remembered after a long one, want none", len(ps.made))
	}
}

// TestKeysOfParts asks for parts at addresses that differ. What the page ignores makes no part
// of its own, and a part with a long address is not remembered.
func TestKeysOfParts(t *testing.T) {
	counting := &countingChain{}
	n := newTestNode(t, testSetup{chain: func(c Chain) Chain { counting.Chain = c; return counting }})
	for i, test := range []struct {
		path, fragment string
		lists          int64 // how often posts are listed if there are two requests
		remembered     int   // parts, afterwards
	}{
		{"/", "feed", 1, 1},
		{"/?x=1", "feed", 0, 1},
		{"/?x=" + strings.Repeat("y", 7000), "feed", 0, 1},
		{"/?author=ann&x=1", "feed", 1, 2},
		{"/?x=2&author=ann&author=bob", "feed", 0, 2},
		{"/?author=", "feed", 1, 3},
		{"/?author=" + strings.Repeat("a", partKeyBytes), "feed", 2, 3},
		{"/author/" + strings.Repeat("a", partKeyBytes), "posts", 2, 3},
		{"/author/ann%20x?x=1", "posts", 1, 4},
		{"/", strings.Repeat("f", partKeyBytes), 2, 4},
		{"/?author=%zz", "feed", 0, 4},
	} {
		for range 2 {
			n.get(test.path, fragmentHeader, test.fragment)
		}
		if got := counting.lists.Swap(0); got != test.lists {
			t.Errorf("request %d, %.40s: posts were listed %d times, want %d", i, test.path, got, test.lists)
		}
		if got := len(n.web.parts.made); got != test.remembered {
			t.Errorf("request %d, %.40s: %d parts are remembered, want %d", i, test.path, got, test.remembered)
		}
	}
	for key := range n.web.parts.made {
		if len(key) > partKeyBytes {
			t.Errorf("a key has %d bytes, want at most %d", len(key), partKeyBytes)
		}
	}
}

// TestPartsWhenTheClockStepsBack sets the clock back. A part that seems to come from the future
// is made anew.
func TestPartsWhenTheClockStepsBack(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	ps := newParts(func() time.Time { return now })
	calls := 0
	for _, test := range []struct {
		step time.Duration
		want int
	}{
		{0, 1}, {0, 1}, {partsKeptFor - 1, 1}, {1, 2}, {-1, 3}, {0, 3}, {-time.Hour, 4}, {partsKeptFor - 1, 4}, {time.Hour, 5},
	} {
		now = now.Add(test.step)
		_, _ = ps.get(t.Context(), "key", func() ([]byte, error) { calls++; return nil, nil })
		if calls != test.want {
			t.Fatalf("after a step of %v the part was made %d times, want %d", test.step, calls, test.want)
		}
	}
}

// TestPartThatIsEmpty sends a part that has been made and has no bytes.
func TestPartThatIsEmpty(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for _, body := range [][]byte{nil, {}} {
		w := httptest.NewRecorder()
		n.web.send(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), answer{made: true, madeBody: madeBody{body: body}}, nil)
		if w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("status %d, %d bytes", w.Code, w.Body.Len())
		}
	}
}
