package server

import (
	"context"
	"math/bits"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
)

// handle answers a line. An error ends the session.
func (s *session) handle(ctx context.Context, line []byte) error {
	m, err := stratum.Parse(line)
	if err != nil {
		if err := s.noteMalformed(); err != nil {
			return err
		}
		return s.refuse(m.ID, stratum.CodeOther, "Malformed message")
	}
	if m.IsAnswer() {
		return nil // the server asks nothing
	}
	switch m.Method {
	case stratum.MethodConfigure:
		return s.configure(m)
	case stratum.MethodSubscribe:
		return s.subscribe(m)
	case stratum.MethodAuthorize:
		return s.authorize(m)
	case stratum.MethodSuggestDifficulty:
		return s.suggest(m)
	case stratum.MethodSubmit:
		return s.submit(ctx, m)
	case stratum.MethodExtranonce:
		// The miner asks to be told of other extranonces. Those of a session never
		// change, so there is nothing to tell.
		return s.answer(stratum.NewAnswer(m.ID, true))
	case stratum.MethodPing:
		return s.answer(stratum.Pong(m.ID))
	}
	if m.IsNotification() {
		return nil
	}
	return s.refuse(m.ID, stratum.CodeOther, "Unknown method")
}

// refuse answers a request with an error.
func (s *session) refuse(id stratum.ID, code int, text string) error {
	return s.answer(stratum.NewRejection(id, stratum.Error{Code: code, Text: text}))
}

// noteMalformed counts a line that makes no sense. The error ends the session, when
// there have been too many.
func (s *session) noteMalformed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.malformed++; s.malformed > s.server.limits.Malformed {
		return errMalformed
	}
	return nil
}

// refuseMalformed answers a request whose parameters make no sense.
func (s *session) refuseMalformed(id stratum.ID, err error) error {
	if err := s.noteMalformed(); err != nil {
		return err
	}
	return s.refuse(id, stratum.CodeOther, err.Error())
}

// configure answers mining.configure, which may come at any time. The jobs that follow
// have the mask that it grants.
func (s *session) configure(m stratum.Message) error {
	c, err := stratum.ParseConfigure(m)
	if err != nil {
		return s.refuseMalformed(m.ID, err)
	}
	answer := c.Configured()
	if c.WantsVersionRolling() {
		mask := c.VersionMask & mine.VersionMask
		if w := s.server.board.Load().offer.Work; w != nil {
			mask &= w.VersionMask
		}
		if bits.OnesCount32(mask) >= c.MinBits {
			answer.GrantVersionRolling(mask)
			s.mu.Lock()
			s.rolls, s.mask, s.toldMask = true, c.VersionMask, mask
			s.outdated = true
			s.mu.Unlock()
		}
	}
	if err := s.answer(answer.Message(m.ID)); err != nil {
		return err
	}
	s.update()
	return nil
}

// subscribe answers mining.subscribe with the extranonces of the session.
func (s *session) subscribe(m stratum.Message) error {
	if _, err := stratum.ParseSubscribe(m); err != nil {
		return s.refuseMalformed(m.ID, err)
	}
	s.server.mu.Lock()
	whole := s.server.space
	s.server.mu.Unlock()
	space, err := whole.Sub(s.prefix())
	if err != nil {
		return s.refuse(m.ID, stratum.CodeOther, "The work cannot be divided")
	}
	answer := stratum.Subscribed{
		Session:         s.name(),
		Extranonce1:     space.Fixed(),
		Extranonce2Size: space.Rolled(),
	}
	// The line after the request must be its answer, so there are no jobs before it.
	if err := s.answer(answer.Message(m.ID)); err != nil {
		return err
	}
	s.mu.Lock()
	s.subscribed, s.space = true, space
	s.mu.Unlock()
	s.update()
	return nil
}

// name returns the session's name: its number.
func (s *session) name() string {
	const digits = "0123456789abcdef"
	var name []byte
	for _, b := range s.prefix() {
		name = append(name, digits[b>>4], digits[b&15])
	}
	return string(name)
}

// authorize answers mining.authorize. Any name is taken that fits, with any password:
// the miner gives its work to the node and gets nothing for it.
func (s *session) authorize(m stratum.Message) error {
	a, err := stratum.ParseAuthorize(m)
	if err != nil {
		return s.refuseMalformed(m.ID, err)
	}
	if !isName(a.User) {
		return s.refuse(m.ID, stratum.CodeUnauthorized, "The worker's name must have 1 to 64 bytes of printable text")
	}
	if !s.addName(a.User) {
		return s.refuse(m.ID, stratum.CodeUnauthorized, "Too many workers on one connection")
	}
	if err := s.answer(stratum.NewAnswer(m.ID, true)); err != nil {
		return err
	}
	s.mu.Lock()
	if s.worker == "" {
		s.worker = a.User
	}
	s.mu.Unlock()
	s.update()
	return nil
}

// isName reports whether a worker may have this name.
func isName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) &&
		strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// addName adds a worker to those of the session, if there is room.
func (s *session) addName(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.names[name]; known {
		return true
	}
	if len(s.names) == s.server.limits.Names {
		return false
	}
	s.names[name] = s.server.join(name, s.hadJob)
	return true
}

// suggest answers mining.suggest_difficulty. The next job has the suggested difficulty,
// within the bounds of the server. After that the shares decide, as in every session. A
// suggestion that comes too soon after the one before is answered in the same way, but it
// changes nothing.
func (s *session) suggest(m stratum.Message) error {
	d, err := stratum.ParseSuggestDifficulty(m)
	if err != nil {
		return s.refuseMalformed(m.ID, err)
	}
	now := time.Now()
	s.mu.Lock()
	if s.suggested.IsZero() || now.Sub(s.suggested) >= suggestEvery {
		s.suggested = now
		s.control.Suggest(d.Difficulty)
	}
	s.mu.Unlock()
	if err := s.answer(stratum.NewAnswer(m.ID, true)); err != nil {
		return err
	}
	s.update()
	return nil
}
