package nodes

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Config describes a network. A field that is zero means its default.
type Config struct {
	Nodes  int           // 0: 8; negative: none yet, see AddKnowing
	Params rules.Params  // zero: what Params returns
	Link   Link          // without a delay: a delay of 20 ms
	Skew   time.Duration // each clock is wrong by a random amount up to this, fast or slow
	Know   int           // how many addresses of earlier nodes a new node knows; 0: 1
	Limits gossip.Limits
	Pool   int       // transactions that a mempool holds; 0: the chain's default
	Log    io.Writer // the event log; nil: none
	Watch  Watch

	// Write is the virtual time that a chain takes to check and store blocks, for each of
	// them. 0: 200 µs, and 50 µs for each block; negative: no time.
	Write time.Duration

	// Machine makes the state machine of a node. An experiment can put its own
	// protocol here; nil: gossip.New.
	Machine func(gossip.Config) Machine

	// AfterRun, if set, is called at the end of each RunFor, when no event is being
	// handled.
	AfterRun func(*Net)
}

// Params returns the parameters of the usual network of simulations, in which a
// block takes two hashes on average.
func Params() rules.Params {
	p, err := rules.New(rules.Config{
		Name:       "sim",
		Difficulty: rules.Difficulty{Rule: rules.RuleFixed, Bits: 0x207fffff},
	})
	if err != nil {
		panic(err) // the form above is valid
	}
	return p
}

// Machine decides what a node does: it receives events and returns effects.
// [gossip.Gossip] is the machine of real nodes.
type Machine interface {
	Step(now time.Time, ev gossip.Event) []gossip.Effect
	Next() time.Time
	Peers() []gossip.PeerInfo
	Addresses() gossip.Addresses
	Book() ([]gossip.Entry, bool)
	Sync() gossip.SyncInfo
	Clock() gossip.ClockInfo
}

// Net is a simulated network. Only one goroutine may use it.
type Net struct {
	Nodes   []*Node
	Scripts []*Script

	seed   uint64
	config Config
	start  time.Time
	now    time.Duration // since the start
	queue  queue
	log    eventLog

	hosts map[gossip.Address]*host
	links map[[2]int]Link // those that SetLinkBetween has set, by pairKey

	// Messages, mining, posts and nodes each draw from a separate random source, so
	// that a change in one of them does not change the draws of the others.
	linkRandom, mineRandom, postRandom, nodeRandom *rand.Rand

	blocks int // number of blocks found
	bodies *bodies
	posts  posts
	churn  int      // counts the calls of Churn
	faults []string // see Faults
}

// epochStart is the virtual time at which simulations begin.
const epochStart = 1_700_000_000

// New makes a network whose nodes are all up. The first event of each node, within
// a second of virtual time, is a [gossip.Wake].
func New(seed uint64, c Config) *Net {
	if c.Nodes == 0 {
		c.Nodes = 8
	}
	if c.Params == (rules.Params{}) {
		c.Params = Params()
	}
	if c.Link.Delay == 0 {
		c.Link.Delay = 20 * time.Millisecond
	}
	if c.Know == 0 {
		c.Know = 1
	}
	if c.Machine == nil {
		c.Machine = func(c gossip.Config) Machine { return gossip.New(c) }
	}
	source := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
	n := &Net{
		seed:       seed,
		config:     c,
		start:      time.Unix(epochStart, 0).UTC(),
		log:        eventLog{w: c.Log},
		hosts:      map[gossip.Address]*host{},
		links:      map[[2]int]Link{},
		linkRandom: source(1), mineRandom: source(2), postRandom: source(3), nodeRandom: source(4),
		bodies: newBodies(),
	}
	for range c.Nodes {
		n.Add()
	}
	return n
}

// Add makes one more node and starts it. The node knows the addresses of Config.Know
// random nodes that exist already, as if they had been given with --peer.
func (n *Net) Add() *Node {
	var known []gossip.Address
	if count := len(n.Nodes); count > 0 {
		for _, i := range n.nodeRandom.Perm(count)[:min(n.config.Know, count)] {
			known = append(known, n.Nodes[i].addr)
		}
	}
	return n.AddKnowing(known...)
}

// AddressOf returns the address that the node of a number gets, from 0. Nodes and scripts
// are numbered in the order in which they are added.
func AddressOf(number int) gossip.Address {
	return gossip.Address(fmt.Sprintf("http://%s:8000", ipOf(number)))
}

// AddKnowing makes one more node that knows these addresses, and starts it. Their nodes
// may be added later.
func (n *Net) AddKnowing(known ...gossip.Address) *Node {
	node := &Node{
		host:  n.newHost(),
		store: n.bodies.newStore(),
		known: known,
	}
	if n.config.Skew > 0 {
		node.skew = time.Duration((2*n.nodeRandom.Float64() - 1) * float64(n.config.Skew))
	}
	node.serve = node.receive
	n.hosts[node.addr] = &node.host
	n.Nodes = append(n.Nodes, node)
	node.Start()
	return node
}

func (n *Net) newHost() host {
	i := len(n.Nodes) + len(n.Scripts)
	return host{net: n, index: i, ip: ipOf(i), addr: AddressOf(i)}
}

// Seed returns the seed that New was given.
func (n *Net) Seed() uint64 { return n.seed }

// Now returns the virtual time since the start.
func (n *Net) Now() time.Duration { return n.now }

// Alias gives a node an additional address, like a second host name of a machine.
func (n *Net) Alias(node *Node, addr gossip.Address) { n.hosts[addr] = &node.host }

// Blocks returns the number of blocks that have been found by all miners together.
func (n *Net) Blocks() int { return n.blocks }

// Params returns the network's parameters.
func (n *Net) Params() rules.Params { return n.config.Params }

// After calls f when the given time has passed.
func (n *Net) After(d time.Duration, f func()) { n.after(d, f) }

func (n *Net) after(d time.Duration, f func()) { n.queue.push(n.now+max(d, 0), f) }

// RunFor lets the given time pass.
func (n *Net) RunFor(d time.Duration) {
	end := n.now + d
	for {
		at, ok := n.queue.next()
		if !ok || at > end {
			break
		}
		n.now = at
		n.queue.pop().do()
	}
	n.now = end
	if n.config.AfterRun != nil {
		n.config.AfterRun(n)
	}
}

// RunUntil lets time pass until the condition holds, for at most the given time. It
// evaluates the condition once a second, and reports whether it holds in the end.
func (n *Net) RunUntil(most time.Duration, condition func() bool) bool {
	for end := n.now + most; !condition(); {
		if n.now >= end {
			return false
		}
		n.RunFor(min(time.Second, end-n.now))
	}
	return true
}

// Split cuts the network into groups between which no message passes. Nodes and
// scripts that are in none of the groups belong to the first one.
func (n *Net) Split(groups ...[]*Node) {
	n.Heal()
	for i, group := range groups {
		for _, node := range group {
			node.group = i
		}
	}
	n.log.say(n.now, "split %d ways", len(groups))
}

// Heal makes the network whole again.
func (n *Net) Heal() {
	for _, node := range n.Nodes {
		node.group = 0
	}
	for _, s := range n.Scripts {
		s.group = 0
	}
	n.log.say(n.now, "heal")
}

// SetLink changes all links but those that SetLinkBetween has set. It takes effect
// with the next message.
func (n *Net) SetLink(l Link) { n.config.Link = l }

// Link returns the properties of all links but those that SetLinkBetween has set.
func (n *Net) Link() Link { return n.config.Link }

// SetLinkBetween changes the link between two nodes.
func (n *Net) SetLinkBetween(a, b *Node, l Link) { n.links[n.pairKey(&a.host, &b.host)] = l }

// Grow gives every running node the same history of the given number of blocks, as
// if all had been there when the blocks were found. The times of the blocks are one
// second apart, and the last block is one second old.
func (n *Net) Grow(blocks int) {
	miner := n.Nodes[0]
	now := miner.clock()
	for i := range blocks {
		b := n.makeBlock(miner.chain, "history", now.Add(time.Duration(i-blocks)*time.Second))
		for _, node := range n.Nodes {
			if node.up {
				node.Put(b)
			}
		}
	}
}

// MakeBlock makes a block on the tip of the node's chain, with the node's time, and
// finds its proof of work. No node has the block yet: see [Node.Put].
func (n *Net) MakeBlock(on *Node, tag string) block.Block {
	return n.makeBlock(on.chain, tag, on.clock())
}

// makeBlock makes a block on the tip of a chain and finds its proof of work.
func (n *Net) makeBlock(c *chain.Chain, tag string, at time.Time) block.Block {
	template, err := c.Template(chain.TemplateOptions{Tag: tag})
	if err != nil {
		panic(err) // the tag is too long
	}
	n.blocks++
	extranonce := uint64(n.blocks) // no two blocks are the same
	header := Grind(template.Job(extranonce, uint32(at.Unix())).Header)
	return template.Block(header, extranonce)
}

// Grind finds the first nonce with which the header meets its bits.
func Grind(h pow.Header) pow.Header {
	target, err := h.Bits.Target()
	if err != nil {
		panic(err)
	}
	for !h.Hash().Meets(target) {
		h.Nonce++
	}
	return h
}

// fault records something that must never happen; see Faults. Only the first faults
// are kept.
func (n *Net) fault(format string, args ...any) {
	const most = 20
	if len(n.faults) < most {
		n.faults = append(n.faults, fmt.Sprintf("at %s: ", n.now)+fmt.Sprintf(format, args...))
	}
}
