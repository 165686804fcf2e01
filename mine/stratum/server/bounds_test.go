package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// ended waits until the server has closed the connection.
func (m *miner) ended() {
	m.t.Helper()
	for {
		select {
		case _, ok := <-m.lines:
			if !ok {
				return
			}
		case <-time.After(time.Hour):
			m.t.Fatal("the session has not ended")
		}
	}
}

// Whatever a miner does wrong, its session ends in the time that it has for it, and for
// the right reason. The others go on.
func TestSessionsEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		do     func(m *miner)
		after  time.Duration
		reason Reason
	}{
		"silent":               {func(*miner) {}, 15 * time.Second, Handshake},
		"subscribed only":      {func(m *miner) { m.subscribe() }, 15 * time.Second, Handshake},
		"chatty, not a worker": {func(m *miner) { time.Sleep(10 * time.Second); m.call("mining.ping") }, 15 * time.Second, Handshake},
		"idle":                 {func(m *miner) { m.login("ann") }, 10 * time.Minute, Idle},
		"half a line":          {func(m *miner) { m.login("ann"); _, _ = io.WriteString(m.conn, `{"id":`) }, 10 * time.Second, Slow},
		"a byte a second": {func(m *miner) {
			m.login("ann")
			for range 9 {
				_, _ = io.WriteString(m.conn, " ")
				time.Sleep(time.Second)
			}
		}, 10 * time.Second, Slow},
		"an endless line":  {func(m *miner) { _, _ = io.Copy(m.conn, endless{}) }, 0, Long},
		"nonsense":         {func(m *miner) { m.login("ann"); m.nonsense(9) }, 0, Malformed},
		"leaves":           {func(m *miner) { m.login("ann"); _ = m.conn.Close() }, 0, Left},
		"leaves in a line": {func(m *miner) { m.login("ann"); _, _ = io.WriteString(m.conn, `{"id":`); _ = m.conn.Close() }, 0, Left},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares})
				m, other := connect(t, l.dial(t)), connect(t, l.dial(t))
				other.login("bob")
				begin := time.Now()
				tc.do(m)
				m.ended()
				if took := time.Since(begin); took != tc.after {
					t.Errorf("ended after %v, want %v", took, tc.after)
				}
				synctest.Wait()
				stats := s.Stats()
				for _, r := range Reasons() {
					if (stats.Closed[r] > 0) != (r == tc.reason) {
						t.Errorf("%s: %d sessions; want some for the reason %s alone", r, stats.Closed[r], tc.reason)
					}
				}
			})
		})
	}
}

// nonsense sends lines that are not messages.
func (m *miner) nonsense(lines int) {
	for range lines {
		if _, err := io.WriteString(m.conn, "GET / HTTP/1.1\n"); err != nil {
			return // the session has ended
		}
	}
}

// endless is a line without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '{'
	}
	return len(b), nil
}

// A miner that does not read what it is sent loses its session, and holds up no other.
func TestMinerDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(testWork("a"))
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		stuck := l.dial(t)
		defer func() { _ = stuck.Close() }()
		if _, err := io.WriteString(stuck, `{"id":1,"method":"mining.subscribe","params":[]}`+"\n"); err != nil {
			t.Fatal(err)
		}
		good := connect(t, l.dial(t))
		good.login("bob")
		begin := time.Now()
		source.post(testWork("b"), true)
		if good.await(); time.Since(begin) != 0 {
			t.Errorf("the other miner got its job after %v", time.Since(begin))
		}
		time.Sleep(11 * time.Second)
		if got := s.Stats(); got.Sessions != 1 || got.Closed[Slow] != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// The time that the source takes for a block is not the miner's: its session goes on even
// though the next line has begun meanwhile. The rest of the line has the usual time.
func TestSourceIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWork("a")
		w.Bits = easyBits
		source := newTestSource(w)
		source.takes = 29 * time.Second
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		for round := range uint32(3) {
			line, err := json.Marshal(map[string]any{"id": "share", "method": "mining.submit", "params": m.submission("ann", m.solve(m.job, round, 0, 1e-9, true))})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if _, err := io.WriteString(m.conn, string(line)+"\n"+`{"id":"ping","method"`); err != nil { // and a part of the next line
				t.Fatal(err)
			}
			m.answered(`"share"`)
			if took := time.Since(began); took < source.takes {
				t.Fatalf("the share was answered after %v", took)
			}
			time.Sleep(9 * time.Second)
			m.send(`:"mining.ping","params":[]}`)
			m.answered(`"ping"`)
		}
		if got := s.Stats(); got.Sessions != 1 || got.Closed[Slow] != 0 {
			t.Errorf("%+v", got)
		}
		if _, err := io.WriteString(m.conn, `{"id":`); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		m.ended()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("a line without an end was waited for for %v", took)
		}
	})
}

// A source that does not answer gets a block three times, each time for ten seconds. The
// share counts all the same, and the block is submitted again later until there is an
// answer, or until the attempts are used up.
func TestSourceHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWork("a")
		w.Bits = easyBits
		source := newTestSource(w)
		source.hangs = true
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		began := time.Now()
		m.wantAccepted(m.submit("ann", m.solve(m.job, 1, 0, 1e-9, true)))
		if took, want := time.Since(began), 3*10*time.Second+2*time.Second; took != want {
			t.Errorf("the share was answered after %v, want %v", took, want)
		}
		if n := len(source.submitted()); n != 3 {
			t.Errorf("the block was submitted %d times, want 3", n)
		}
		if got := s.Stats().Solutions; got[mine.Unanswered] != 0 {
			t.Errorf("the block is given up already: %v", got)
		}
		time.Sleep(4 * time.Minute)
		source.mu.Lock()
		source.hangs = false
		source.mu.Unlock()
		time.Sleep(21 * time.Second) // an attempt that hangs, and a pause
		synctest.Wait()
		if got := s.Stats().Solutions; got[mine.Unanswered] != 0 || got[mine.Accepted] != 1 {
			t.Errorf("%v", got)
		}
		n := len(source.submitted())
		time.Sleep(time.Hour)
		if again := len(source.submitted()); again != n {
			t.Errorf("a block that was accepted was submitted %d times more", again-n)
		}
	})
}

// A source that never answers gets a block for some minutes, and only some blocks at the
// same time.
func TestSourceIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWork("a")
		w.Bits = easyBits
		source := newTestSource(w)
		source.refuse = errors.New("away") // at once
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		for i := range uint32(maxLate + 2) {
			m.wantAccepted(m.submit("ann", m.solve(m.job, i+1, 0, 1e-9, true)))
		}
		if got := s.Stats().Solutions; got[mine.Unanswered] != 2 {
			t.Errorf("%v: want two blocks given up at once", got)
		}
		time.Sleep(lateAttempts * longestLatePause)
		synctest.Wait()
		if got := s.Stats().Solutions; got[mine.Unanswered] != maxLate+2 {
			t.Errorf("%v: want all blocks given up", got)
		}
		if n, want := len(source.submitted()), (maxLate+2)*submitAttempts+maxLate*lateAttempts; n != want {
			t.Errorf("%d submissions, want %d", n, want)
		}
	})
}

// A source that was away, and therefore had no work, gets the block as soon as it has work
// again, and not only after the pause.
func TestSourceIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWork("a")
		w.Bits = easyBits
		source := newTestSource(w)
		source.refuse = errors.New("away")
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		m.wantAccepted(m.submit("ann", m.solve(m.job, 1, 0, 1e-9, true)))
		source.post(nil, true)
		time.Sleep(4 * time.Minute)
		n := len(source.submitted())
		for len(source.submitted()) == n { // until just after an attempt
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		source.mu.Lock()
		source.refuse = nil
		source.mu.Unlock()
		source.post(testWork("b"), true)
		synctest.Wait()
		if got := s.Stats().Solutions; got[mine.Accepted] != 1 {
			t.Errorf("when the source is back: %v", got)
		}
	})
}

// While a source fails to offer work, the sessions go on with the work that they have. As
// soon as this is stale, no session begins with it any more.
func TestOfferFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		source := newTestSource(testWork("a"))
		s, l := start(t, Config{Source: source, Vardiff: easyShares, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		m := connect(t, l.dial(t))
		m.login("ann")
		fail := func(err error) {
			source.mu.Lock()
			defer source.mu.Unlock()
			source.err = err
		}
		fail(errors.New("the store cannot be read"))
		time.Sleep(time.Minute)
		m.wantAccepted(m.submit("ann", m.solve(m.job, 1, 0, m.difficulty, true)))
		connect(t, l.dial(t)).login("bob")
		if s.Stats().JobSince.IsZero() {
			t.Error("work that is not stale is withdrawn")
		}

		source.post(testWork("b"), true)
		synctest.Wait()
		late := connect(t, l.dial(t))
		late.subscribe()
		late.wantAccepted(late.call("mining.authorize", "eve"))
		late.call("mining.ping")
		if late.job.name != "" || !s.Stats().JobSince.IsZero() {
			t.Errorf("a session begins with stale work: %+v", late.job)
		}
		m.wantRefused(m.submit("ann", m.solve(m.job, 2, 0, m.difficulty, true)), 21)
		fail(nil)
		if j := late.await(); !j.clean {
			t.Errorf("%+v", j)
		}
		old := m.job.name
		m.awaitAfter(old)
		m.wantAccepted(m.submit("ann", m.solve(m.job, 3, 0, m.difficulty, true)))
		if !strings.Contains(log.String(), "there is no newer work for the miners") || !strings.Contains(log.String(), "the store cannot be read") {
			t.Errorf("the log does not say it:\n%s", log.String())
		}

		// The source has no work, then another tip, and after that only errors.
		source.post(nil, true)
		synctest.Wait()
		source.mu.Lock()
		source.err = errors.New("the store cannot be read")
		source.life.End()
		source.offers = 0
		source.mu.Unlock()
		time.Sleep(time.Minute)
		source.mu.Lock()
		defer source.mu.Unlock()
		if source.offers < 59 || source.offers > 61 {
			t.Errorf("the source was asked %d times in a minute of errors, want once a second", source.offers)
		}
	})
}

// A share of a job on an earlier tip is worth nothing if it is no block.
func TestStaleShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(testWork("a"))
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		first := m.job
		source.post(testWork("b"), true)
		m.awaitAfter(first.name)
		m.wantRefused(m.submit("ann", m.solve(first, 1, 0, m.difficulty, true)), 21)
		if got := s.Stats().Shares; got[ShareStale] != 1 || got[ShareAccepted] != 0 {
			t.Errorf("%v", got)
		}
	})
}

// A miner for which the difficulty is far too high gets a lower one with a job of its own,
// before the next job is due.
func TestSilentMiner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: vardiff.Config{Start: 1e-3, Least: 1e-8}})
		m := connect(t, l.dial(t))
		m.login("ann")
		before, began := m.difficulty, time.Now()
		m.await()
		if took := time.Since(began); took >= refreshEvery || m.difficulty >= before {
			t.Errorf("after %v the difficulty is %v, and it was %v", took, m.difficulty, before)
		}
	})
}

// What strangers do fills no log, however often they do it.
func TestLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, l := start(t, Config{
			Source: newTestSource(testWork("a")), Limits: Limits{Sessions: 1},
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		connect(t, l.dial(t)).login("ann")
		for range 1000 {
			connect(t, l.dial(t)).ended()
		}
		synctest.Wait()
		if n := strings.Count(log.String(), "a miner was refused"); n != linesAtOnce {
			t.Errorf("%d lines about 1000 refused connections, want %d", n, linesAtOnce)
		}
		time.Sleep(2 * lineEvery)
		connect(t, l.dial(t)).ended()
		synctest.Wait()
		if !strings.Contains(log.String(), "left_out=990") {
			t.Errorf("the log does not say how many lines were left out:\n%s", log.String())
		}
		if got := s.Stats().Closed[Full]; got != 1001 {
			t.Errorf("%d connections were counted, want 1001", got)
		}
	})
}

// If no job can be made of the source's work, the log says so, and the sessions end for a
// reason of its own.
func TestNoJobCanBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		source := &namingSource{testSource: newTestSource(testWork("a")), err: errors.New("the tag is too long")}
		s, l := start(t, Config{Source: source, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 100 {
			m := connect(t, l.dial(t))
			m.subscribe()
			m.wantAccepted(m.call("mining.authorize", "ann"))
			m.ended()
		}
		synctest.Wait()
		if got := s.Stats(); got.Closed[NoJob] != 100 || got.Closed[Left] != 0 {
			t.Errorf("%+v", got)
		}
		const said = "no job can be made for a miner"
		if n := strings.Count(log.String(), said); n != linesAtOnce || !strings.Contains(log.String(), "the tag is too long") {
			t.Errorf("%d lines, want %d with the reason:\n%s", n, linesAtOnce, log.String())
		}
	})
}

// namingSource is a source that cannot name its miners.
type namingSource struct {
	*testSource
	err error
}

func (s *namingSource) Name(mine.Work, string) (mine.Work, error) { return mine.Work{}, s.err }

// A session may be silent for as long as there is nothing to mine.
func TestIdleWithoutWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(nil)
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.subscribe()
		m.wantAccepted(m.call("mining.authorize", "ann"))
		time.Sleep(time.Hour)
		if got := s.Stats(); got.Sessions != 1 || !got.JobSince.IsZero() {
			t.Fatalf("%+v", got)
		}
		source.post(testWork("a"), true)
		m.await()
	})
}

// A session that sends more lines than it may is made to wait, and answered.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := start(t, Config{Source: newTestSource(testWork("a")), Limits: Limits{Lines: 10, Burst: 20}, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann") // two lines
		begin := time.Now()
		for range 18 {
			m.call("mining.ping")
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("a burst took %v", took)
		}
		for range 50 {
			m.call("mining.get_transactions", "1")
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("50 more lines took %v, want 5 s", took)
		}
	})
}

func TestTooManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := start(t, Config{Source: newTestSource(testWork("a")), Limits: Limits{Sessions: 2}})
		first := connect(t, l.dial(t))
		connect(t, l.dial(t))
		connect(t, l.dial(t)).ended()
		synctest.Wait()
		if got := s.Stats(); got.Sessions != 2 || got.Closed[Full] != 1 {
			t.Errorf("%+v", got)
		}
		_ = first.conn.Close()
		synctest.Wait()
		connect(t, l.dial(t)).login("ann")
	})
}

// One address has only some of the sessions, however it is written. This machine and other
// addresses are not kept out by it, and a session that ends makes room.
func TestTooManySessionsOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := start(t, Config{Source: newTestSource(testWork("a")), Limits: Limits{SessionsEach: 2}})
		from := func(ip string) *miner {
			return connect(t, l.dialFrom(t, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1024}))
		}
		first := from("192.0.2.1")
		first.login("ann")
		from("::ffff:192.0.2.1").login("ann")
		from("192.0.2.1").ended()
		from("::ffff:192.0.2.1").ended()
		for range 2 {
			from("192.0.2.2").login("bob")
			from("2001:db8::1").login("bob")
		}
		for range 3 {
			from("127.0.0.1").login("eve")
			from("::1").login("eve")
		}
		synctest.Wait()
		if got := s.Stats(); got.Sessions != 12 || got.Closed[Full] != 2 {
			t.Errorf("%d sessions, and %d were refused; want 12 and 2", got.Sessions, got.Closed[Full])
		}
		_ = first.conn.Close()
		synctest.Wait()
		from("192.0.2.1").login("ann")
		from("192.0.2.1").ended()
	})
}

// If the extranonces of the source's work become others, a session ends, because it cannot
// be told of them. The miner is told when it subscribes again. It has nothing to do with
// work that no job can be made of, so nothing is logged.
func TestOtherSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		source := newTestSource(testWork("a"))
		s, l := start(t, Config{Source: source, Vardiff: easyShares, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		m := connect(t, l.dial(t))
		m.login("ann")
		w := testWork("b") // with the same extranonces
		source.post(w, true)
		m.await()

		other := testWork("c")
		space, err := mine.NewSpace([]byte("fixed"), 7)
		if err != nil {
			t.Fatal(err)
		}
		other.Extranonces = space
		source.post(other, true)
		m.ended()
		synctest.Wait()
		stats := s.Stats()
		for _, r := range Reasons() {
			want := uint64(0)
			if r == Space {
				want = 1
			}
			if stats.Closed[r] != want {
				t.Errorf("%s: %d sessions, want %d", r, stats.Closed[r], want)
			}
		}
		if log.Len() != 0 {
			t.Errorf("the log says:\n%s", log.String())
		}
		again := connect(t, l.dial(t))
		again.login("ann")
		if !bytes.HasPrefix(again.extranonce1, []byte("fixed")) || len(again.extranonce1) != 9 || again.size2 != 3 {
			t.Errorf("extranonce1 is %x, and extranonce2 has %d bytes", again.extranonce1, again.size2)
		}
	})
}

// The tables of a session and of the server are bounded.
func TestTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWork("a")
		w.Bits = easyBits
		source := newTestSource(w)
		s, l := start(t, Config{Source: source, Vardiff: easyShares, Limits: Limits{Names: 3, Workers: 2, Blocks: 5, Burst: 1 << 20}})
		m := connect(t, l.dial(t))
		m.login("one")
		m.wantAccepted(m.call("mining.authorize", "two"))
		m.wantAccepted(m.call("mining.authorize", "three"))
		m.wantAccepted(m.call("mining.authorize", "two"))
		m.wantRefused(m.call("mining.authorize", "four"), 24)
		for _, name := range []string{"", strings.Repeat("x", 65), "a\nb", "a\xff"} {
			m.wantRefused(m.call("mining.authorize", name), 24)
		}
		if got := s.Stats().Workers; got != 2 {
			t.Errorf("%d workers are remembered, want 2", got)
		}
		first := m.solve(m.job, 0, 0, m.difficulty, true)
		j, began := m.job, time.Now()
		for i := range keptShares + 10 {
			got := m.submit("one", m.solve(j, uint32(i), 0, m.difficulty, true))
			if i < keptShares {
				m.wantAccepted(got)
			}
		}
		// The job is forgotten with its shares, so they are refused by its name.
		m.wantRefused(m.submit("one", first), 21)
		m.awaitAfter(j.name)
		if took := time.Since(began); took != 0 {
			t.Errorf("the next job came after %v, want at once", took)
		}
		m.wantAccepted(m.submit("three", m.solve(m.job, keptShares+20, 0, m.difficulty, true)))
		if got := len(s.Blocks()); got != 5 {
			t.Errorf("%d blocks are remembered, want 5", got)
		}
		for i := range keptJobs {
			source.post(testWork(fmt.Sprint("newer ", i)), true)
			m.await()
		}
		session := s.all()[0]
		session.mu.Lock()
		defer session.mu.Unlock()
		if len(session.jobs) != keptJobs || session.shares != 0 {
			t.Errorf("%d jobs with %d shares are remembered", len(session.jobs), session.shares)
		}
	})
}

// A header counts once, whatever the name of the job for which it is submitted.
func TestDuplicateOfAnotherJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		good := m.solve(m.job, 1, 0, m.difficulty, true)
		m.wantAccepted(m.submit("ann", good))
		m.awaitAfter(m.job.name) // a fresh job on the same work
		good.job.name = m.job.name
		m.wantRefused(m.submit("ann", good), 22)
		m.wantAccepted(m.submit("ann", m.solve(m.job, 2, 0, m.difficulty, true)))
	})
}

// A worker that has left makes room for another one.
func TestWorkersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares, Limits: Limits{Workers: 1}})
		first := connect(t, l.dial(t))
		first.login("ann")
		_ = first.conn.Close()
		synctest.Wait()
		second := connect(t, l.dial(t))
		second.login("bob")
		if got := s.Workers(); len(got) != 1 || got[0].Name != "bob" || got[0].Sessions != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// A miner that floods is given a higher difficulty after a few shares, with a job.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: vardiff.Config{Start: 1e-8, Least: 1e-8}})
		m := connect(t, l.dial(t))
		m.login("ann")
		j := m.job
		for i := range uint32(100) {
			time.Sleep(10 * time.Millisecond)
			m.wantAccepted(m.submit("ann", m.solve(j, i, 0, 1e-8, true)))
		}
		if m.difficulty < 5e-7 || m.difficulty > 3e-6 || m.job.name == j.name {
			t.Errorf("difficulty %v, want about 1.2e-6", m.difficulty)
		}
	})
}
