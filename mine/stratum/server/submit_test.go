package server

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// Only new shares of present jobs tell the server how fast a miner is. Otherwise a miner
// could have any difficulty by submitting the same share again.
func TestSharesThatDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(testWork("a"))
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		control := func() string {
			session := s.all()[0]
			session.mu.Lock()
			defer session.mu.Unlock()
			return fmt.Sprintf("%+v", *session.control)
		}
		first := m.job
		share := m.solve(first, 1, 0, m.difficulty, true)
		before := control()
		m.wantAccepted(m.submit("ann", share))
		counted := control()
		if counted == before {
			t.Fatal("a good share is not counted")
		}
		rate := s.Stats().Rate
		m.wantRefused(m.submit("ann", share), 22)
		m.wantRefused(m.call("mining.submit", "ann", first.name, "zz", "00000000", "00000000"), 20)
		if control() != counted {
			t.Errorf("a duplicate is counted:\n%s\n%s", counted, control())
		}
		if s.Stats().Rate != rate {
			t.Errorf("the rate is %+v, and it was %+v before shares that were refused", s.Stats().Rate, rate)
		}
		source.post(testWork("b"), true)
		m.awaitAfter(first.name)
		counted = control()
		m.wantRefused(m.submit("ann", m.solve(first, 2, 0, m.difficulty, true)), 21)
		if control() != counted {
			t.Errorf("a stale share is counted:\n%s\n%s", counted, control())
		}
	})
}

// A share of the source's work that is no block is given up after three attempts.
func TestUnansweredShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWork("a")
		w.Target = pow.ZerosTarget(1) // every other hash is a share, and none is a block
		source := newTestSource(w)
		source.refuse = errors.New("away")
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		m.wantAccepted(m.submit("ann", m.solve(m.job, 1, 0, 1e-9, true)))
		if got := s.Stats().Solutions; got[mine.Unanswered] != 1 {
			t.Errorf("%v", got)
		}
		time.Sleep(time.Hour)
		if n := len(source.submitted()); n != submitAttempts {
			t.Errorf("the share was submitted %d times, want %d", n, submitAttempts)
		}
	})
}
