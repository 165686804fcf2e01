package client

import (
	"context"
	"fmt"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

// request sends a request and waits for its answer.
func (s *session) request(ctx context.Context, request func(stratum.ID) stratum.Message) (stratum.Message, error) {
	type answer struct {
		m   stratum.Message
		err error
	}
	done := make(chan answer, 1)
	var asked stratum.ID
	err := s.send(ctx, func(id stratum.ID) stratum.Message {
		asked = id
		return request(id)
	}, func(m stratum.Message, err error) { done <- answer{m, err} })
	if err != nil {
		return stratum.Message{}, err
	}
	select {
	case a := <-done:
		return a.m, a.err
	case <-ctx.Done():
		s.forget(asked)
		return stratum.Message{}, context.Cause(ctx)
	}
}

// forget gives up the answer to a request, so that the request no longer counts as
// waiting.
func (s *session) forget(asked stratum.ID) {
	id, _ := asked.Number()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
}

// send writes a request. answered is called when the answer has come or the connection is
// lost, by another goroutine, unless send returns an error. It is nil if the answer does
// not matter.
func (s *session) send(ctx context.Context, request func(stratum.ID) stratum.Message, answered func(stratum.Message, error)) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errNotConnected
	}
	if answered != nil && len(s.pending) >= maxPending {
		s.mu.Unlock()
		return errTooMany
	}
	s.last++
	id := s.last
	if answered != nil {
		s.pending[id] = answered
	}
	s.mu.Unlock()
	err := s.write(ctx, request(stratum.NumberID(id)))
	if err != nil && answered != nil {
		// If the answer has come meanwhile, the request was written after all.
		s.mu.Lock()
		_, waits := s.pending[id]
		delete(s.pending, id)
		s.mu.Unlock()
		if !waits {
			return nil
		}
	}
	return err
}

// write writes a line. If that takes too long the connection is closed, because a part
// of the line may have been written.
func (s *session) write(ctx context.Context, m stratum.Message) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// The deadline is on the clock of package time, as that of the connection is.
	deadline := time.Now().Add(writeTimeout)
	if at, ok := ctx.Deadline(); ok && at.Before(deadline) {
		deadline = at
	}
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	if _, err := s.conn.Write(m.Line()); err != nil {
		_ = s.conn.Close() // the error of the write says more
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// reply has an answer written to a request of the pool. A pool that asks faster than it
// reads gets no answer.
func (s *session) reply(m stratum.Message) {
	select {
	case s.answers <- m:
	default:
		s.log.Debug("too many requests of the pool: one gets no answer")
	}
}

// writeAnswers writes the answers to requests of the pool until the context ends.
func (s *session) writeAnswers(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-s.answers:
			if err := s.write(ctx, m); err != nil {
				return err
			}
		}
	}
}

// answer gives an answer to the caller that waits for it. Answers that nobody waits for are
// those that came too late.
func (s *session) answer(m stratum.Message) {
	id, ok := m.ID.Number()
	if !ok {
		return
	}
	s.mu.Lock()
	answered := s.pending[id]
	delete(s.pending, id)
	s.mu.Unlock()
	if answered != nil {
		answered(m, nil)
	}
}
