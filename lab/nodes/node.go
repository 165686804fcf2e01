package nodes

import (
	"fmt"
	"net/netip"
	"time"

	"math/rand/v2"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
)

// Node is a node that keeps to the protocol.
type Node struct {
	host
	store chain.Store
	known []gossip.Address
	skew  time.Duration

	// Of a node that is up.
	chain   *chain.Chain
	id      gossip.NodeID
	machine Machine
	changes []chain.Event // that the machine has not been told yet
	waiting map[gossip.ID]func(gossip.Answer, error)
	lastID  gossip.ID
	wakeAt  time.Duration
	wakes   int // in a row at the same time

	book []gossip.Entry // of one that is down

	served int                       // blocks sent to others
	banned map[gossip.Address]string // whom and for what

	rate    float64 // hashes a second
	draws   int
	selfish *selfish // nil: mines in the open
}

// How long a chain takes for a write.
const (
	writeTime = 200 * time.Microsecond
	blockTime = 50 * time.Microsecond // for each block on top
)

// retryEvery is how often a node looks at the blocks that it holds.
const retryEvery = 10 * time.Second

// maxWakes is how often a machine may want to be woken at one and the same time.
const maxWakes = 100

func ipOf(index int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(index >> 16), byte(index >> 8), byte(index)})
}

// Chain returns the node's chain. It must be up.
func (n *Node) Chain() *chain.Chain { return n.chain }

// ID returns the id under which the node was started last.
func (n *Node) ID() gossip.NodeID { return n.id }

// Address returns where the node listens.
func (n *Node) Address() gossip.Address { return n.addr }

// Served returns how many blocks the node has sent to others that asked.
func (n *Node) Served() int { return n.served }

// Banned returns for what the node has banned who listens at the address, or ""
// if it has not.
func (n *Node) Banned(a gossip.Address) string { return n.banned[a] }

// Peers returns the node's peers. It must be up.
func (n *Node) Peers() []gossip.PeerInfo { return n.machine.Peers() }

// Sync returns how far the node's sync is. It must be up.
func (n *Node) Sync() gossip.SyncInfo { return n.machine.Sync() }

// SetSkew sets by how much the node's clock is wrong. The node must be down.
func (n *Node) SetSkew(d time.Duration) { n.skew = d }

// Machine returns what decides for the node. The node must be up.
func (n *Node) Machine() Machine { return n.machine }

// Up reports whether the node is running.
func (n *Node) Up() bool { return n.up }

// String returns n and a number.
func (n *Node) String() string { return fmt.Sprint("n", n.index) }

// clock returns the time that the node believes it is.
func (n *Node) clock() time.Time { return n.net.start.Add(n.net.now + n.skew) }

// Start opens the node's store and starts it under a new id. It does nothing if
// the node is up.
func (n *Node) Start() {
	if n.up {
		return
	}
	c, err := chain.Open(chain.Config{Params: n.net.config.Params, Store: n.store, Now: n.clock, PoolTxs: n.net.config.Pool})
	if err != nil {
		panic(err)
	}
	n.up = true
	n.epoch++
	n.chain = c
	n.changes = nil
	n.waiting = map[gossip.ID]func(gossip.Answer, error){}
	c.Subscribe(func(ev chain.Event) { n.changes = append(n.changes, ev) })
	random := rand.New(rand.NewPCG(mix(n.net.seed)^uint64(n.index), uint64(n.epoch)))
	n.id = gossip.NewNodeID(random)
	n.machine = n.net.config.Machine(gossip.Config{
		Chain:   c,
		Random:  random,
		Node:    n.id,
		Address: n.addr,
		Peers:   n.known,
		Book:    n.book,
		Limits:  n.net.config.Limits,
	})
	n.net.log.of(n.net.now, n.index, "start")
	// Not all at once: nobody starts a network in the same microsecond.
	n.wakeAt = n.net.now + time.Duration(random.Int64N(int64(time.Second)))
	n.wakeLater()
	n.retryHeld()
	n.mine()
}

// retryHeld takes the blocks from the future whose time has come, every now and
// then.
func (n *Node) retryHeld() {
	n.later(retryEvery, func() {
		n.chain.RetryHeld()
		n.tellChanges()
		n.retryHeld()
	})
}

// Stop kills the node. What it has on disk stays: the chain, the pending
// transactions and the address book.
func (n *Node) Stop() {
	if !n.up {
		return
	}
	n.net.log.of(n.net.now, n.index, "stop")
	n.up = false
	n.book, _ = n.machine.Book()
	n.chain, n.machine, n.waiting, n.changes = nil, nil, nil, nil
}

// Connect asks the node to connect with an address and keep to it.
func (n *Node) Connect(to gossip.Address) {
	n.lastID++
	n.step(gossip.Connect{ID: n.lastID, Address: to, Keep: true})
}

// later has f called when so much time is over, if the node is up without a break
// until then.
func (n *Node) later(d time.Duration, f func()) {
	epoch := n.epoch
	n.net.after(d, func() {
		if n.up && n.epoch == epoch {
			f()
		}
	})
}

// step tells the machine of an event and does what it wants.
func (n *Node) step(ev gossip.Event) {
	n.net.log.event(n, ev)
	for _, effect := range n.machine.Step(n.clock(), ev) {
		n.net.log.effect(n, effect)
		n.do(effect)
	}
	next := n.machine.Next()
	if next.IsZero() {
		return
	}
	at := max(next.Sub(n.net.start)-n.skew, n.net.now)
	if _, woken := ev.(gossip.Wake); woken && at == n.net.now {
		if n.wakes++; n.wakes > maxWakes {
			n.net.fault("%s wants to be woken again and again", n)
			at += time.Second
		}
	} else {
		n.wakes = 0
	}
	if at != n.wakeAt {
		n.wakeAt = at
		n.wakeLater()
	}
}

// wakeLater has the machine woken at wakeAt, unless that changes.
func (n *Node) wakeLater() {
	at := n.wakeAt
	n.later(at-n.net.now, func() {
		if n.wakeAt == at {
			n.wakeAt = -1
			n.step(gossip.Wake{})
		}
	})
}
