package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// The whole life of a share: the lines of the handshake, the work, the submission and
// its answer.
func TestSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, func(c *Config) { c.Difficulty = 0.5 })
		noWork(t, c)
		pool := f.accept()
		if pool.address != "a:3333" {
			t.Errorf("connected to %s", pool.address)
		}
		configure := pool.expect(stratum.MethodConfigure)
		if got, want := string(configure.Line()), `{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}`+"\n"; got != want {
			t.Errorf("\n got %swant %s", got, want)
		}
		pool.answer(configure, `{"version-rolling":true,"version-rolling.mask":"00006000"}`)
		subscribe := pool.expect(stratum.MethodSubscribe)
		if got, want := string(subscribe.Line()), `{"id":2,"method":"mining.subscribe","params":["lode/test"]}`+"\n"; got != want {
			t.Errorf("\n got %swant %s", got, want)
		}
		pool.answer(subscribe, subscription)
		authorize := pool.expect(stratum.MethodAuthorize)
		if got, want := string(authorize.Line()), `{"id":3,"method":"mining.authorize","params":["worker","x"]}`+"\n"; got != want {
			t.Errorf("\n got %swant %s", got, want)
		}
		pool.answer(authorize, "true")
		if got := string(pool.expect(stratum.MethodSuggestDifficulty).Line()); got != `{"id":4,"method":"mining.suggest_difficulty","params":[0.5]}`+"\n" {
			t.Errorf("got %s", got)
		}
		noWork(t, c)
		pool.send(`{"id":null,"method":"mining.set_difficulty","params":[0.25]}`, jobLine("j1", true))

		w := work(t, c)
		want, err := testJob("j1", true).Work("1", stratum.Terms{Extranonces: w.Extranonces, Target: w.Target, VersionMask: 0x6000})
		if err != nil || !w.SameHeaders(want) || w.VersionMask != 0x6000 || len(w.Versions()) != 4 {
			t.Errorf("%+v, want %+v (%v)", w, want, err)
		}
		if fixed := w.Extranonces.Fixed(); string(fixed) != "\x0a\x0b" || w.Extranonces.Rolled() != 4 {
			t.Errorf("extranonces %x of %d bytes", fixed, w.Extranonces.Size())
		}
		if w.Target.Difficulty() != 0.25 {
			t.Errorf("difficulty %v", w.Target.Difficulty())
		}

		done := submit(t, c, solution(w, 7))
		m := pool.expect(stratum.MethodSubmit)
		if got, want := string(m.Line()), `{"id":5,"method":"mining.submit","params":["worker","j1","00000007","6553f101","0000002a","00006000"]}`+"\n"; got != want {
			t.Errorf("\n got %swant %s", got, want)
		}
		pool.answer(m, "true")
		if r := <-done; r.outcome != mine.Accepted || r.err != nil {
			t.Errorf("%v, %v", r.outcome, r.err)
		}
		s := c.Stats()
		if s.Pool != "stratum+tcp://a:3333" || s.Difficulty != 0.25 || s.Shares[mine.Accepted] != 1 || s.Connections != 1 || s.Jobs != 1 || s.Versions != 4 || s.Hashes != 1/w.Target.Probability() {
			t.Errorf("%+v", s)
		}
	})
}

// Every answer that pools give to a share has an outcome and a reason.
func TestRejections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("j1", true))
		w := work(t, c)
		for i, test := range []struct {
			answer  string
			outcome mine.Outcome
			reason  string
		}{
			{`"result":true,"error":null`, mine.Accepted, ""},
			{`"result":null,"error":[21,"Job not found",null]`, mine.Stale, "Job not found"},
			{`"result":null,"error":[22,"Duplicate share",null]`, mine.Duplicate, "Duplicate share"},
			{`"result":false,"error":[23,"Low difficulty share",null]`, mine.Low, "Low difficulty share"},
			{`"result":null,"error":[24,"Unauthorized worker",null]`, mine.Invalid, "Unauthorized worker"},
			{`"result":null,"error":[20,"Time out of range",null]`, mine.Invalid, "Time out of range"},
			{`"result":false,"error":null,"reject-reason":"Above target"`, mine.Low, "Above target"},
			{`"result":false,"error":null`, mine.Invalid, "refused without a reason"},
			{`"result":null,"error":null`, mine.Invalid, "refused without a reason"},
			{`"result":null,"error":{"code":-1,"message":"stale"}`, mine.Stale, "stale"},
		} {
			done := submit(t, c, solution(w, uint64(i)))
			m := pool.expect(stratum.MethodSubmit)
			pool.send(`{"id":` + m.ID.String() + `,` + test.answer + `}`)
			r := <-done
			var refused *stratum.Error
			if r.outcome != test.outcome || test.reason != "" && (!errors.As(r.err, &refused) || refused.Text != test.reason) {
				t.Errorf("%s: %v, %v", test.answer, r.outcome, r.err)
			}
			if test.reason != "" && c.Stats().Rejects[test.reason] == 0 {
				t.Errorf("%s: %v", test.answer, c.Stats().Rejects)
			}
		}
		// The reasons come from the pool, so their number is bounded.
		for i := range 2 * maxReasons {
			done := submit(t, c, solution(w, 100+uint64(i)))
			m := pool.expect(stratum.MethodSubmit)
			pool.send(fmt.Sprintf(`{"id":%s,"error":"reason %d"}`, m.ID, i))
			<-done
		}
		if n := len(c.Stats().Rejects); n != maxReasons+1 || c.Stats().Rejects[otherReason] == 0 {
			t.Errorf("%d reasons: %v", n, c.Stats().Rejects)
		}
	})
}

// The pool takes a share and its answer is lost with the connection. The client submits it
// again over the next one, which has the same extranonce, and the pool says that it is a
// duplicate: the share counts. A share that was never without an answer is a duplicate.
func TestAnswerIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("j1", true))
		w := work(t, c)
		lost, plain := solution(w, 1), solution(w, 2)
		done := submit(t, c, lost)
		pool.expect(stratum.MethodSubmit)
		_ = pool.Close()
		if r := <-done; r.outcome != mine.Unanswered || r.err == nil {
			t.Fatalf("%v, %v", r.outcome, r.err)
		}
		// Nothing is sent while there is no connection, so the pool cannot know this share.
		if r := <-submit(t, c, plain); r.outcome != mine.Unanswered {
			t.Fatalf("%v, %v", r.outcome, r.err)
		}
		pool = f.accept()
		pool.greet()
		pool.send(jobLine("j1", true))
		work(t, c)
		const duplicate = `,"result":null,"error":[22,"Duplicate share",null]}`
		done = submit(t, c, lost)
		pool.send(`{"id":` + pool.expect(stratum.MethodSubmit).ID.String() + duplicate)
		if r := <-done; r.outcome != mine.Accepted || r.err != nil {
			t.Errorf("the share without an answer: %v, %v; want accepted", r.outcome, r.err)
		}
		done = submit(t, c, plain)
		pool.send(`{"id":` + pool.expect(stratum.MethodSubmit).ID.String() + duplicate)
		if r := <-done; r.outcome != mine.Duplicate || r.err == nil {
			t.Errorf("a share that was never submitted before: %v, %v; want duplicate", r.outcome, r.err)
		}
		if s := c.Stats(); s.Shares[mine.Accepted] != 1 || s.Shares[mine.Duplicate] != 1 || s.Hashes != 1/w.Target.Probability() || s.Rejects["Duplicate share"] != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// An answer that does not come in time is as good as lost.
func TestAnswerIsLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("j1", true))
		sol := solution(work(t, c), 1)
		done := submit(t, c, sol)
		pool.expect(stratum.MethodSubmit)
		if r := <-done; r.outcome != mine.Unanswered {
			t.Fatalf("%v, %v", r.outcome, r.err)
		}
		done = submit(t, c, sol)
		pool.send(`{"id":` + pool.expect(stratum.MethodSubmit).ID.String() + `,"result":null,"error":[22,"Duplicate share",null]}`)
		if r := <-done; r.outcome != mine.Accepted {
			t.Errorf("%v, %v; want accepted", r.outcome, r.err)
		}
	})
}

// A client remembers a bounded number of shares without an answer.
func TestUnansweredIsBounded(t *testing.T) {
	c, err := New(Config{Pools: testPools(1)})
	if err != nil {
		t.Fatal(err)
	}
	hash := func(i int) pow.Hash { return pow.DoubleSHA256([]byte{byte(i)}) }
	for i := range 2 * keptUnanswered {
		c.noteUnanswered(hash(i))
	}
	if len(c.unanswered) != keptUnanswered || c.wasUnanswered(hash(keptUnanswered-1)) || !c.wasUnanswered(hash(keptUnanswered)) || !c.wasUnanswered(hash(2*keptUnanswered-1)) {
		t.Errorf("%d hashes are kept", len(c.unanswered))
	}
}

// A difficulty holds for the jobs that follow; a share is judged by that of its job.
func TestDifficultyOfTheNextJob(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("j1", true))
		first := work(t, c)
		if d := first.Target.Difficulty(); d != 1 {
			t.Errorf("difficulty %v before the pool has named one", d)
		}
		pool.send(`{"method":"mining.set_difficulty","params":[512]}`)
		if w := work(t, c); w.ID != first.ID || w.Target != first.Target {
			t.Errorf("the difficulty of the present work has changed to %v", w.Target.Difficulty())
		}
		// A new mask holds at once, and does not bring the difficulty forward.
		pool.send(`{"method":"mining.set_version_mask","params":["00002000"]}`)
		if w := work(t, c); w.Target != first.Target || w.VersionMask != 0x2000 || len(w.Versions()) != 2 || w.ID == first.ID {
			t.Errorf("%+v", w)
		}
		pool.send(jobLine("j2", false))
		if w := work(t, c); w.Target.Difficulty() != 512 || w.VersionMask != 0x2000 {
			t.Errorf("difficulty %v, mask %08x", w.Target.Difficulty(), w.VersionMask)
		}
		// The share of the first job is still worth what its job was.
		done := submit(t, c, solution(first, 1))
		m := pool.expect(stratum.MethodSubmit)
		pool.answer(m, "true")
		if r := <-done; r.outcome != mine.Accepted || c.Stats().Hashes != 1/first.Target.Probability() {
			t.Errorf("%v, %v; worth %v", r.outcome, r.err, c.Stats().Hashes)
		}
	})
}

// Clean jobs end earlier work; others only outdate it.
func TestLifetimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		offer := func() mine.Offer {
			work(t, c)
			o, _ := c.Offer()
			return o
		}
		closed := func(c <-chan struct{}) bool {
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		pool.send(jobLine("j1", false))
		first := offer()
		if closed(first.Newer) || closed(first.Stale) {
			t.Error("the first work is old already")
		}
		pool.send(jobLine("j2", false))
		second := offer()
		if !closed(first.Newer) || closed(first.Stale) || closed(second.Newer) {
			t.Error("a job without clean_jobs does not outdate the work")
		}
		pool.send(jobLine("j3", true))
		third := offer()
		if !closed(first.Stale) || !closed(second.Stale) || closed(third.Newer) {
			t.Error("a clean job does not end earlier work")
		}
		_ = pool.Close()
		noWork(t, c)
		if !closed(third.Stale) {
			t.Error("the work of a lost connection is not stale")
		}
	})
}

// The mask may come at any time, be wide, narrow or none at all.
func TestVersionMask(t *testing.T) {
	for _, test := range []struct {
		name     string
		config   uint32 // Config.VersionMask
		answer   string // to mining.configure
		between  string // sent before the answer to mining.subscribe
		mask     uint32
		versions int
	}{
		{"granted", 0, `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`, "", mine.VersionMask, 16},
		{"all bits, which would make the version negative", 0, `{"version-rolling":true,"version-rolling.mask":"ffffffff"}`, "", mine.VersionMask, 16},
		{"two bits", 0, `{"version-rolling":true,"version-rolling.mask":"18000000"}`, "", 0x18000000, 4},
		{"one bit", 0, `{"version-rolling":true,"version-rolling.mask":"00002000"}`, "", 0x2000, 2},
		{"none", 0, `{"version-rolling":true,"version-rolling.mask":"00000000"}`, "", 0, 1},
		{"only bits that are not the miner's", 0, `{"version-rolling":true,"version-rolling.mask":"e0001fff"}`, "", 0, 1},
		{"refused", 0, `{"version-rolling":false}`, "", 0, 1},
		{"refused in words", 0, `{"version-rolling":"no"}`, "", 0, 1},
		{"not mentioned", 0, `{}`, "", 0, 1},
		{"no object", 0, `true`, "", 0, 1},
		{"changed in the handshake", 0, `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`, "00006000", 0x6000, 4},
		{"refused, and given in the handshake", 0, `{"version-rolling":false}`, "1fffe000", mine.VersionMask, 16},
		{"wider than asked for", 0x6000, `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`, "", 0x6000, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				c := start(t, f, 1, func(c *Config) { c.VersionMask = test.config })
				pool := f.accept()
				pool.answer(pool.expect(stratum.MethodConfigure), test.answer)
				subscribe := pool.expect(stratum.MethodSubscribe)
				if test.between != "" {
					pool.send(`{"id":null,"method":"mining.set_version_mask","params":["` + test.between + `"]}`)
				}
				pool.answer(subscribe, subscription)
				pool.answer(pool.expect(stratum.MethodAuthorize), "true")
				pool.send(jobLine("1", true))
				w := work(t, c)
				if w.VersionMask != test.mask || len(w.Versions()) != test.versions {
					t.Errorf("mask %08x, %d versions", w.VersionMask, len(w.Versions()))
				}
				for _, v := range w.Versions() {
					if v < 0 {
						t.Errorf("version %08x is negative", uint32(v))
					}
				}
			})
		})
	}
}

// A pool that does not know mining.configure, in the three ways in which it may say so,
// is mined for all the same.
func TestPoolWithoutConfigure(t *testing.T) {
	for name, react := range map[string]func(f *fakeNet, pool *fakeConn) *fakeConn{
		"an error": func(_ *fakeNet, pool *fakeConn) *fakeConn {
			m := pool.expect(stratum.MethodConfigure)
			pool.send(`{"id":` + m.ID.String() + `,"result":null,"error":[20,"Method not found",null]}`)
			return pool
		},
		"no answer": func(_ *fakeNet, pool *fakeConn) *fakeConn {
			pool.expect(stratum.MethodConfigure)
			return pool
		},
		"the end": func(f *fakeNet, pool *fakeConn) *fakeConn {
			pool.expect(stratum.MethodConfigure)
			_ = pool.Close()
			return f.accept()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				c := start(t, f, 1, nil)
				pool := react(f, f.accept())
				pool.answer(pool.expect(stratum.MethodSubscribe), subscription)
				pool.answer(pool.expect(stratum.MethodAuthorize), "true")
				pool.send(jobLine("1", true))
				w := work(t, c)
				done := submit(t, c, solution(w, 1))
				m := pool.expect(stratum.MethodSubmit)
				if len(m.Params) != 5 {
					t.Errorf("a version was submitted unasked: %s", m.Line())
				}
				pool.answer(m, "true")
				if r := <-done; r.outcome != mine.Accepted {
					t.Error(r)
				}
			})
		})
	}
}

// Jobs before the end of the handshake are kept until it is over.
func TestEarlyJob(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.send(`{"method":"mining.set_difficulty","params":[8]}`, jobLine("early", true))
		noWork(t, c)
		pool.greet()
		w := work(t, c)
		if string(w.Before) != "before early" || w.Extranonces.Size() != 6 || w.Target.Difficulty() != 8 || w.VersionMask != mine.VersionMask {
			t.Errorf("%+v", w)
		}
	})
}

// A new extranonce holds for the jobs that follow. The shares of earlier jobs are
// submitted with the one that they were found with.
func TestSetExtranonce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("j1", true))
		first := work(t, c)
		pool.send(`{"method":"mining.set_extranonce","params":["0c0d0e",8]}`)
		if w := work(t, c); w.ID != first.ID {
			t.Error("the present work has changed")
		}
		pool.send(jobLine("j2", false))
		second := work(t, c)
		if string(second.Extranonces.Fixed()) != "\x0c\x0d\x0e" || second.Extranonces.Rolled() != 8 {
			t.Errorf("%x", second.Extranonces.Fixed())
		}
		for _, share := range []struct {
			work mine.Work
			want string
		}{{first, `"00000001"`}, {second, `"0000000000000001"`}} {
			done := submit(t, c, solution(share.work, 1))
			m := pool.expect(stratum.MethodSubmit)
			if string(m.Params[2]) != share.want {
				t.Errorf("%s, want %s", m.Params[2], share.want)
			}
			pool.answer(m, "true")
			if r := <-done; r.outcome != mine.Accepted {
				t.Error(r)
			}
		}
	})
}

// After a lost connection a share is worth submitting only if the pool hands out the same
// extranonces.
func TestShareOfLostConnection(t *testing.T) {
	for name, test := range map[string]struct {
		subscription string
		outcome      mine.Outcome
	}{
		"the same extranonce": {subscription, mine.Accepted},
		"another extranonce":  {`[[],"0a0c",4]`, mine.Stale},
		"another size":        {`[[],"0a0b",8]`, mine.Stale},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				c := start(t, f, 1, nil)
				pool := f.accept()
				pool.greet()
				pool.send(jobLine("j1", true))
				s := solution(work(t, c), 1)
				// The connection is lost while the share waits for its answer.
				done := submit(t, c, s)
				pool.expect(stratum.MethodSubmit)
				_ = pool.Close()
				if r := <-done; r.outcome != mine.Unanswered || !errors.Is(r.err, errLost) {
					t.Error(r)
				}
				if r := <-submit(t, c, s); r.outcome != mine.Unanswered || !errors.Is(r.err, errNotConnected) {
					t.Error(r)
				}
				pool = f.accept()
				pool.answer(pool.expect(stratum.MethodConfigure), `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`)
				pool.answer(pool.expect(stratum.MethodSubscribe), test.subscription)
				pool.answer(pool.expect(stratum.MethodAuthorize), "true")
				pool.send(jobLine("j2", true))
				if w := work(t, c); w.ID == s.WorkID {
					t.Error("an ID is used again")
				}
				done = submit(t, c, s)
				if test.outcome == mine.Accepted {
					m := pool.expect(stratum.MethodSubmit)
					if string(m.Params[1]) != `"j1"` {
						t.Errorf("%s", m.Line())
					}
					pool.answer(m, "true")
				}
				if r := <-done; r.outcome != test.outcome {
					t.Error(r)
				}
			})
		})
	}
}

// The works that are remembered are bounded, and so are the requests without answer.
func TestBounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("0", true))
		oldest := work(t, c)
		for i := range keptWorks {
			pool.send(jobLine(fmt.Sprint(i+1), false))
		}
		newest := work(t, c)
		if len(c.works) != keptWorks {
			t.Errorf("%d works are kept", len(c.works))
		}
		if r := <-submit(t, c, solution(oldest, 1)); r.outcome != mine.Stale {
			t.Error(r)
		}
		var waiting []<-chan submitted
		go func() {
			for {
				if _, err := pool.in.ReadLine(); err != nil {
					return
				}
			}
		}()
		for i := range maxPending {
			waiting = append(waiting, submit(t, c, solution(newest, uint64(i))))
		}
		synctest.Wait()
		if r := <-submit(t, c, solution(newest, 99)); r.outcome != mine.Unanswered || !errors.Is(r.err, errTooMany) {
			t.Error(r)
		}
		for _, done := range waiting {
			if r := <-done; r.outcome != mine.Unanswered || !errors.Is(r.err, context.DeadlineExceeded) {
				t.Error(r)
			}
		}
		// Requests whose answers nobody waits for any more make room for others.
		if r := <-submit(t, c, solution(newest, 100)); r.outcome != mine.Unanswered || !errors.Is(r.err, context.DeadlineExceeded) {
			t.Error(r)
		}
		c.session.mu.Lock()
		defer c.session.mu.Unlock()
		if n := len(c.session.pending); n != 0 {
			t.Errorf("%d requests still wait", n)
		}
	})
}

// The pool's own requests are answered.
func TestRequestsOfThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("1", true), "", `{"id":null,"method":"client.show_message","params":["hello"]}`, `{"id":null,"method":"mining.unknown"}`, "not JSON")
		for _, test := range []struct{ in, out string }{
			{`{"id":"v","method":"client.get_version","params":[]}`, `{"id":"v","result":"lode/test","error":null}`},
			{`{"id":9,"method":"mining.ping"}`, `{"id":9,"result":"pong","error":null}`},
			{`{"id":9,"method":"mining.unknown"}`, `{"id":9,"result":null,"error":[20,"Unknown method",null]}`},
		} {
			pool.send(test.in)
			line, err := pool.in.ReadLine()
			if err != nil || string(line) != test.out {
				t.Errorf("%s: %s, %v", test.in, line, err)
			}
		}
		work(t, c)
	})
}

// The pool-side estimate has the true rate in its interval.
func TestEstimate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("1", true))
		w := work(t, c)
		go func() {
			for {
				line, err := pool.in.ReadLine()
				if err != nil {
					return
				}
				if m, err := stratum.Parse(line); err == nil && m.Method == stratum.MethodSubmit {
					pool.answer(m, "true")
				} else if err == nil {
					pool.send(`{"id":` + m.ID.String() + `,"result":"pong"}`)
				}
			}
		}()
		check := func(shares int, window time.Duration) {
			t.Helper()
			s := c.Stats()
			rate := 1 / w.Target.Probability() / 4
			if s.Rate.Shares != shares || s.Window != window || !(s.Rate.Low < rate && rate < s.Rate.High) {
				t.Errorf("%d shares in %v: %v in [%v, %v], want %v", s.Rate.Shares, s.Window, s.Rate.Hashes, s.Rate.Low, s.Rate.High, rate)
			}
		}
		for i := range 15 {
			<-submit(t, c, solution(w, uint64(i)))
			time.Sleep(4 * time.Second)
		}
		check(15, time.Minute)
		for i := range 300 {
			<-submit(t, c, solution(w, uint64(i)))
			time.Sleep(4 * time.Second)
		}
		if s := c.Stats(); s.Window > 10*time.Minute || s.Window < 10*time.Minute-bucketTime {
			t.Errorf("a window of %v", s.Window)
		}
		if s := c.Stats(); s.Rate.Shares < 145 || s.Rate.Shares > 151 || s.Shares[mine.Accepted] != 315 {
			t.Errorf("%+v", s)
		}
	})
}

// A slow miner begins with a difficulty that is far too high, and finds nothing for minutes.
// The shares of an easier job then tell its rate, as if it had begun with that.
func TestEstimateAfterSilence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(`{"id":null,"method":"mining.set_difficulty","params":[100]}`)
		pool.send(jobLine("1", true))
		hard := work(t, c)
		go func() {
			for {
				line, err := pool.in.ReadLine()
				if err != nil {
					return
				}
				if m, err := stratum.Parse(line); err == nil {
					pool.answer(m, "true")
				}
			}
		}()
		time.Sleep(5 * time.Minute)
		if s := c.Stats(); s.Rate.Shares != 0 || s.Rate.Hashes != 0 || s.Window != 5*time.Minute {
			t.Errorf("without a share: %+v over %v", s.Rate, s.Window)
		}
		pool.send(`{"id":null,"method":"mining.set_difficulty","params":[0.1]}`)
		pool.send(jobLine("2", true))
		synctest.Wait()
		easy := work(t, c)
		check := func(shares int) {
			t.Helper()
			rate := 1 / easy.Target.Probability() / 4 // a share in four seconds
			if r := c.Stats().Rate; r.Shares != shares || math.Abs(r.Hashes/rate-1) > 0.1 || !(r.Low < rate && rate < r.High) {
				t.Errorf("%d shares: %v in [%v, %v], want %v of %d", r.Shares, r.Hashes, r.Low, r.High, rate, shares)
			}
		}
		for i := range 30 {
			time.Sleep(4 * time.Second)
			<-submit(t, c, solution(easy, uint64(i)))
		}
		check(30)
		// A share of the hard job that comes late counts once, and not for a thousand.
		<-submit(t, c, solution(hard, 1))
		check(31)
		// So does the time on the hard job, when it is long ago.
		for i := range 150 {
			time.Sleep(4 * time.Second)
			<-submit(t, c, solution(easy, uint64(100+i)))
		}
		check(c.Stats().Rate.Shares)
	})
}

// The loop of package mine searches for a pool, with rolled versions, and the pool checks
// every share from its own lines.
func TestLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		engine, err := pow.New(pow.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		loop, err := mine.New(mine.Config{Engine: engine, Source: c})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			loop.Run(ctx)
		}()
		defer func() {
			cancel()
			<-done
		}()
		pool := f.accept()
		pool.greet()
		pool.send(`{"method":"mining.set_difficulty","params":[0.000001]}`, jobLine("j1", true))
		target, err := stratum.TargetOf(0.000001)
		if err != nil {
			t.Fatal(err)
		}
		seen, rolled := map[string]bool{}, 0
		for range 40 {
			m := pool.expect(stratum.MethodSubmit)
			s, err := stratum.ParseSubmit(m)
			if err != nil {
				t.Fatal(err)
			}
			hash := shareHash(testJob("j1", true), hexBytes(t, "0a0b"), s)
			key := fmt.Sprintf("%x", hash)
			if !hash.Meets(target) || seen[key] {
				t.Errorf("share %s, found before: %v", hash, seen[key])
			}
			seen[key] = true
			if *s.VersionBits != 0 {
				rolled++
			}
			pool.answer(m, "true")
		}
		if rolled == 0 {
			t.Error("no share has a rolled version")
		}
	})
}

// A line that never ends, a job that makes no sense, and a difficulty of nothing end the
// connection.
func TestNonsense(t *testing.T) {
	for name, line := range map[string]string{
		"long line":    strings.Repeat("x", stratum.MaxPoolLine+1),
		"half a job":   `{"method":"mining.notify","params":["1"]}`,
		"no target":    `{"method":"mining.notify","params":["1","` + strings.Repeat("00", 32) + `","00","00",[],"20000000","00000000","6553f100",true]}`,
		"difficulty 0": `{"method":"mining.set_difficulty","params":[0]}`,
		"extranonce":   `{"method":"mining.set_extranonce","params":["00",200]}`,
		"version mask": `{"method":"mining.set_version_mask","params":[true]}`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				c := start(t, f, 1, nil)
				pool := f.accept()
				pool.greet()
				pool.send(jobLine("1", true))
				work(t, c)
				go func() { _, _ = pool.Write([]byte(line + "\n")) }()
				pool.ended()
				noWork(t, c)
				f.accept().greet()
			})
		})
	}
}

// A pool that does not read holds up no submission for longer than its context.
func TestStuckPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("1", true))
		w := work(t, c)
		began := time.Now()
		var waiting []<-chan submitted
		for i := range uint64(8) {
			waiting = append(waiting, submit(t, c, solution(w, i)))
		}
		for _, done := range waiting {
			if r := <-done; r.outcome != mine.Unanswered || r.err == nil {
				t.Error(r)
			}
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("the submissions took %v", took)
		}
		noWork(t, c)
	})
}

// After a block the client waits for work on it, but not for ever.
func TestBlock(t *testing.T) {
	for _, test := range []struct {
		answer  string
		settles bool
	}{
		{`"result":true,"error":null`, true},
		{`"result":null,"error":[21,"Stale",null]`, true},
		{`"result":null,"error":[20,"Invalid",null]`, false},
	} {
		bubble(t, func(t *testing.T) {
			f := newFakeNet(t)
			c := start(t, f, 1, nil)
			pool := f.accept()
			pool.greet()
			pool.send(jobLine("j1", true))
			first := work(t, c)
			solve := func() {
				s := solution(first, 1)
				s.Block = true
				done := submit(t, c, s)
				m := pool.expect(stratum.MethodSubmit)
				pool.send(`{"id":` + m.ID.String() + `,` + test.answer + `}`)
				<-done
			}
			offer, err := c.Offer()
			if err != nil {
				t.Fatal(err)
			}
			solve()
			if !test.settles {
				work(t, c)
				return
			}
			noWork(t, c)
			<-offer.Stale
			pool.send(jobLine("j2", false)) // on the same parent
			noWork(t, c)
			if o, err := c.Offer(); err != nil || o.Wait != settleTime {
				t.Errorf("%v, %v", o.Wait, err)
			}
			time.Sleep(settleTime)
			if w := work(t, c); string(w.Before) != "before j2" {
				t.Errorf("%q", w.Before)
			}
			solve()
			noWork(t, c)
			next := testJob("j3", true)
			next.Prev = pow.DoubleSHA256([]byte("the block"))
			pool.send(strings.TrimSuffix(string(next.Message().Line()), "\n"))
			if w := work(t, c); w.Prev != next.Prev {
				t.Errorf("%+v", w)
			}
		})
	}
}
