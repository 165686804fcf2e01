package nodes

import (
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/rules"

	"math/rand/v2"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Script is a peer that keeps to nothing but what its functions do.
type Script struct {
	host
	Node gossip.NodeID

	// Answer answers requests. Err may be [ErrSilent], a [gossip.Refusal], or a
	// [gossip.Fault] for what the receiver could not even read.
	Answer func(gossip.Request) (gossip.Answer, error)

	// Greeting is what the script says of itself.
	Greeting gossip.Greeting

	Requests map[string]int // that came, by kind

	sessions map[gossip.Address]gossip.Session // to be used with others
	random   *rand.Rand
}

// ErrSilent is the error of a script that does not answer.
var ErrSilent = errors.New("no answer")

// AddScript makes a script that greets as an honest node without blocks would,
// and does nothing else.
func (n *Net) AddScript() *Script {
	s := &Script{host: n.newHost(), Requests: map[string]int{}, sessions: map[gossip.Address]gossip.Session{}}
	s.random = rand.New(rand.NewPCG(mix(n.seed)^uint64(s.index), 0))
	s.Node = gossip.NewNodeID(s.random)
	s.Greeting = gossip.Greeting{
		Version:   gossip.Version,
		Network:   n.config.Params.Name,
		NetworkID: n.config.Params.ID(),
		Node:      s.Node,
		Address:   s.addr,
		Tip:       genesisTip(n.config.Params),
	}
	s.Answer = s.Polite
	s.up = true
	s.serve = s.receive
	n.hosts[s.addr] = &s.host
	n.Scripts = append(n.Scripts, s)
	return s
}

// Address returns where the script listens.
func (s *Script) Address() gossip.Address { return s.addr }

// String returns x and a number.
func (s *Script) String() string { return fmt.Sprint("x", s.index) }

// Polite answers greetings and announcements, has no blocks, transactions and
// addresses. Scripts fall back on it.
func (s *Script) Polite(r gossip.Request) (gossip.Answer, error) {
	switch r.(type) {
	case gossip.Hello:
		return gossip.Welcome{Greeting: s.Greeting}, nil
	case gossip.Announce:
		return gossip.Done{}, nil
	case gossip.GetHeaders:
		return gossip.Headers{}, nil
	case gossip.GetBlocks:
		return gossip.Blocks{}, nil
	case gossip.GetTxs:
		return gossip.Txs{}, nil
	case gossip.GetPool:
		return gossip.Pool{}, nil
	}
	return gossip.Addresses{}, nil
}

// Serve answers the requests for headers and blocks as a node with that chain
// would, and others as Polite does.
func (s *Script) Serve(c *chain.Chain, r gossip.Request) (gossip.Answer, error) {
	switch r.(type) {
	case gossip.GetHeaders, gossip.GetBlocks:
		return gossip.Serve(c, r)
	}
	return s.Polite(r)
}

// Claim has the script say that its best chain is that.
func (s *Script) Claim(t rules.State) {
	s.Greeting.Tip = gossip.Tip{Hash: t.Hash, Height: t.Height, Work: t.Work}
}

// Boast has the script claim more work than there can be.
func (s *Script) Boast() {
	work := s.Greeting.Tip.Work
	for range 100 {
		work = work.Add(work)
	}
	s.Greeting.Tip = gossip.Tip{Hash: pow.DoubleSHA256(s.Node[:]), Height: 1 << 30, Work: work}
}

func (s *Script) receive(x *exchange, from *host, reply func(gossip.Answer, error)) {
	s.Requests[kindOf(x.request)]++
	if hello, ok := x.request.(gossip.Hello); ok {
		s.sessions[from.addr] = hello.Session
	}
	a, err := s.Answer(x.request)
	s.net.log.of(s.net.now, s.index, "answers %s with %s", kindOf(x.request), outcomeOf(a, err))
	if errors.Is(err, ErrSilent) {
		return
	}
	reply(a, err)
}

// Send has the script ask a node for something, with the session that the node
// has given it; done may be nil.
func (s *Script) Send(to *Node, r gossip.Request, done func(gossip.Answer, error)) {
	if done == nil {
		done = func(gossip.Answer, error) {}
	}
	s.net.send(&s.host, to.addr, s.sessions[to.addr], r, 10*time.Second, done)
}

// Greet has the script say hello to a node now and again from then on.
func (s *Script) Greet(to *Node, every time.Duration) {
	session := gossip.Session(gossip.NewNodeID(s.random))
	s.Send(to, gossip.Hello{Greeting: s.Greeting, Session: session}, nil)
	s.net.after(every, func() { s.Greet(to, every) })
}

func genesisTip(p rules.Params) gossip.Tip {
	s := rules.Genesis(p)
	return gossip.Tip{Hash: s.Hash, Height: s.Height, Work: s.Work}
}
