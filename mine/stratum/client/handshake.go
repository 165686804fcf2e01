package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

// greet does the handshake and waits for the first job.
func (s *session) greet(ctx context.Context, configure bool) error {
	if configure {
		if err := s.configure(ctx); err != nil {
			return err
		}
	}
	if err := s.ask(ctx, "mining.subscribe", func(id stratum.ID) stratum.Message {
		return stratum.Subscribe{Agent: s.client.agent}.Message(id)
	}, s.subscribed); err != nil {
		return err
	}
	if err := s.ask(ctx, "mining.authorize", func(id stratum.ID) stratum.Message {
		return stratum.Authorize{User: s.pool.User, Password: s.pool.Password}.Message(id)
	}, s.authorized); err != nil {
		return err
	}
	if d := s.client.difficulty; d != 0 {
		if err := s.send(ctx, func(id stratum.ID) stratum.Message { return stratum.SuggestDifficulty{Difficulty: d}.Message(id) }, nil); err != nil {
			return err
		}
	}
	// A pool that has nothing to mine at present sends no job. With another pool there is
	// a better one to work for, and with none it is best to wait.
	var late <-chan time.Time
	if len(s.client.pools) > 1 {
		timer := time.NewTimer(firstJobAfter)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-late:
		return fmt.Errorf("the pool has sent no job for %v", firstJobAfter)
	case <-s.worked:
		return nil
	case <-ctx.Done():
		return nil
	}
}

// configure asks to roll versions. A pool that does not know the request may refuse it or
// not answer; the session then goes on without.
func (s *session) configure(ctx context.Context) error {
	minBits := 2 // with fewer the work of a job is too short for large miners
	err := s.ask(ctx, "mining.configure", func(id stratum.ID) stratum.Message {
		return stratum.RollVersions(s.client.mask, minBits).Message(id)
	}, func(m stratum.Message) error {
		a, err := stratum.ParseConfigured(m)
		if err != nil {
			s.log.Debug("no version rolling", "err", err)
			return nil
		}
		if a.RollsVersions() {
			s.setMask(a.VersionMask)
		} else {
			s.setMask(0)
		}
		return nil
	})
	if errors.Is(err, errNoAnswer) {
		s.log.Debug("no version rolling", "err", err)
		return nil
	}
	return err
}

// ask sends a request of the handshake and waits until its answer has been taken. take is
// called by the reader, before it looks at the next line, because that line may be a
// job that depends on the answer.
func (s *session) ask(ctx context.Context, method string, request func(stratum.ID) stratum.Message, take func(stratum.Message) error) error {
	done := make(chan error, 1)
	if err := s.send(ctx, request, func(m stratum.Message, err error) {
		if err == nil {
			err = take(m)
		}
		done <- err
	}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	timer := time.NewTimer(answerTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("%s: %w", method, errNoAnswer)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// subscribed takes the answer to mining.subscribe.
func (s *session) subscribed(m stratum.Message) error {
	a, err := stratum.ParseSubscribed(m)
	if err != nil {
		return err
	}
	if err := s.setExtranonce(a.Extranonce1, a.Extranonce2Size); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = true
	s.jobTerms.Extranonces = s.terms.Extranonces // if a job has come before
	return nil
}

// authorized takes the answer to mining.authorize. A job that came before it is offered
// now.
func (s *session) authorized(m stratum.Message) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("the pool refuses the worker %q: %w", s.pool.User, err)
	}
	s.mu.Lock()
	s.entitled = true
	s.mu.Unlock()
	return s.offer(false)
}
