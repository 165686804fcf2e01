package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stream answers each request for /events with the next of some texts, and then with a
// refusal. It records the ids from which the client wants to resume.
func stream(ids chan<- string, texts ...string) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		ids <- r.Header.Get("Last-Event-ID")
		if i >= len(texts) {
			refuse(w, http.StatusGone, "", "that was all")
			return
		}
		if texts[i] == "busy" {
			w.Header().Set("Retry-After", "2")
			refuse(w, 503, "busy", "no")
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, texts[i])
	}
}

// TestReconnect breaks a stream several times. The client resumes after the last event
// that it has read, reports the break and the reset, and waits as long as it should.
func TestReconnect(t *testing.T) {
	ids := make(chan string, 10)
	c, w := serve(t, Config{}, stream(ids,
		"retry: 3000\nevent: tip\ndata: {\"height\":1}\n\nid: e-1\nevent: block\ndata: {\"height\":2}\n\nid: e-2\nevent: bl", // cut in an event
		"busy",
		"event: tip\ndata: {\"height\":2}\n\nevent: reset\ndata: {}\n\n",
		"id: e-9\nevent: reorg\ndata: {\"height\":3,\"disconnected\":1}\n\n",
	))
	var got []string
	for e, err := range c.Events(t.Context(), "") {
		if err != nil {
			if !errors.Is(err, Status(http.StatusGone)) {
				t.Errorf("the stream ends with %v", err)
			}
			break
		}
		got = append(got, fmt.Sprint(e.Kind, " ", e.ID, " ", e.Reconnected))
	}
	want := "tip  false; block e-1 false; tip e-1 true; reset e-1 false; reorg e-9 true"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("events: %s\nwant    %s", text, want)
	}
	close(ids)
	var from []string
	for id := range ids {
		from = append(from, id)
	}
	if text := strings.Join(from, ","); text != ",e-1,e-1,e-1,e-9" {
		t.Errorf("the client resumed from %s", text)
	}
	if len(w.list) != 4 {
		t.Fatalf("the client waited %v", w.list)
	}
	for i, d := range w.list {
		if d < 3*time.Second {
			t.Errorf("wait %d is %v, but the server asked for 3 s", i, d)
		}
	}
}

// TestOutage follows a node that does not come back. The stream ends after Config.Outage,
// which is measured from the last event.
func TestOutage(t *testing.T) {
	var calls atomic.Int64
	c, _ := serve(t, Config{Outage: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			_, _ = io.WriteString(w, "event: tip\ndata: {}\n\n")
			return
		}
		panic(http.ErrAbortHandler)
	})
	now := time.Unix(0, 0)
	c.now = func() time.Time { return now }
	c.wait = func(_ context.Context, d time.Duration) error {
		now = now.Add(d)
		return nil
	}
	events, last := follow(t.Context(), c)
	if events != 1 || last == nil || !strings.Contains(last.Error(), "no event stream for 1m0s") {
		t.Errorf("%d events, then %v", events, last)
	}
	if down := now.Sub(time.Unix(0, 0)); down < time.Minute || down > time.Minute+mostWait {
		t.Errorf("the client tried for %v", down)
	}
}

func follow(ctx context.Context, c *Client) (events int, last error) {
	for _, err := range c.Events(ctx, "") {
		if err != nil {
			last = err
			continue
		}
		events++
	}
	return events, last
}

// TestFirstConnection finds no stream at the address: the client gives up as early as it
// does with any other call.
func TestFirstConnection(t *testing.T) {
	for name, tc := range map[string]struct {
		h     http.HandlerFunc
		tries int64
	}{
		"a page":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") }, 1},
		"nothing":      {http.NotFound, 1},
		"a cut":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3},
		"always busy":  {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "busy", "no") }, 3},
		"other events": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-streams") }, 1},
	} {
		var tries atomic.Int64
		c, _ := serve(t, Config{Retries: 2}, func(w http.ResponseWriter, r *http.Request) {
			tries.Add(1)
			tc.h(w, r)
		})
		if events, err := follow(t.Context(), c); events != 0 || err == nil || tries.Load() != tc.tries {
			t.Errorf("%s: %d events, then %v, after %d tries; want %d", name, events, err, tries.Load(), tc.tries)
		}
	}
}

// TestLeaveEvents leaves the loop, and ends it by the context. In both cases the
// connection is closed.
func TestLeaveEvents(t *testing.T) {
	gone := make(chan struct{}, 2)
	c, _ := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: tip\ndata: {\"height\":5}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		gone <- struct{}{}
	})
	for e, err := range c.Events(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if tip, err := e.Tip(); err != nil || tip.Height != 5 {
			t.Errorf("%+v, %v", tip, err)
		}
		if _, err := e.Pending(); err == nil {
			t.Error("a tip is taken for a number of pending transactions")
		}
		break
	}
	<-gone
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the program ends")
	defer cancel(nil)
	for _, err := range c.Events(ctx, "") {
		if err == nil {
			cancel(why)
			continue
		}
		if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("the stream ends with %v", err)
		}
	}
	<-gone
}
