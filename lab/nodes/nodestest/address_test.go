package nodestest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
)

// An attacker claims addresses of the victim's own machine and of networks that are
// not the victim's, and names them in its lists. No request goes there. Whether
// something serves at an address that the victim may call does not show in the answers.
func TestHeardAddresses(t *testing.T) {
	stories(t, 2, func(t *testing.T, seed uint64) {
		answers := map[bool][]string{} // by whether something serves at the addresses that are claimed
		for _, serves := range []bool{false, true} {
			net := begin(t, seed, nodes.Config{Nodes: 3})
			net.RunFor(10 * time.Second)
			victim := net.Nodes[0]
			service := net.AddScript() // a web server, which answers everything alike
			service.Answer = func(gossip.Request) (gossip.Answer, error) {
				return nil, gossip.Fault{Reason: gossip.FaultMalformed, Detail: "content type text/html"}
			}
			inside := []gossip.Address{
				"http://127.0.0.1:6379", "http://localhost:6379", "http://[::1]:6379", "http://172.16.0.1:80", "http://192.168.0.1:80",
				"http://100.64.0.1:80", "http://[fd00::1]:80", "http://224.0.0.1:80", "http://169.254.169.254:80",
			}
			var outside []gossip.Address
			for i := range 12 {
				outside = append(outside, gossip.Address(fmt.Sprintf("http://8.8.8.%d:80", i)))
			}
			for _, a := range inside {
				service.ListenAt(a)
			}
			if serves {
				for _, a := range outside {
					service.ListenAt(a)
				}
			}
			attacker := net.AddScript()
			attacker.Answer = func(r gossip.Request) (gossip.Answer, error) {
				if _, ok := r.(gossip.GetAddresses); ok {
					return gossip.Addresses{Addresses: inside}, nil
				}
				return attacker.Polite(r)
			}
			attacker.Greet(victim, 20*time.Second)
			net.RunFor(10 * time.Second)
			stranger := net.AddScript() // who has no session
			random := rand.New(rand.NewPCG(seed, 7))
			claim := func(a gossip.Address) {
				greeting := stranger.Greeting
				greeting.Address, greeting.Node = a, gossip.NewNodeID(random)
				sent := net.Now()
				stranger.Send(victim, gossip.Hello{Greeting: greeting, Session: gossip.Session(greeting.Node)}, func(_ gossip.Answer, err error) {
					var r gossip.Refusal
					errors.As(err, &r)
					answers[serves] = append(answers[serves], fmt.Sprintf("%s claimed at %v: %q after %v", a, sent, r.Reason, net.Now()-sent))
				})
				net.RunFor(300 * time.Millisecond)
			}
			for range 4 {
				for _, a := range inside {
					claim(a)
				}
			}
			if len(service.Requests) > 0 {
				t.Errorf("requests to addresses that the victim must not call: %v", service.Requests)
			}
			for range 10 {
				for _, a := range outside {
					claim(a)
				}
			}
			if serves && service.Requests["hello"] == 0 {
				t.Error("the victim has called no public address")
			}
			net.MustBehave(t)
		}
		for i := range min(len(answers[false]), len(answers[true])) {
			if answers[false][i] != answers[true][i] {
				t.Fatalf("where nothing serves: %s\nwhere something does: %s", answers[false][i], answers[true][i])
			}
		}
		if len(answers[false]) != len(answers[true]) || len(answers[true]) < 100 {
			t.Errorf("%d answers where nothing serves, and %d where something does", len(answers[false]), len(answers[true]))
		}
	})
}

const (
	fillers    = 16
	fillFor    = 58 * time.Second
	fillPorts  = 1000 // at which each filler listens
	joinWithin = 15 * time.Second
)

// fillBook has attackers at sixteen addresses fill the address book of a victim, with
// everything that the protocol allows: each comes again and again under another name
// and from another port, is proven there, makes room for the next, and names its other
// ports. All are in the network of the honest nodes. It returns a function that makes
// them fall silent.
func fillBook(net *Net, victim *nodes.Node) (silence func()) {
	silent := false
	for range fillers {
		s, stranger := net.AddScript(), net.AddScript() // the latter says the hellos, without a session
		random := rand.New(rand.NewPCG(net.Seed(), uint64(len(net.Scripts))))
		port := func() gossip.Address {
			return gossip.Address(fmt.Sprintf("%s%d", s.Address()[:len(s.Address())-len("8000")], 10_000+random.IntN(fillPorts)))
		}
		for i := range fillPorts {
			s.ListenAt(gossip.Address(fmt.Sprintf("%s%d", s.Address()[:len(s.Address())-len("8000")], 10_000+i)))
		}
		claimed := gossip.NodeID{}
		s.Answer = func(r gossip.Request) (gossip.Answer, error) {
			if silent {
				return nil, nodes.ErrSilent
			}
			switch r.(type) {
			case gossip.Hello:
				greeting := s.Greeting // of one and the same node, so that its other ports have to go
				if claimed != (gossip.NodeID{}) {
					greeting.Node, claimed = claimed, gossip.NodeID{}
				}
				return gossip.Welcome{Greeting: greeting}, nil
			case gossip.GetAddresses:
				var a gossip.Addresses
				for range gossip.MaxAddresses / 8 {
					a.Addresses = append(a.Addresses, port())
				}
				return a, nil
			}
			return s.Polite(r)
		}
		var come func()
		come = func() {
			if silent {
				return
			}
			greeting := s.Greeting
			greeting.Address, greeting.Node = port(), gossip.NewNodeID(random)
			claimed = greeting.Node
			hello := gossip.Hello{Greeting: greeting, Session: gossip.Session(greeting.Node)}
			stranger.Send(victim, hello, nil)
			net.After(time.Second, func() { stranger.Send(victim, hello, nil) }) // and the victim looks again soon
			net.After(200*time.Millisecond, come)
		}
		come()
	}
	return func() { silent = true }
}

// Attackers at sixteen addresses fill the victim's address book for 58 seconds, and
// fall silent. After a restart, without --peer, the victim is soon connected with an
// honest node of its own choice, and has caught up. It is so, too, if the anchors, the
// two nodes that it remembers as the best, are gone as well.
func TestFilledBook(t *testing.T) {
	for _, anchors := range []bool{true, false} {
		t.Run(map[bool]string{true: "anchors", false: "no anchors"}[anchors], func(t *testing.T) {
			stories(t, many(t, 3), func(t *testing.T, seed uint64) {
				net := begin(t, seed, nodes.Config{Nodes: 6})
				net.Grow(50)
				net.MineAll(10 * time.Second)
				net.RunFor(20 * time.Second)
				honest := net.Nodes[:6]
				victim := net.Add()
				net.RunFor(20 * time.Second)
				silence := fillBook(net, victim)
				net.RunFor(fillFor)
				entries, _ := victim.Machine().Book()
				victim.Stop()
				victim.SetPeers()
				silence()
				gone := 0
				for _, e := range entries {
					for _, node := range honest {
						if e.Anchor && !anchors && e.Address == node.Address() {
							node.Stop()
							gone++
						}
					}
				}
				net.RunFor(30 * time.Second)
				victim.Start()
				begun := net.Now()
				joined := func() bool {
					for _, p := range victim.Peers() {
						for _, node := range honest {
							if p.Out && p.Address == node.Address() && node.Up() {
								return nodes.CommonHeight(node.Chain(), victim.Chain()) >= node.Chain().Tip().Height-1
							}
						}
					}
					return false
				}
				if !net.RunUntil(joinWithin, joined) {
					t.Errorf("not joined %v after the restart, with %d addresses in the book", joinWithin, len(entries))
				}
				t.Logf("joined %v after the restart, with %d addresses in the book, %d anchors gone", net.Now()-begun, len(entries), gone)
				net.MustBehave(t)
			})
		})
	}
}
