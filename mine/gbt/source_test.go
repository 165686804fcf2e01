package gbt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
)

// A block of the node's template becomes its tip. Until the next template there is no
// work, so that nobody searches for a second block on the same parent.
func TestBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.addTx()
		r := startRig(t, n, nil)
		for height := int64(1); height < 40; height++ {
			o, w := r.work()
			if w.Height != height {
				t.Fatalf("height %d, want %d", w.Height, height)
			}
			outcome, err := r.Submit(t.Context(), solved(t, w, 7))
			if outcome != mine.Accepted || err != nil {
				t.Fatal(outcome, err)
			}
			if !isClosed(o.Stale) || !isClosed(o.Newer) {
				t.Error("the work of a block that has been found is not stale")
			}
			synctest.Wait()
			checkBlock(t, n.blocks[len(n.blocks)-1], height)
		}
		if s := r.Status(); !s.Connected || s.Err != nil || s.Chain != "regtest" || s.Height != 40 {
			t.Errorf("status: %+v", s)
		}
		// The first request, a long poll that each of the blocks ends, and the last one.
		if polls := len(n.calls("getblocktemplate")); polls != 1+39+1 {
			t.Errorf("%d templates for 39 blocks", polls)
		}
	})
}

// A new tip makes all work stale at once. More transactions do not: the work at hand is
// still taken.
func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		o, w := r.work()
		time.Sleep(time.Minute)
		n.addTx()
		synctest.Wait()
		if !isClosed(o.Newer) || isClosed(o.Stale) {
			t.Fatal("more transactions must make newer work, and none stale")
		}
		o2, w2 := r.work()
		if w2.ID == w.ID || len(w2.Branch) != 1 || w2.Prev != w.Prev {
			t.Errorf("newer work: %+v", w2)
		}
		n.tip()
		synctest.Wait()
		if !isClosed(o.Stale) || !isClosed(o2.Stale) {
			t.Error("a new tip must make all work stale")
		}
		_, w3 := r.work()
		if w3.Prev == w.Prev || w3.Height != 2 || number(t, w3) <= number(t, w2) {
			t.Errorf("work on the new tip: %+v", w3)
		}
		if n := len(n.calls("getblocktemplate")); n > 6 {
			t.Errorf("%d templates were asked for", n)
		}
	})
}

// Transactions that come one after another make newer work every ten seconds, and no
// transaction waits for longer than that. A new tip is heard of at once meanwhile.
func TestManyTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		_, first := r.work()
		for range 200 {
			time.Sleep(500 * time.Millisecond)
			n.addTx()
		}
		time.Sleep(refreshEvery + time.Second)
		_, w := r.work()
		if made := number(t, w) - number(t, first); made < 8 || made > 12 {
			t.Errorf("%d works in 110 seconds, want one in ten", made)
		}
		if r.Status().Txs != 200 || len(w.Branch) != 8 {
			t.Errorf("%d transactions in the template, and %d hashes in the branch of the work", r.Status().Txs, len(w.Branch))
		}
		if calls := len(n.calls("getblocktemplate")); calls > 200 {
			t.Errorf("%d templates were asked for in 110 seconds", calls)
		}
		n.addTx()
		synctest.Wait()
		o, _ := r.work()
		n.tip()
		synctest.Wait()
		if !isClosed(o.Stale) {
			t.Error("a new tip after many transactions is not heard of at once")
		}
	})
}

// If the node withdraws old templates, work on the same parent is stale, too.
func TestSubmitOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		no := false
		n.edit = func(r *reply) { r.SubmitOld = &no }
		r := startRig(t, n, nil)
		o, _ := r.work()
		n.addTx()
		synctest.Wait()
		if !isClosed(o.Stale) {
			t.Error("the node takes no block of an old template, and the work is not stale")
		}
		if _, w := r.work(); len(w.Branch) != 1 {
			t.Errorf("%+v", w)
		}
	})
}

// On a quiet network nothing changes but the clock. The work stays the same, and its
// times move on.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		_, w := r.work()
		time.Sleep(time.Hour)
		_, later := r.work()
		if later.ID != w.ID || !later.SameHeaders(w) {
			t.Error("the work has changed, though the template is the same")
		}
		if moved := later.MaxTime - w.MaxTime; moved < 3400 || moved > 3600 {
			t.Errorf("the greatest time has moved by %d seconds in an hour", moved)
		}
		if outcome, err := r.Submit(t.Context(), solved(t, w, 0)); outcome != mine.Accepted {
			t.Errorf("a block of the offer that is an hour old: %v, %v", outcome, err)
		}
		if n := len(n.calls("getblocktemplate")); n < 40 || n > 100 {
			t.Errorf("%d requests in an hour, want two every 90 s", n)
		}
	})
}

// A node without long poll is asked every second.
func TestWithoutLongPoll(t *testing.T) {
	for what, change := range map[string]func(*fakeNode){
		"no id":                func(n *fakeNode) { n.noPoll = true },
		"long polls fail":      func(n *fakeNode) { n.deafPoll = true },
		"long polls return":    func(n *fakeNode) { n.edit = func(r *reply) { r.LongPollID = "always old" } },
		"long polls are stuck": func(n *fakeNode) { n.silent = true },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				change(n)
				r := startRig(t, n, nil)
				limit := 3 * time.Second
				if n.silent {
					limit = longPollTimeout + time.Second
				}
				for range 20 {
					o, w := r.work()
					time.Sleep(10 * time.Millisecond)
					n.tip()
					time.Sleep(limit)
					if !isClosed(o.Stale) {
						t.Fatalf("%v after a new tip the work is not stale", limit)
					}
					_, next := r.work()
					if next.Height != w.Height+1 {
						t.Fatalf("height %d after %d", next.Height, w.Height)
					}
				}
				if calls := len(n.calls("getblocktemplate")); calls > 250 {
					t.Errorf("%d requests in %v", calls, 20*limit)
				}
			})
		})
	}
}

// A block that the node has accepted ends a pause between two polls.
func TestBlockWithoutLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.noPoll = true
		r := startRig(t, n, nil)
		for range 10 {
			_, w := r.work()
			if outcome, err := r.Submit(t.Context(), solved(t, w, 0)); outcome != mine.Accepted {
				t.Fatal(outcome, err)
			}
			synctest.Wait()
		}
		if _, w := r.work(); w.Height != 11 {
			t.Errorf("height %d, want 11", w.Height)
		}
	})
}

// The node vanishes and comes back. While it is gone there is no work, and the source
// asks less and less often.
func TestVanishedNode(t *testing.T) {
	for what, change := range map[string]func(n *fakeNode, gone bool){
		"refuses connections": func(n *fakeNode, gone bool) {
			if n.broken = nil; gone {
				n.broken = errors.New("connection refused")
			}
		},
		"hangs": func(n *fakeNode, gone bool) { n.hangs = gone },
		"answers nonsense": func(n *fakeNode, gone bool) {
			if n.status = 0; gone {
				n.status, n.text = 200, "<html>"
			}
		},
		"answers nothing": func(n *fakeNode, gone bool) {
			if n.status = 0; gone {
				n.status, n.text = 200, ""
			}
		},
		"is busy": func(n *fakeNode, gone bool) {
			if n.status = 0; gone {
				n.status, n.text = 503, "Work queue depth exceeded"
			}
		},
		"warms up": func(n *fakeNode, gone bool) {
			if n.status = 0; gone {
				n.status, n.text = 500, `{"result":null,"error":{"code":-28,"message":"Loading block index..."},"id":1}`
			}
		},
		"sends damaged templates": func(n *fakeNode, gone bool) {
			if n.edit = nil; gone {
				n.edit = func(r *reply) { r.PreviousHash = "?" }
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				r := startRig(t, n, nil)
				o, w := r.work()
				sol := solved(t, w, 0)
				time.Sleep(time.Second)
				n.set(func(n *fakeNode) { change(n, true); n.newer() })
				time.Sleep(longPollTimeout + requestTimeout + time.Second)
				if !isClosed(o.Stale) {
					t.Fatal("the work is not stale")
				}
				gone := r.none()
				if s := r.Status(); s.Connected || s.Err == nil || s.Since.IsZero() {
					t.Errorf("status: %+v", s)
				}
				if what != "sends damaged templates" {
					if outcome, err := r.Submit(short10(t), sol); outcome != mine.Unanswered || err == nil {
						t.Errorf("a block for a node that is gone: %v, %v", outcome, err)
					}
				}
				before := len(n.calls("getblockchaininfo"))
				time.Sleep(time.Hour)
				if asked := len(n.calls("getblockchaininfo")) - before; asked < 100 || asked > 300 {
					t.Errorf("the node was asked %d times in an hour, want once every 15 s", asked)
				}
				n.set(func(n *fakeNode) { change(n, false) })
				time.Sleep(30 * time.Second)
				if !isClosed(gone.Newer) {
					t.Error("who waits for work is not told that there is some")
				}
				if _, again := r.work(); number(t, again) <= number(t, w) {
					t.Errorf("the work has the id %s, after %s", again.ID, w.ID)
				}
				said := r.log.String()
				if strings.Count(said, "the node gives no work") > 4 || !strings.Contains(said, "the node sends templates again") {
					t.Errorf("log:\n%s", said)
				}
				if strings.Contains(said, "secret") {
					t.Error("the log contains the password")
				}
			})
		})
	}
}

// short10 returns a context of ten seconds, which is the time that a loop gives an answer.
func short10(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Run returns what only the user can repair, and says what to do.
func TestUnusable(t *testing.T) {
	for _, tc := range []struct {
		want string
		node func(*fakeNode)
		edit func(*Config)
	}{
		{"refuses the user name or the password", func(n *fakeNode) { n.password = "other" }, nil},
		{"give an address of that network", func(n *fakeNode) { n.chain = "main" }, func(c *Config) { c.PayTo = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080" }},
		{"its challenge is 51, and 52 is given", func(n *fakeNode) { n.edit = func(r *reply) { r.Challenge = "51" } }, func(c *Config) { c.SignetChallenge = "52" }},
		{"give its challenge", func(n *fakeNode) { n.edit = func(r *reply) { r.Challenge = "51" } }, nil},
		{"not on a signet", nil, func(c *Config) { c.SignetChallenge = "51" }},
		{"unheard-of", func(n *fakeNode) { n.edit = func(r *reply) { r.Rules = []string{"!unheard-of"} } }, nil},
		{"does not know the call", func(n *fakeNode) {
			n.status, n.text = 404, `{"result":null,"error":{"code":-32601,"message":"Method not found"},"id":1}`
			n.chain = ""
		}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNode(t)
			if tc.node != nil {
				tc.node(n)
			}
			r := startRig(t, n, tc.edit)
			select {
			case err := <-r.ended:
				if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%v, want an error with %q", err, tc.want)
				}
			default:
				t.Errorf("the source goes on, want an error with %q", tc.want)
			}
			r.none()
		})
	}
}

// A node that has accepted the credentials before may be about to restart. And a cookie
// is another one after every start of the node.
func TestCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), ".cookie")
		n := newFakeNode(t)
		n.password = "first"
		r := startRig(t, n, func(c *Config) { c.URL, c.CookieFile = "http://node.test", file })
		r.none()
		if err := r.Status().Err; err == nil || !strings.Contains(err.Error(), "is the node running?") {
			t.Errorf("without a cookie file: %v", err)
		}
		for _, password := range []string{"first", "second"} {
			if err := os.WriteFile(file, []byte("__cookie__:"+password+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			n.set(func(n *fakeNode) { n.password = password; n.newer() })
			time.Sleep(time.Minute)
			r.work()
		}
		n.set(func(n *fakeNode) { n.password = "third"; n.newer() })
		time.Sleep(time.Minute)
		r.none()
		if err := r.Status().Err; !errors.Is(err, ErrCredentials) {
			t.Errorf("with the cookie of the last start: %v", err)
		}
	})
}

// On a network where the difficulty depends on the time, headers have the time of the
// template.
func TestTestnet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.chain = "testnet4"
		r := startRig(t, n, nil)
		o, w := r.work()
		if w.MinTime != w.MaxTime || int64(w.MinTime) != time.Now().Unix() {
			t.Errorf("times %d to %d", w.MinTime, w.MaxTime)
		}
		n.set(func(n *fakeNode) { n.edit = func(r *reply) { r.Bits = "207ffffe" } })
		time.Sleep(longPollTimeout + time.Second)
		if !isClosed(o.Newer) {
			t.Error("with other bits, there is no newer work")
		}
		if _, later := r.work(); later.MinTime <= w.MinTime || later.Bits.String() != "207ffffe" {
			t.Errorf("%d seconds later, bits %s", later.MinTime-w.MinTime, later.Bits)
		}
	})
}

// A node that does not tell its network is mined all the same.
func TestUnknownNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.chain = ""
		startRig(t, n, nil).work()
	})
}

// When all headers of a work have been searched, there is other work on the same
// template, again and again, and blocks of all of it are taken.
func TestExhausted(t *testing.T) {
	for _, challenge := range []string{"", "51"} {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNode(t)
			n.edit = func(r *reply) { r.Challenge = challenge }
			r := startRig(t, n, func(c *Config) { c.SignetChallenge = challenge })
			_, first := r.work()
			seen := map[string]bool{}
			for range 10 {
				o, w := r.work()
				if seen[string(w.After)] {
					t.Fatal("a work has been offered before")
				}
				seen[string(w.After)] = true
				r.Exhausted(mine.Work{ID: "another one"})
				if isClosed(o.Newer) {
					t.Fatal("the end of another work makes newer work")
				}
				r.Exhausted(w)
				if !isClosed(o.Newer) || isClosed(o.Stale) {
					t.Fatal("there must be newer work, and the old one is still good")
				}
				synctest.Wait()
				time.Sleep(time.Second)
			}
			if outcome, err := r.Submit(t.Context(), solved(t, first, 0)); outcome != mine.Accepted {
				t.Fatal(outcome, err)
			}
			b := checkBlock(t, n.blocks[0], 1)
			if challenge != "" {
				solutionInBlock(t, b)
			}
		})
	}
}

// The loop itself asks for other work: the space of this work is one extranonce, and its
// time is fixed.
func TestExhaustedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.chain = "testnet4"
		r := startRig(t, n, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		engine := &tiredEngine{enough: 2, stop: cancel}
		loop, err := mine.New(mine.Config{Engine: engine, Source: narrow{r.Source}, Observer: mine.Observer{Exhausted: r.Exhausted}})
		if err != nil {
			t.Fatal(err)
		}
		loop.Run(ctx)
		if len(engine.seen) < engine.enough {
			t.Errorf("%d merkle roots were searched, want %d: the source gives up", len(engine.seen), engine.enough)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, tc := range []struct {
		want string
		edit func(*Config)
	}{
		{"want http://", func(c *Config) { c.URL = "stratum+tcp://a:1" }},
		{"want http://", func(c *Config) { c.URL = "" }},
		{"cannot be read", func(c *Config) { c.URL = "http://u:secret@host:port:1" }},
		{"given twice", func(c *Config) { c.URL, c.User = "http://a:b@c", "d" }},
		{"want one of them", func(c *Config) { c.URL, c.CookieFile = "http://a:b@c", "d" }},
		{"no payout", func(c *Config) { c.PayTo = "" }},
		{"needs a signature", func(c *Config) { c.SignetChallenge = "00" }},
		{"tag", func(c *Config) { c.Tag = strings.Repeat("x", 65) }},
		{"interval", func(c *Config) { c.PollEvery = -1 }},
		{"certificate", func(c *Config) { c.CertFile = "testdata/missing" }},
		{"no certificate in PEM", func(c *Config) { c.CertFile = "testdata/README.md" }},
	} {
		c := Config{URL: "http://host:1", PayTo: "script:51"}
		tc.edit(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v, want an error with %q", c, err, tc.want)
		}
	}
}

// The source keeps the works of more than two minutes, and few on earlier tips, because
// each may hold megabytes of transactions.
func TestKeptWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		var works []mine.Work
		note := func() {
			_, w := r.work()
			works = append(works, w)
		}
		for range 5 {
			note()
			n.tip()
			synctest.Wait()
		}
		for range 20 {
			note()
			time.Sleep(refreshEvery)
			n.addTx()
			synctest.Wait()
		}
		note()
		for i, w := range works {
			_, kept := r.find(w.ID)
			if want := i >= len(works)-keptWorks; kept != want {
				t.Errorf("work %d of %d is kept: %v", i+1, len(works), kept)
			}
		}
		for range 5 {
			n.tip()
			synctest.Wait()
			note()
		}
		for i, w := range works[len(works)-5:] {
			_, kept := r.find(w.ID)
			if want := i >= 5-1-keptStale; kept != want {
				t.Errorf("on the last but %d tip: work is kept: %v", 4-i, kept)
			}
		}
		if outcome, err := r.Submit(t.Context(), solved(t, works[0], 0)); outcome != mine.Stale || err == nil {
			t.Errorf("a block of forgotten work: %v, %v", outcome, err)
		}
	})
}

// Nobody asks the node after the end.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		o, _ := r.work()
		r.stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
		if !isClosed(o.Stale) || r.Status().Connected {
			t.Error("the work outlives the source")
		}
		r.none()
		before := len(n.calls("getblocktemplate"))
		time.Sleep(time.Hour)
		if after := len(n.calls("getblocktemplate")); after != before {
			t.Errorf("%d requests after the end", after-before)
		}
		if said := r.log.String(); strings.Contains(said, "level=WARN") {
			t.Errorf("the end is a warning:\n%s", said)
		}
	})
}
