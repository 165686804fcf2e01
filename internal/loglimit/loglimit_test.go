package loglimit

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// The first lines are written at once, then one in each interval, which says how many
// were left out.
func TestLimiter(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	l := New(3, time.Minute, func() time.Time { return now })
	for i := range 1000 {
		l.Log(log, slog.LevelWarn, "event", "i", i)
	}
	if n := strings.Count(out.String(), "msg=event"); n != 3 || strings.Contains(out.String(), "left_out") {
		t.Fatalf("%d lines at once, want 3:\n%s", n, out.String())
	}
	out.Reset()
	now = now.Add(time.Minute)
	for i := range 10 {
		l.Log(log, slog.LevelWarn, "event", "i", i)
	}
	if got := out.String(); strings.Count(got, "msg=event") != 1 || !strings.Contains(got, "i=0 left_out=997") {
		t.Errorf("after a minute:\n%s", got)
	}
	out.Reset()
	now = now.Add(time.Hour)
	for range 10 {
		l.Log(log, slog.LevelWarn, "event")
	}
	got := out.String()
	if strings.Count(got, "msg=event") != 3 || strings.Count(got, "left_out=9") != 1 {
		t.Errorf("after an hour:\n%s", got)
	}
}

// A line below the level of the log takes no room from the others.
func TestLevel(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	l := New(1, time.Hour, nil)
	l.Log(log, slog.LevelDebug, "unseen")
	l.Log(log, slog.LevelInfo, "seen")
	if got := out.String(); !strings.Contains(got, "msg=seen") || strings.Contains(got, "unseen") {
		t.Errorf("%s", got)
	}
}

func TestGoroutines(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(b)
	}), nil))
	l := New(5, time.Hour, nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				l.Log(log, slog.LevelInfo, "event")
			}
		})
	}
	group.Wait()
	if n := strings.Count(out.String(), "msg=event"); n != 5 {
		t.Errorf("%d lines, want 5", n)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
