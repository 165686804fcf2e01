package nodes

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Script is a peer that follows no protocol: it does only what its functions say.
// Attackers and other misbehaving peers are scripts.
type Script struct {
	host
	Node gossip.NodeID

	// Answer answers a request. The error may be [ErrSilent], a [gossip.Refusal],
	// or a [gossip.Fault], which stands for an answer that cannot be parsed.
	Answer func(gossip.Request) (gossip.Answer, error)

	// Greeting is what the script says about itself when it greets or is greeted.
	Greeting gossip.Greeting

	Requests map[string]int // number received, by kind: hello, getheaders, ...

	sessions map[gossip.Address]gossip.Session // the session to use with each node
	random   *rand.Rand
}

// ErrSilent is returned by the Answer function of a script that does not answer.
var ErrSilent = errors.New("no answer")

// AddScript adds a script that answers like an honest node without blocks, and
// starts nothing by itself.
func (n *Net) AddScript() *Script {
	return n.addScript(n.newHost())
}

// AddScriptAt is AddScript for a script at the given IP address and port. One attacker
// can have many scripts at one IP address.
func (n *Net) AddScriptAt(at netip.AddrPort) *Script {
	h := n.newHost()
	h.ip, h.addr = at.Addr(), gossip.Address("http://"+at.String())
	return n.addScript(h)
}

func (n *Net) addScript(h host) *Script {
	s := &Script{host: h, Requests: map[string]int{}, sessions: map[gossip.Address]gossip.Session{}}
	s.random = rand.New(rand.NewPCG(mix(n.seed)^uint64(s.index), 0))
	s.Node = gossip.NewNodeID(s.random)
	s.Greeting = gossip.Greeting{
		Version:   gossip.Version,
		Network:   n.config.Params.Name(),
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

// ListenAt makes the script listen at an additional address, like another port of its
// machine, or like a service of another machine that has nothing to do with the network.
func (s *Script) ListenAt(a gossip.Address) { s.net.hosts[a] = &s.host }

// String returns x and a number.
func (s *Script) String() string { return fmt.Sprint("x", s.index) }

// Polite answers like an honest node that has no blocks, no transactions and no
// addresses. Scripts use it for the requests on which they do not lie.
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

// Serve answers requests for headers and blocks from the given chain, and all other
// requests as Polite does.
func (s *Script) Serve(c *chain.Chain, r gossip.Request) (gossip.Answer, error) {
	switch r.(type) {
	case gossip.GetHeaders, gossip.GetBlocks:
		return gossip.Serve(c, r)
	}
	return s.Polite(r)
}

// Claim makes the script say that t is the tip of its best chain.
func (s *Script) Claim(t rules.State) {
	s.Greeting.Tip = gossip.Tip{Hash: t.Hash, Height: t.Height, Work: t.Work}
}

// Boast makes the script claim more work than any chain can have.
func (s *Script) Boast() {
	work := s.Greeting.Tip.Work
	for range 100 {
		work = work.Add(work)
	}
	s.Greeting.Tip = gossip.Tip{Hash: pow.DoubleSHA256(s.Node[:]), Height: 1 << 30, Work: work}
}

// receive counts a request and answers it.
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

// Send sends a request to a node, with the session that the node has given to the
// script. done is called with the answer or the error; it may be nil.
func (s *Script) Send(to *Node, r gossip.Request, done func(gossip.Answer, error)) {
	if done == nil {
		done = func(gossip.Answer, error) {}
	}
	s.net.send(&s.host, to.addr, s.sessions[to.addr], r, 10*time.Second, done)
}

// Greet sends a hello to a node now, and again after each interval.
func (s *Script) Greet(to *Node, every time.Duration) {
	session := gossip.Session(gossip.NewNodeID(s.random))
	s.Send(to, gossip.Hello{Greeting: s.Greeting, Session: session}, nil)
	s.net.after(every, func() { s.Greet(to, every) })
}

// genesisTip returns the tip of a chain that has only genesis.
func genesisTip(p rules.Params) gossip.Tip {
	s := p.GenesisState()
	return gossip.Tip{Hash: s.Hash, Height: s.Height, Work: s.Work}
}
