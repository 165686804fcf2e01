package server

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/mine/stratum/vardiff"
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

// What a session did before its first share is work of all its workers. If there is one, it
// is that worker's; if there are several, their rates are made of their own shares alone,
// and the rate of all miners has that work too.
func TestRatesOfWorkers(t *testing.T) {
	for _, names := range [][]string{{"ann"}, {"ann", "bob"}} {
		t.Run(fmt.Sprint(len(names), " names"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares})
				m := connect(t, l.dial(t))
				m.login("ann")
				for _, name := range names[1:] {
					if got := m.call("mining.authorize", name, "x"); string(got.Result) != "true" {
						t.Fatalf("%+v", got)
					}
				}
				time.Sleep(time.Minute) // the silence before the first share
				for i := range uint32(8) {
					m.wantAccepted(m.submit(names[int(i)%len(names)], m.solve(m.job, i, 0, m.difficulty, true)))
					time.Sleep(time.Second)
				}
				workers, all, sum := s.Workers(), s.Stats().Rate.Rate, 0.0
				for _, w := range workers {
					if want := uint64(8 / len(names)); w.Rate.Shares != want {
						t.Fatalf("%s has %d shares, want %d", w.Name, w.Rate.Shares, want)
					}
					own := stratum.EstimateRate(int(w.Rate.Shares), w.Work*vardiff.Hashes, w.Rate.Over).Hashes
					switch {
					case len(names) == 1 && w.Rate.Rate < 3*own:
						t.Errorf("%s has %v H/s, want much more than %v: the silence lasted a minute, the shares some seconds", w.Name, w.Rate.Rate, own)
					case len(names) > 1 && w.Rate.Rate != own:
						t.Errorf("%s has %v H/s, want %v, which its own shares are worth", w.Name, w.Rate.Rate, own)
					}
					sum += own
				}
				if len(workers) != len(names) || all < 3*sum {
					t.Errorf("%d workers; all miners have %v H/s, want much more than %v", len(workers), all, sum)
				}
			})
		})
	}
}
