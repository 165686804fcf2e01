package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// brokenStore is a store that a test lets give up.
type brokenStore struct {
	broken chan struct{}
	err    error
}

func (s *brokenStore) Broken() <-chan struct{} { return s.broken }
func (s *brokenStore) Err() error              { return s.err }
func (s *brokenStore) giveUp(err error)        { s.err = err; close(s.broken) }

// A node ends, with the error of its store, some time after the store has given up.
func TestNodeEndsWithItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("fdatasync: no space left on device")
		s := &brokenStore{broken: make(chan struct{})}
		var log bytes.Buffer
		ended := make(chan error, 1)
		go func() { ended <- awaitBroken(t.Context(), s, slog.New(slog.NewTextHandler(&log, nil))) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("a node with a sound store has ended: %v", err)
		default:
		}
		s.giveUp(failure)
		start := time.Now()
		err := <-ended
		if took := time.Since(start); took != brokenGrace || !errors.Is(err, failure) || !strings.Contains(err.Error(), "start the node again") {
			t.Errorf("ended after %v: %v", took, err)
		}
		if !strings.Contains(log.String(), failure.Error()) {
			t.Errorf("the log does not say why: %s", &log)
		}
	})
}

// A node that is told to stop does so at once. If its store has given up, it does not
// end with success.
func TestNodeStopsAtOnce(t *testing.T) {
	for _, failure := range []error{nil, errors.New("fdatasync: input/output error")} {
		synctest.Test(t, func(t *testing.T) {
			s := &brokenStore{broken: make(chan struct{})}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- awaitBroken(ctx, s, slog.New(slog.DiscardHandler)) }()
			if failure != nil {
				s.giveUp(failure)
			}
			synctest.Wait()
			start := time.Now()
			cancel()
			if err := <-ended; time.Since(start) != 0 || !errors.Is(err, failure) {
				t.Errorf("ended after %v: %v, want %v", time.Since(start), err, failure)
			}
		})
	}
}
