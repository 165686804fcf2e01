package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// elsewhere has the host answer a hello that comes from an IP address and claims an
// address.
func (h *testNode) elsewhere(from string, node byte, claims Address) Reply {
	h.t.Helper()
	r := newRemote(1000 + int(node))
	r.address = claims
	h.ids++
	h.step(Incoming{ID: h.ids, From: netip.MustParseAddr(from), Request: Hello{r.greeting(), r.session}})
	return h.replies[h.ids]
}

// notToBelieve are addresses that a node in 10.0.0.0/8 must not call because others
// have named them.
var notToBelieve = []Address{
	"http://127.0.0.1:6379", "http://localhost:6379", "http://[::1]:6379", "http://192.168.0.1:80", "http://172.16.0.1:80",
	"http://100.64.0.1:80", "http://[fd00::1]:80", "http://224.0.0.1:80", "http://169.254.169.254:80", "http://0.0.0.0:80",
	"http://[2002:7f00:1::]:80", "http://[64:ff9b::7f00:1]:80", "http://255.255.255.255:80",
}

// TestHeardAddressesAreNotCalled has others name addresses of the node's own machine
// and of other networks, in each of the ways in which they can. The node calls none.
func TestHeardAddressesAreNotCalled(t *testing.T) {
	none := func(t *testing.T, h *testNode, a Address) {
		t.Helper()
		h.now = h.now.Add(time.Minute)
		h.step(Wake{})
		for _, s := range h.sends {
			if s.To == a {
				t.Errorf("the node sends a %T to %s", s.Request, a)
			}
		}
		if h.g.host.book.at[a] != nil {
			t.Errorf("%s is in the address book", a)
		}
	}
	for _, a := range notToBelieve {
		t.Run("hello", func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			reply := h.elsewhere("10.0.0.1", 1, a)
			if reply.Refusal != nil {
				t.Errorf("a hello that claims %s is refused: %v; its sender could follow the chain", a, reply.Refusal)
			}
			if got := h.noted(NoteRefused); !slices.Equal(got, []string{"heard"}) {
				t.Errorf("a hello that claims %s: the notes are %v", a, got)
			}
			none(t, h, a)
		})
		t.Run("list of a peer", func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			h.ids++
			h.step(Connect{ID: h.ids, Address: address(1)})
			s, _ := mustTake[Hello](h)
			h.answer(s, Welcome{Greeting: newRemote(1).greeting()})
			s, _ = mustTake[GetAddresses](h)
			h.answer(s, Addresses{[]Address{a}})
			none(t, h, a)
		})
		t.Run("list of a full node", func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			h.ids++
			h.step(Connect{ID: h.ids, Address: address(1)})
			s, _ := mustTake[Hello](h)
			h.fail(s, *refuse(Full, "no room"))
			s, _ = mustTake[GetAddresses](h)
			h.answer(s, Addresses{[]Address{a}})
			none(t, h, a)
		})
		t.Run("file", func(t *testing.T) {
			h := newTestNode(t, 1, func(c *Config) { c.Book = []Entry{{Address: a, Seen: start, Tried: true, Anchor: true}} })
			none(t, h, a)
		})
		t.Run("client", func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			for _, keep := range []bool{false, true} {
				h.ids++
				h.step(Connect{ID: h.ids, Address: a, Keep: keep, Heard: true, From: netip.MustParseAddr("10.0.0.1")})
				if err := h.told[h.ids]; err == nil || !strings.Contains(err.Error(), "not an address that this node can connect with") || !strings.Contains(err.Error(), "token") {
					t.Errorf("a client that names %s is told %v", a, err)
				}
			}
			none(t, h, a)
		})
	}
}

// TestChosenAddressesAreCalled checks that the operator, and a client who may, can name
// any address; that the node then believes others as well that name it; and that it
// remembers the choice over a restart.
func TestChosenAddressesAreCalled(t *testing.T) {
	const a = "http://127.0.0.1:8001"
	h := newTestNode(t, 1, func(c *Config) { c.Peers = []Address{"http://192.168.0.7:80"} })
	if s, _ := mustTake[Hello](h); s.To != "http://192.168.0.7:80" || s.Heard {
		t.Errorf("the first hello goes to %s (heard: %v)", s.To, s.Heard)
	}
	h.ids++
	h.step(Connect{ID: h.ids, Address: a, Keep: true})
	s, _ := mustTake[Hello](h)
	if s.To != a || s.Heard {
		t.Errorf("the hello goes to %s (heard: %v)", s.To, s.Heard)
	}
	h.fail(s, errors.New("refused"))
	if reply := h.elsewhere("10.0.0.1", 1, a); reply.Refusal != nil {
		t.Errorf("a hello that claims a chosen address: %v", reply.Refusal)
	}
	entries, _ := h.g.Book()
	h = newTestNode(t, 1, func(c *Config) { c.Book = entries })
	if h.g.host.book.at[a] == nil {
		t.Error("a chosen address is forgotten with a restart")
	}
	h.elsewhere("10.0.0.1", 2, address(5))
	for { // only the last one was heard
		s, _, ok := take[Hello](h)
		if !ok {
			break
		}
		if s.Heard != (s.To == address(5)) {
			t.Errorf("the hello to %s: heard %v", s.To, s.Heard)
		}
	}
}

// TestAnswerTellsNothing checks that the answer to a hello is the same, and comes at
// once, whatever was found at the address that an earlier hello has claimed.
func TestAnswerTellsNothing(t *testing.T) {
	findings := map[string]func(h *testNode, s Send){
		"silence":         func(*testNode, Send) {},
		"nothing":         func(h *testNode, s Send) { h.fail(s, errors.New("connection refused")) },
		"a web page":      func(h *testNode, s Send) { h.fail(s, fault(FaultMalformed, "content type text/html")) },
		"a long page":     func(h *testNode, s Send) { h.fail(s, fault(FaultOversize, "too long")) },
		"another answer":  func(h *testNode, s Send) { h.answer(s, Done{}) },
		"an error":        func(h *testNode, s Send) { h.fail(s, Refusal{Reason: "404"}) },
		"another network": func(h *testNode, s Send) { h.fail(s, *refuse(WrongNetwork, "x")) },
		"another node":    func(h *testNode, s Send) { h.answer(s, Welcome{Greeting: newRemote(7).greeting()}) },
		"this node":       func(h *testNode, s Send) { h.fail(s, *refuse(Self, "x")) },
	}
	play := func(found func(*testNode, Send)) string {
		h := newTestNode(t, 1, nil)
		var log strings.Builder
		seen := map[ID]bool{}
		for i := range 150 {
			claims := address(20 + i%25) // each is claimed again and again
			reply := h.elsewhere(fmt.Sprintf("10.0.0.%d", 1+i%2), byte(i), claims)
			if reply.Refusal != nil {
				fmt.Fprintln(&log, i, claims, *reply.Refusal)
			} else {
				fmt.Fprintln(&log, i, claims, "welcome")
			}
			for _, s := range slices.Clone(h.sends) {
				if _, hello := s.Request.(Hello); hello && !seen[s.ID] {
					seen[s.ID] = true
					found(h, s)
				}
			}
			h.now = h.now.Add(300 * time.Millisecond)
			for _, s := range slices.Clone(h.sends) { // what was not answered fails in time
				if q := h.g.host.requests[s.ID]; q != nil && q.peer != nil && !h.now.Before(q.peer.hello.sent.Add(s.Timeout)) {
					h.fail(s, errors.New("timeout"))
				}
			}
			h.step(Wake{})
		}
		return log.String()
	}
	want := play(findings["silence"])
	if !strings.Contains(want, "welcome") {
		t.Fatalf("no hello is welcome:\n%s", want)
	}
	for name, found := range findings {
		if got := play(found); got != want {
			t.Errorf("what is found at the address is %s, and the answers are\n%s\nwant those after silence:\n%s", name, got, want)
		}
	}
}

// TestClientIsToldNothing checks that a client who may not choose learns no more, and
// no sooner, than that nobody has answered, whatever is at the address.
func TestClientIsToldNothing(t *testing.T) {
	for name, found := range map[string]error{
		"nothing": errors.New("connection refused"), "a web page": fault(FaultMalformed, "content type text/html"), "no answer": errors.New("timeout"),
	} {
		h := newTestNode(t, 1, nil)
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(3), Heard: true, From: netip.MustParseAddr("10.0.0.1")})
		s, _ := mustTake[Hello](h)
		if !s.Heard {
			t.Error("the address counts as chosen")
		}
		if name != "no answer" {
			h.fail(s, found)
			if err, told := h.told[h.ids]; told {
				t.Errorf("%s: the client is told %v before a silent address would have failed", name, err)
			}
		}
		h.now = h.now.Add(h.g.host.config.HelloTimeout)
		if name == "no answer" {
			h.fail(s, found)
		}
		h.step(Wake{})
		if err := h.told[h.ids]; err == nil || err.Error() != string(address(3))+" did not answer in time" {
			t.Errorf("%s: the client is told %v", name, err)
		}
	}
}
