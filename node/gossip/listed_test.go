package gossip

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// dial has the host connect with a remote for a client, answers its first Hello, and lets
// the remote give its session. It returns the id of the Connect.
func (h *testNode) dial(r *remote) ID {
	h.t.Helper()
	h.ids++
	id := h.ids
	h.step(Connect{ID: id, Address: r.address})
	s, hello := mustTake[Hello](h)
	r.given = hello.Session
	h.answer(s, r.welcome(s))
	if reply := h.incoming(r.given, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		h.t.Fatal(reply.Refusal)
	}
	return id
}

func (h *testNode) wantWaiting(id ID, when string) {
	h.t.Helper()
	if err, ok := h.told[id]; ok {
		h.t.Fatalf("%s: the outcome is %v, but the other node may not list this one yet", when, err)
	}
}

func (h *testNode) wantConnected(id ID, when string) {
	h.t.Helper()
	if err, ok := h.told[id]; !ok || err != nil {
		h.t.Fatalf("%s: the outcome is %v (reported: %v), want success", when, err, ok)
	}
}

// A client is told that two nodes are connected only when the other node has said that it
// lists this one. It is asked at once.
func TestConnectedWhenBothListEachOther(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	id := h.dial(r)
	h.wantWaiting(id, "after the peer's hello")
	s, _ := mustTake[Hello](h)
	if s.To != r.address || s.Session != r.session {
		t.Fatalf("a hello goes to %s with session %s, want %s and %s", s.To, s.Session, r.address, r.session)
	}
	h.answer(s, r.welcome(s))
	h.wantConnected(id, "after the peer has said so")
	if _, _, ok := take[Hello](h); ok {
		t.Error("the peer is greeted again, although nobody waits")
	}

	// The same is true of the peer that has been greeted: it says so from then on.
	reply := h.incoming(r.given, Hello{r.greeting(), r.session})
	if w, ok := reply.Answer.(Welcome); !ok || !*w.Listed {
		t.Errorf("to its peer, the host answers %+v, want that it is listed", reply)
	}
	for _, session := range []Session{{}, {77}} {
		reply := h.incoming(session, Hello{r.greeting(), r.session})
		if w, ok := reply.Answer.(Welcome); !ok || *w.Listed {
			t.Errorf("to somebody in the name of a peer, with session %v, the host answers %+v, want that it is not listed", session, reply)
		}
	}
}

// A node that came to this one, and recognises its session, is a peer before it is told so.
func TestListedIsTrue(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	first := h.incoming(Session{}, Hello{r.greeting(), r.session})
	if w, ok := first.Answer.(Welcome); !ok || *w.Listed || len(h.g.Peers()) != 0 {
		t.Fatalf("to a stranger, the host answers %+v, and has the peers %v", first, h.g.Peers())
	}
	_, hello := mustTake[Hello](h)
	w, ok := h.incoming(hello.Session, Hello{r.greeting(), r.session}).Answer.(Welcome) // before it answers that hello
	if peers := h.g.Peers(); !ok || !*w.Listed || len(peers) != 1 || peers[0].Address != r.address {
		t.Errorf("the host answers %+v, and has the peers %v", w, peers)
	}
}

// The peer's hello may arrive before its answer to this node's first hello.
func TestPeerCallsBeforeItAnswers(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.ids++
	id := h.ids
	h.step(Connect{ID: id, Address: r.address})
	s, hello := mustTake[Hello](h)
	h.incoming(hello.Session, Hello{r.greeting(), r.session})
	h.wantWaiting(id, "after the peer's hello")
	if again, _, ok := take[Hello](h); ok {
		t.Fatalf("a second hello goes to %s while one is under way", again.To)
	}
	h.answer(s, r.welcome(s))
	h.wantWaiting(id, "after the answer to a hello without a session")
	s, _ = mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.wantConnected(id, "after the peer has said so")
}

// A peer that has dropped this node meanwhile does not list it. It is asked again, not more
// often than HelloLeast allows, until the time is up.
func TestPeerDoesNotListThisNode(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	id := h.dial(r)
	asked := 0
	for end := h.now.Add(h.g.host.config.ConnectWait); !h.now.After(end); h.now = h.now.Add(100 * time.Millisecond) {
		h.step(Wake{})
		if s, _, ok := take[Hello](h); ok {
			asked++
			h.answer(s, r.unlisted())
		}
	}
	if err := h.told[id]; err == nil || !strings.Contains(err.Error(), "is connected, but has not said that it lists this node") {
		t.Errorf("the outcome is %v", err)
	}
	most := int(h.g.host.config.ConnectWait/h.g.host.config.HelloLeast) + 1
	if asked < most-1 || asked > most {
		t.Errorf("asked %d times, want about %d", asked, most)
	}
}

// unlisted is an answer to a Hello that says that the host is no peer of the remote.
func (r *remote) unlisted() Welcome { return Welcome{Greeting: r.greeting(), Listed: new(bool)} }

// A node of an earlier version never says whether it lists this one. Then it is enough that
// each of the two has a session of the other, and that the other one has just answered.
func TestPeerOfEarlierVersion(t *testing.T) {
	for name, late := range map[string]bool{"the peer calls at once": false, "the peer calls late": true} {
		t.Run(name, func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			r := newRemote(1)
			h.ids++
			id := h.ids
			h.step(Connect{ID: id, Address: r.address})
			s, hello := mustTake[Hello](h)
			h.answer(s, Welcome{Greeting: r.greeting()})
			h.wantWaiting(id, "before the peer's hello")
			if late {
				h.now = h.now.Add(h.g.host.config.HelloLeast)
				h.step(Wake{})
			}
			h.incoming(hello.Session, Hello{r.greeting(), r.session})
			if late {
				h.wantWaiting(id, "long after the peer's answer")
				s, _ = mustTake[Hello](h)
				h.answer(s, Welcome{Greeting: r.greeting()})
			}
			h.wantConnected(id, "after the hello and an answer of the peer")
		})
	}
}

// A peer that gives a new session during each hello, and never lists this node, is greeted
// at once only once, and then not more often than HelloLeast allows.
func TestEverNewSessions(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	id := h.dial(r)
	asked := 0
	for end := h.now.Add(h.g.host.config.ConnectWait); h.now.Before(end); h.now = h.now.Add(10 * time.Millisecond) {
		h.step(Wake{})
		if s, _, ok := take[Hello](h); ok {
			asked++
			r.session[3]++
			h.incoming(r.given, Hello{r.greeting(), r.session})
			h.answer(s, r.unlisted())
		}
	}
	h.wantWaiting(id, "before the time is up")
	if most := int(h.g.host.config.ConnectWait/h.g.host.config.HelloLeast) + 1; asked > most {
		t.Errorf("asked %d times, want at most %d", asked, most)
	}
}

// Of two clients that wait for the same peer, one gives up before the peer lists this node.
// The other one is told of the connection.
func TestOneOfTwoWaitsEnds(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	first := h.dial(r)
	s, _ := mustTake[Hello](h)
	begin := h.now
	h.now = begin.Add(h.g.host.config.HelloLeast)
	h.ids++
	second := h.ids
	h.step(Connect{ID: second, Address: r.address})
	h.now = begin.Add(h.g.host.config.ConnectWait)
	h.step(Wake{})
	if err := h.told[first]; err == nil {
		t.Errorf("the first client is told %v, want an error", err)
	}
	h.wantWaiting(second, "when the first client's time is up")
	h.answer(s, r.welcome(s))
	h.wantConnected(second, "after the peer has said so")
}

// An answer that is lost does not end the wait: the peer is asked again.
func TestAnswerThatListsIsLost(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	id := h.dial(r)
	s, _ := mustTake[Hello](h)
	h.fail(s, errors.New("timeout"))
	h.wantWaiting(id, "after a lost answer")
	h.now = h.now.Add(h.g.host.config.HelloRetry)
	h.step(Wake{})
	s, _ = mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.wantConnected(id, "after the second answer")
}

// What a peer said some time ago is no answer for the next client, because the peer may
// have dropped this node or may be another process by now.
func TestOldAnswerIsNoAnswer(t *testing.T) {
	for name, restarted := range map[string]bool{"the same process": false, "a new process": true} {
		t.Run(name, func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			r := newRemote(1)
			h.join(r)
			h.ids++
			h.step(Connect{ID: h.ids, Address: r.address})
			h.wantConnected(h.ids, "at once")

			h.now = h.now.Add(h.g.host.config.HelloLeast)
			h.ids++
			id := h.ids
			h.step(Connect{ID: id, Address: r.address})
			h.wantWaiting(id, "later")
			s, _ := mustTake[Hello](h)
			if !restarted {
				h.answer(s, r.welcome(s))
				h.wantConnected(id, "after the peer has said so again")
				return
			}
			again := newRemote(1)
			again.id, again.session = NodeID{9}, Session{9}
			h.answer(s, again.welcome(s))
			h.wantWaiting(id, "after the answer of a new process")
			h.incoming(r.given, Hello{again.greeting(), again.session})
			h.wantWaiting(id, "after its hello")
			s, _ = mustTake[Hello](h)
			h.answer(s, again.welcome(s))
			h.wantConnected(id, "after the new process has said so")
		})
	}
}
