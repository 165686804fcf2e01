package server

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// shareEachSecond submits a share a second, the first one after a second.
func (m *miner) shareEachSecond(name string, shares int) {
	m.t.Helper()
	for i := range shares {
		time.Sleep(time.Second)
		m.wantAccepted(m.submit(name, m.solve(m.job, uint32(i), 0, m.difficulty, true)))
	}
}

// wantRate fails the test unless the server has measured the only worker and all miners
// over the given time, and has found the given number of shares of the least difficulty in it.
// The time of a whole window is less by up to ten seconds.
func wantRate(t *testing.T, s *Server, over time.Duration, shares float64) {
	t.Helper()
	workers := s.Workers()
	if len(workers) != 1 {
		t.Fatalf("%d workers", len(workers))
	}
	for what, e := range map[string]vardiff.Estimate{"all miners": s.Stats().Rate, "the worker": workers[0].Rate} {
		least, most := over, over
		if over == vardiff.Window {
			least, most = over-10*time.Second, over-1
		}
		if e.Over < least || e.Over > most {
			t.Errorf("%s: measured over %v, want %v", what, e.Over, over)
		}
		if got, want := e.Rate*e.Over.Seconds(), shares*easyShares.Start*vardiff.Hashes; math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: %v hashes in %v, want %v", what, got, e.Over, want)
		}
	}
}

// A rate is measured from the first job on. Neither the time in which the server waits for a
// miner, nor that in which a miner waits for work, is divided into it, though both are
// asked for the rate meanwhile.
func TestRateFromTheFirstJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(nil)
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		if e := s.Stats().Rate; e != (vardiff.Estimate{}) {
			t.Errorf("before there is a session: %+v", e)
		}
		time.Sleep(3 * time.Minute)
		m := connect(t, l.dial(t))
		m.subscribe()
		m.wantAccepted(m.call("mining.authorize", "ann", "x"))
		time.Sleep(2 * time.Minute)
		wantRate(t, s, 0, 0)
		source.post(testWork("a"), true)
		m.awaitAfter("")
		m.shareEachSecond("ann", 60)
		wantRate(t, s, time.Minute, 60)
	})
}

// A pause between two sessions is a part of the measurement, until it has lasted for as long
// as all that is remembered. Then the rate is that since the next first job. As long as
// there is another session, its silence counts.
func TestRateAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares})
		session := func(shares int) {
			m := connect(t, l.dial(t))
			m.login("ann")
			m.shareEachSecond("ann", shares)
			_ = m.conn.Close()
			synctest.Wait()
		}
		session(60)
		time.Sleep(time.Minute)
		wantRate(t, s, 2*time.Minute, 60)
		session(60)
		wantRate(t, s, 3*time.Minute, 120)

		time.Sleep(vardiff.Window - time.Second)
		session(60)
		wantRate(t, s, vardiff.Window, 60)

		time.Sleep(vardiff.Window)
		wantRate(t, s, vardiff.Window, 0)
		session(60)
		wantRate(t, s, time.Minute, 60)

		silent := connect(t, l.dial(t))
		silent.login("ann")
		time.Sleep(vardiff.Window)
		session(60)
		wantRate(t, s, vardiff.Window, 60)
	})
}

// The rate of a worker that joins a session later is measured from then on, and one that is
// not remembered changes nothing.
func TestRateOfALateWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares, Limits: Limits{Workers: 2}})
		m := connect(t, l.dial(t))
		m.login("ann")
		time.Sleep(time.Minute)
		for _, name := range []string{"bob", "not remembered"} {
			m.wantAccepted(m.call("mining.authorize", name, "x"))
		}
		time.Sleep(time.Minute)
		workers := s.Workers()
		if len(workers) != 2 || workers[0].Rate.Over != 2*time.Minute || workers[1].Rate.Over != time.Minute {
			t.Errorf("%+v, want two workers, measured over two minutes and one", workers)
		}
	})
}
