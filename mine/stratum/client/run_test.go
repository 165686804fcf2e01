package client

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
)

// client.reconnect is obeyed on the same host only, after a wait that is not the same
// for all miners.
func TestReconnect(t *testing.T) {
	for _, test := range []struct {
		params  string
		address string        // "": ignored
		wait    time.Duration // with the middle of the jitter
	}{
		{``, "a:3333", firstWait / 2},
		{`"",0,0`, "a:3333", firstWait / 2},
		{`"a",3334,20`, "a:3334", 20*time.Second + firstWait/2},
		{`"A","3334","20"`, "a:3334", 20*time.Second + firstWait/2},
		{`null,3335`, "a:3335", firstWait / 2},
		{`"a",3333,65535`, "a:3333", longestOrder + firstWait/2},
		{`"b",3333,0`, "", 0},
		{`"a.evil",3333,0`, "", 0},
		{`"a:3333",3333,0`, "", 0},
		{`"a",99999`, "", 0},
		{`{}`, "", 0},
	} {
		t.Run(test.params, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				c := start(t, f, 1, nil)
				pool := f.accept()
				pool.greet()
				pool.send(jobLine("1", true))
				work(t, c)
				told := time.Now()
				pool.send(`{"id":null,"method":"client.reconnect","params":[` + test.params + `]}`)
				if test.address == "" {
					work(t, c)
					f.none(time.Minute)
					return
				}
				pool.ended()
				noWork(t, c)
				next := f.accept()
				if wait := next.at.Sub(told); next.address != test.address || wait != test.wait {
					t.Errorf("connected to %s after %v, want %s after %v", next.address, wait, test.address, test.wait)
				}
				// The next failure leads back to the address that the user gave.
				_ = next.Close()
				if again := f.accept(); again.address != "a:3333" {
					t.Errorf("then connected to %s", again.address)
				}
			})
		})
	}
}

// Waits grow with each failure, up to a bound, and begin anew after a connection that has
// lasted.
func TestBackOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		waits := []time.Duration{0, 6, 12, 24, 48, 60, 60, 60}
		last := time.Now()
		for i, want := range waits {
			pool := f.accept()
			if wait := pool.at.Sub(last); wait != want*time.Second {
				t.Errorf("connection %d after %v, want %v", i, wait, want*time.Second)
			}
			last = time.Now()
			_ = pool.Close()
		}
		pool := f.accept()
		// After a connection that ended during mining.configure, the client does without
		// it once. Every other connection is one of these, and this is an odd one.
		if len(waits)%2 != 0 {
			t.Fatal("this connection would begin without mining.configure")
		}
		pool.greet()
		pool.send(jobLine("1", true))
		work(t, c)
		time.Sleep(settledAfter)
		last = time.Now()
		_ = pool.Close()
		if wait := f.accept().at.Sub(last); wait != firstWait/2 {
			t.Errorf("connected again after %v", wait)
		}
		if s := c.Stats(); s.Failures != 9 || s.Connections != 1 || s.LastError == "" {
			t.Errorf("%+v", s)
		}
	})
}

// When a server restarts, its clients come back spread over ten seconds or more.
func TestThousandClientsComeBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const clients = 1000
		f := newFakeNet(t)
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		for range clients {
			start(t, f, 1, func(c *Config) {
				c.Random = func() float64 {
					mu.Lock()
					defer mu.Unlock()
					return random.Float64()
				}
			})
		}
		conns := make([]*fakeConn, clients)
		for i := range conns {
			conns[i] = f.accept()
		}
		for _, conn := range conns {
			conn.greet()
			conn.send(jobLine("1", true))
		}
		time.Sleep(time.Second)
		restart := time.Now()
		for _, conn := range conns {
			_ = conn.Close()
		}
		var perSecond [12]int
		var waits []time.Duration
		for range clients {
			wait := f.accept().at.Sub(restart)
			waits = append(waits, wait)
			perSecond[min(int(wait/time.Second), 11)]++
		}
		slices.Sort(waits)
		if spread := waits[clients-1] - waits[0]; spread < 10*time.Second || waits[clients-1] > firstWait {
			t.Errorf("spread over %v, the last after %v", spread, waits[clients-1])
		}
		if most := slices.Max(perSecond[:]); most > 150 {
			t.Errorf("clients per second: %v", perSecond)
		}
	})
}

// The pools of the list are tried in turn, and the client returns to the first when it
// can be reached again.
func TestFailOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		down := map[string]bool{"a:3333": true, "b:3333": true}
		f := newFakeNet(t)
		f.refuse = func(address string) error {
			mu.Lock()
			defer mu.Unlock()
			if down[address] {
				return errRefused
			}
			return nil
		}
		c := start(t, f, 3, nil)
		third := f.accept()
		if third.address != "c:3333" {
			t.Fatalf("connected to %s", third.address)
		}
		third.greet()
		third.send(jobLine("1", true))
		work(t, c)
		if s := c.Stats(); s.Pool != "stratum+tcp://c:3333" || s.Failures != 2 || !strings.Contains(s.LastError, "connection refused") {
			t.Errorf("%+v", s)
		}
		answering := make(chan struct{})
		go func() {
			defer close(answering)
			third.answerPings()
		}()
		f.none(time.Hour)
		work(t, c)
		mu.Lock()
		down["a:3333"] = false
		mu.Unlock()
		probe := f.accept()
		probe.greet()
		work(t, c) // that of the third pool, because the first has not sent a job
		probe.send(jobLine("probe", true))
		probe.ended()
		back := f.accept()
		if probe.address != "a:3333" || back.address != "a:3333" || back.at.Sub(probe.at) > drainTime {
			t.Errorf("looked at %s and connected to %s %v later", probe.address, back.address, back.at.Sub(probe.at))
		}
		<-answering
		back.greet()
		back.send(jobLine("1", true))
		work(t, c)
		if s := c.Stats(); s.Pool != "stratum+tcp://a:3333" {
			t.Errorf("%+v", s)
		}
	})
}

// login does the handshake with a client that does not ask to roll versions.
func (c *fakeConn) login() {
	c.t.Helper()
	c.answer(c.expect(stratum.MethodSubscribe), subscription)
	c.answer(c.expect(stratum.MethodAuthorize), "true")
}

// answerPings answers whatever the client asks until the connection ends.
func (c *fakeConn) answerPings() {
	for {
		if _, err := c.in.ReadLine(); err != nil {
			return
		}
		if _, err := c.Write([]byte(`{"id":0,"result":"pong"}` + "\n")); err != nil {
			return
		}
	}
}

// A first pool that takes connections and gives no work does not draw the client away from
// the pool that gives some, whatever it does instead.
func TestFirstPoolGivesNoWork(t *testing.T) {
	for name, script := range map[string]func(pool *fakeConn){
		"takes connections only": func(pool *fakeConn) { pool.expect(stratum.MethodSubscribe) },
		"ends them":              func(pool *fakeConn) { _ = pool.Close() },
		"has no job":             func(pool *fakeConn) { pool.login() },
		"has a job without sense": func(pool *fakeConn) {
			pool.login()
			pool.send(`{"id":null,"method":"mining.notify","params":["1"]}`)
		},
		"refuses the worker": func(pool *fakeConn) {
			pool.answer(pool.expect(stratum.MethodSubscribe), subscription)
			pool.answer(pool.expect(stratum.MethodAuthorize), "false")
		},
		"sends the miner elsewhere": func(pool *fakeConn) {
			pool.login()
			pool.send(`{"id":null,"method":"client.reconnect","params":["",3334,0]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				c := start(t, f, 2, func(c *Config) { c.NoVersions = true })
				_ = f.accept().Close() // the first pool is gone for a moment
				second := f.accept()
				if second.address != "b:3333" {
					t.Fatalf("connected to %s", second.address)
				}
				second.login()
				second.send(jobLine("1", true))
				first := work(t, c)
				go second.answerPings()
				for range 5 {
					probe := f.accept()
					if probe.address != "a:3333" {
						t.Fatalf("connected to %s", probe.address)
					}
					script(probe)
					if w := work(t, c); w.ID != first.ID {
						t.Fatalf("work %s, want %s: the client has left the pool that gives work", w.ID, first.ID)
					}
				}
				if s := c.Stats(); s.Pool != "stratum+tcp://b:3333" || s.Connections != 1 || s.Failures != 1 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// The client goes back to the best pool that gives work, which need not be the first.
func TestBackToSecondPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 3, func(c *Config) { c.NoVersions = true })
		_ = f.accept().Close()
		_ = f.accept().Close()
		login := func(pool *fakeConn) {
			pool.login()
			pool.send(jobLine("1", true))
		}
		third := f.accept()
		login(third)
		work(t, c)
		go third.answerPings()
		a := f.accept()
		if a.address != "a:3333" {
			t.Fatalf("looked at %s", a.address)
		}
		_ = a.Close()
		b := f.accept()
		if b.address != "b:3333" {
			t.Fatalf("looked at %s", b.address)
		}
		login(b)
		b.ended()
		back := f.accept()
		if back.address != "b:3333" {
			t.Fatalf("connected to %s", back.address)
		}
		login(back)
		work(t, c)
		if s := c.Stats(); s.Pool != "stratum+tcp://b:3333" {
			t.Errorf("%+v", s)
		}
	})
}

// A share that is found just before the client goes back to a better pool is submitted to
// the pool that it belongs to, which has a second to answer. Jobs that come meanwhile are
// not taken.
func TestSharesBeforeTheSwitch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 2, func(c *Config) { c.NoVersions = true })
		login := func(pool *fakeConn) {
			pool.login()
			pool.send(jobLine("1", true))
		}
		_ = f.accept().Close()
		second := f.accept()
		login(second)
		found := solution(work(t, c), 1)
		share := make(chan stratum.Message, 1)
		go func() {
			for {
				line, err := second.in.ReadLine()
				if err != nil {
					close(share)
					return
				}
				if m, _ := stratum.Parse(line); m.Method == stratum.MethodSubmit {
					share <- m
					return
				}
				if _, err := second.Write([]byte(`{"id":0,"result":"pong"}` + "\n")); err != nil {
					close(share)
					return
				}
			}
		}()
		probe := f.accept()
		login(probe)
		probe.ended()
		noWork(t, c)
		answer := submit(t, c, found)
		m, ok := <-share
		if !ok {
			t.Fatal("the connection ended before the share was submitted")
		}
		second.send(jobLine("2", true))
		noWork(t, c)
		time.Sleep(drainTime / 2)
		second.answer(m, "true")
		if got := <-answer; got.outcome != mine.Accepted {
			t.Errorf("%v, %v", got.outcome, got.err)
		}
		first := f.accept()
		if first.address != "a:3333" {
			t.Fatalf("connected to %s", first.address)
		}
		login(first)
		work(t, c)
	})
}

// A pool that refuses the worker is left for the next one, and the user is told why.
func TestRefusedWorker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 2, nil)
		pool := f.accept()
		pool.answer(pool.expect(stratum.MethodConfigure), `{}`)
		pool.answer(pool.expect(stratum.MethodSubscribe), subscription)
		pool.send(jobLine("1", true)) // no share of this worker would be taken
		m := pool.expect(stratum.MethodAuthorize)
		noWork(t, c)
		pool.send(`{"id":` + m.ID.String() + `,"result":null,"error":[24,"Unknown account",null]}`)
		pool.ended()
		if next := f.accept(); next.address != "b:3333" {
			t.Errorf("connected to %s", next.address)
		}
		if s := c.Stats(); !strings.Contains(s.LastError, `the pool refuses the worker "worker": Unknown account (code 24)`) {
			t.Errorf("%s", s.LastError)
		}
	})
}

// Nothing that a pool does not do makes the client wait for ever.
func TestDeadlines(t *testing.T) {
	for name, test := range map[string]struct {
		script func(pool *fakeConn)
		after  time.Duration
		err    string
	}{
		"no answer to subscribe": {func(pool *fakeConn) {
			pool.answer(pool.expect(stratum.MethodConfigure), `{}`)
			pool.expect(stratum.MethodSubscribe)
		}, answerTimeout, "mining.subscribe: the pool has not answered for 15s"},
		"no answer to authorize": {func(pool *fakeConn) {
			pool.answer(pool.expect(stratum.MethodConfigure), `{}`)
			pool.answer(pool.expect(stratum.MethodSubscribe), subscription)
			pool.expect(stratum.MethodAuthorize)
		}, answerTimeout, "mining.authorize: the pool has not answered for 15s"},
		"no job":          {func(pool *fakeConn) { pool.greet() }, firstJobAfter, "the pool has sent no job for 1m0s"},
		"nothing is read": {func(*fakeConn) {}, writeTimeout, "mining.configure: write: "},
		"silence": {func(pool *fakeConn) {
			pool.greet()
			pool.send(jobLine("1", true))
			pool.expect(stratum.MethodPing)
		}, quietTimeout + pingTimeout, "read: the pool has said nothing for 2m30s, not even to a ping"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				c := start(t, f, 2, nil)
				began := time.Now()
				pool := f.accept()
				test.script(pool)
				if name != "nothing is read" {
					pool.ended()
				} else {
					time.Sleep(writeTimeout)
				}
				time.Sleep(time.Millisecond)
				if took := time.Since(began); took < test.after || took > test.after+time.Second {
					t.Errorf("the connection lasted %v, want %v", took, test.after)
				}
				if got := c.Stats().LastError; !strings.HasPrefix(got, test.err) {
					t.Errorf("%q, want %q", got, test.err)
				}
			})
		})
	}
}

// A pool that has nothing to mine keeps its miners, if these know no other pool.
func TestOnlyPoolHasNoJob(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		for range 50 {
			pool.answer(pool.expect(stratum.MethodPing), `"pong"`)
		}
		pool.send(jobLine("1", true))
		if w := work(t, c); w.ID == "" || c.Stats().LastError != "" {
			t.Errorf("work %+v, error %q", w, c.Stats().LastError)
		}
	})
}

// Any line is a sign of life, so a pool that does not know the ping keeps its miners.
func TestPing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, nil)
		pool := f.accept()
		pool.greet()
		pool.send(jobLine("1", true))
		first := work(t, c)
		for range 50 {
			m := pool.expect(stratum.MethodPing)
			pool.send(`{"id":` + m.ID.String() + `,"result":null,"error":[20,"Unknown method",null]}`)
		}
		if w := work(t, c); w.ID != first.ID || time.Since(c.Stats().JobTime) != 50*quietTimeout {
			t.Errorf("work %s of %v ago", w.ID, time.Since(c.Stats().JobTime))
		}
	})
}

func TestParsePool(t *testing.T) {
	for _, test := range []struct {
		in, out, user, password, err string
	}{
		{in: "stratum+tcp://pool.example:3333", out: "stratum+tcp://pool.example:3333"},
		{in: "stratum+ssl://pool.example:443/", out: "stratum+ssl://pool.example:443"},
		{in: "stratum+tls://pool.example:443", out: "stratum+ssl://pool.example:443"},
		{in: "stratum+tcp://w.1:a%20b@[::1]:3333", out: "stratum+tcp://[::1]:3333", user: "w.1", password: "a b"},
		{in: "stratum+tcp://pool.example", err: "no port"},
		{in: "stratum+tcp://pool.example:0", err: "port is 0"},
		{in: "stratum+tcp://pool.example:70000", err: "port is 70000"},
		{in: "stratum+tcp://:3333", err: "no host"},
		{in: "stratum+tcp://pool.example:3333/x", err: "something after the port"},
		{in: "http://pool.example:3333", err: `scheme is "http"`},
		{in: "pool.example:3333", err: `scheme is "pool.example"`},
		{in: "stratum+tcp://w:secret@pool example:3333", err: "address of a pool"},
		{in: "stratum+tcp://w:se/secret@a:1", err: "address of a pool cannot be read"},
		{in: "stratum+tcp://w:12/secret@a:1", err: "something after the port"},
		{in: "stratum+tcp://secret:12/x@a:1", err: "something after the port"},
	} {
		p, err := ParsePool(test.in)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", test.in, err)
			}
			continue
		}
		if err != nil || p.String() != test.out || p.User != test.user || p.Password != test.password {
			t.Errorf("%s: %+v, %v", test.in, p, err)
		}
	}
}

func TestNew(t *testing.T) {
	for name, c := range map[string]Config{
		"no pool":    {},
		"no worker":  {Pools: []Pool{{Host: "a", Port: 1}}},
		"difficulty": {Pools: testPools(1), Difficulty: -1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if c, err := New(Config{Pools: testPools(1)}); err != nil || fmt.Sprintf("%08x", c.mask) != "1fffe000" {
		t.Error(c, err)
	}
}
