package client

import (
	"fmt"
	"log/slog"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// take handles a message of the pool. An error ends the session.
func (s *session) take(m stratum.Message) error {
	if m.IsAnswer() {
		s.answer(m)
		return nil
	}
	switch m.Method {
	case stratum.MethodNotify:
		n, err := stratum.ParseNotify(m)
		if err != nil {
			return s.nonsense(err)
		}
		return s.notified(n)
	case stratum.MethodSetDifficulty:
		d, err := stratum.ParseSetDifficulty(m)
		if err != nil {
			return s.nonsense(err)
		}
		return s.setDifficulty(d)
	case stratum.MethodSetExtranonce:
		e, err := stratum.ParseSetExtranonce(m)
		if err != nil {
			return s.nonsense(err)
		}
		return s.setExtranonce(e.Extranonce1, e.Extranonce2Size)
	case stratum.MethodSetVersionMask:
		v, err := stratum.ParseSetVersionMask(m)
		if err != nil {
			return s.nonsense(err)
		}
		s.setMask(v.Mask)
		return s.offer(false)
	case stratum.MethodReconnect:
		return s.reconnect(m)
	case stratum.MethodShowMessage:
		if show, err := stratum.ParseShowMessage(m); err == nil {
			s.client.texts.Log(s.log, slog.LevelInfo, "message of the pool", "text", show.Text)
		}
	case stratum.MethodGetVersion:
		s.reply(stratum.NewAnswer(m.ID, s.client.agent))
	case stratum.MethodPing:
		s.reply(stratum.Pong(m.ID))
	default:
		if !m.IsNotification() {
			s.reply(stratum.NewRejection(m.ID, stratum.Error{Code: stratum.CodeOther, Text: "Unknown method"}))
		}
	}
	return nil
}

// nonsense ends the session for a message that cannot be passed over: without it, the
// client would search what the pool does not want.
func (s *session) nonsense(err error) error {
	return fmt.Errorf("the pool sent a message that makes no sense: %w", err)
}

func (s *session) setDifficulty(d stratum.SetDifficulty) error {
	target, err := stratum.TargetOf(d.Difficulty)
	if err != nil {
		return s.nonsense(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terms.Target = target // of the jobs that follow
	return nil
}

func (s *session) setExtranonce(fixed []byte, size int) error {
	space, err := mine.NewSpace(fixed, size)
	if err != nil {
		return s.nonsense(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terms.Extranonces = space // of the jobs that follow
	return nil
}

// setMask sets the bits that may be rolled. Unlike the other terms it holds at once
// (BIP 310).
func (s *session) setMask(mask uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terms.VersionMask = mask & s.client.mask
	s.jobTerms.VersionMask = s.terms.VersionMask
}

// hands reports whether the pool still hands out these extranonces.
func (s *session) hands(space mine.Space) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joined && s.terms.Extranonces == space
}

// notified offers a new job, or keeps it until the handshake is over.
func (s *session) notified(n stratum.Notify) error {
	s.mu.Lock()
	s.job, s.jobTerms = &n, s.terms
	s.mu.Unlock()
	return s.offer(n.Clean)
}

// offer offers the present job, if there is one and the handshake is over.
func (s *session) offer(clean bool) error {
	s.mu.Lock()
	job, terms, ready := s.job, s.jobTerms, s.joined && s.entitled
	if job == nil || !ready {
		s.mu.Unlock()
		return nil
	}
	first := s.since.IsZero()
	if first {
		s.since = s.client.now()
	}
	s.mu.Unlock()
	if s.probes {
		if _, err := job.Work("1", terms); err != nil {
			return s.nonsense(err)
		}
		return errGivesWork
	}
	if err := s.client.post(s, *job, terms, clean || first); err != nil {
		return s.nonsense(err)
	}
	if first {
		close(s.worked)
	}
	return nil
}

// reconnect ends the session if the pool says so, and does not send the miner to another
// host.
func (s *session) reconnect(m stratum.Message) error {
	r, err := stratum.ParseReconnect(m)
	if err != nil {
		s.client.hijacks.Log(s.log, slog.LevelWarn, "the pool told its miners to connect again, but not where", "err", err)
		return nil
	}
	if _, ok := s.pool.redirect(r.Host, r.Port); !ok {
		s.client.hijacks.Log(s.log, slog.LevelWarn, "the pool tried to send its miners to another host: ignored", "host", r.Host, "port", r.Port)
		return nil
	}
	s.order = &r
	return errReconnect
}

// targetOf returns the target of a work's shares.
func targetOf(w mine.Work) pow.Target {
	if !w.Target.IsZero() {
		return w.Target
	}
	target, _, _ := w.Bits.Decode()
	return target
}
