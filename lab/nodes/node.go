package nodes

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
)

// Node is a node that follows the protocol.
type Node struct {
	host
	store chain.Store
	known []gossip.Address
	skew  time.Duration // of its clock

	// The following fields are set while the node is up.
	chain   *chain.Chain
	id      gossip.NodeID
	machine Machine
	changes []chain.Event // events of the chain that the machine has not received yet
	waiting map[gossip.ID]func(gossip.Answer, error)
	told    map[gossip.ID]func(error) // called with the outcomes of Connect events
	lastID  gossip.ID
	wakeAt  time.Duration
	wakes   int // number of wakes in a row at the present moment

	// began is the skew with which the node was started. The times of its machine's steps
	// have it until the node stops, as the monotonic clock of a real node goes on when the
	// clock of the machine is set.
	began time.Duration

	book []gossip.Entry // the address book of a node that is down

	served int                       // blocks sent to others
	banned map[gossip.Address]string // reasons by banned address

	rate    float64 // hashes a second
	draws   int
	selfish *selfish // nil: the node publishes its blocks at once
}

// The virtual time that a chain takes for a write.
const (
	writeTime = 200 * time.Microsecond
	blockTime = 50 * time.Microsecond // more for each block
)

// writeFor returns the virtual time that a chain takes to write some blocks.
func (n *Net) writeFor(blocks int) time.Duration {
	switch write := n.config.Write; {
	case write < 0:
		return 0
	case write > 0:
		return time.Duration(blocks) * write
	}
	return writeTime + time.Duration(blocks)*blockTime
}

// retryEvery is the interval at which a node calls [chain.Chain.RetryHeld].
const retryEvery = 10 * time.Second

// maxWakes is how many times in a row a machine may ask to be woken at the same
// moment before that counts as a fault.
const maxWakes = 100

func ipOf(index int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(index >> 16), byte(index >> 8), byte(index)})
}

// Chain returns the node's chain. It must be up.
func (n *Node) Chain() *chain.Chain { return n.chain }

// ID returns the id that the node drew when it was last started.
func (n *Node) ID() gossip.NodeID { return n.id }

// Address returns where the node listens.
func (n *Node) Address() gossip.Address { return n.addr }

// Served returns the number of blocks that the node has sent to peers on request.
func (n *Node) Served() int { return n.served }

// Banned returns the reason for which the node has banned the peer at the address, or
// "" if it has not.
func (n *Node) Banned(a gossip.Address) string { return n.banned[a] }

// Peers returns the node's peers. It must be up.
func (n *Node) Peers() []gossip.PeerInfo { return n.machine.Peers() }

// Sync returns the progress of the node's sync. The node must be up.
func (n *Node) Sync() gossip.SyncInfo { return n.machine.Sync() }

// SetSkew sets the error of the node's clock: positive if it is fast. The clock of a
// node that is up is set while it runs: the times of its blocks change at once, and its
// timers go on as before.
func (n *Node) SetSkew(d time.Duration) { n.skew = d }

// SetPeers replaces the addresses with which the node always tries to be connected. The
// node must be down.
func (n *Node) SetPeers(known ...gossip.Address) { n.known = known }

// Machine returns the node's state machine. The node must be up.
func (n *Node) Machine() Machine { return n.machine }

// Number returns the node's number, from 0 in the order in which nodes and scripts were added.
func (n *Node) Number() int { return n.index }

// Up reports whether the node is running.
func (n *Node) Up() bool { return n.up }

// String returns the letter n and the node's number.
func (n *Node) String() string { return fmt.Sprint("n", n.index) }

// clock returns the time that the node believes it is.
func (n *Node) clock() time.Time { return n.net.start.Add(n.net.now + n.skew) }

// steady returns the time of a step: it advances evenly while the node is up.
func (n *Node) steady() time.Time { return n.net.start.Add(n.net.now + n.began) }

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
	n.began = n.skew
	n.epoch++
	n.chain = c
	n.changes = nil
	n.waiting = map[gossip.ID]func(gossip.Answer, error){}
	n.told = map[gossip.ID]func(error){}
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
		Clock:   func(now time.Time) time.Time { return now.Add(n.skew - n.began) },
	})
	n.net.log.of(n.net.now, n.index, "start")
	// The first wake comes at a random moment, because real nodes do not all start in
	// the same microsecond.
	n.wakeAt = n.net.now + time.Duration(random.Int64N(int64(time.Second)))
	n.wakeLater()
	n.retryHeld()
	n.mine()
}

// retryHeld makes the chain take, at regular intervals, the held blocks whose time has
// come, and leave those that are ahead of a clock that is right.
func (n *Node) retryHeld() {
	n.later(retryEvery, func() {
		n.chain.RetryHeld()
		if n.machine.Clock().Agrees() {
			n.chain.HoldBack()
		}
		n.tellChanges()
		n.retryHeld()
	})
}

// Stop kills the node. The chain, the pending transactions and the address book are on
// its simulated disk, and are there when the node is started again.
func (n *Node) Stop() {
	if !n.up {
		return
	}
	n.net.log.of(n.net.now, n.index, "stop")
	n.up = false
	n.book, _ = n.machine.Book()
	n.chain, n.machine, n.waiting, n.told, n.changes = nil, nil, nil, nil, nil
}

// Connect asks the node to connect with the node at an address, and to keep the
// connection up.
func (n *Node) Connect(to gossip.Address) { n.ConnectThen(to, nil) }

// ConnectThen is Connect, and calls f with the outcome, unless the node is stopped before
// that or f is nil.
func (n *Node) ConnectThen(to gossip.Address, f func(error)) {
	n.lastID++
	if f != nil {
		n.told[n.lastID] = f
	}
	n.step(gossip.Connect{ID: n.lastID, Address: to, Keep: true})
}

// later calls f after the given time, unless the node is stopped before that.
func (n *Node) later(d time.Duration, f func()) {
	epoch := n.epoch
	n.net.after(d, func() {
		if n.up && n.epoch == epoch {
			f()
		}
	})
}

// step passes an event to the machine and carries out the effects that it returns.
func (n *Node) step(ev gossip.Event) {
	n.net.log.event(n, ev)
	for _, effect := range n.machine.Step(n.steady(), ev) {
		n.net.log.effect(n, effect)
		n.do(effect)
	}
	next := n.machine.Next()
	if next.IsZero() {
		return
	}
	at := max(next.Sub(n.net.start)-n.began, n.net.now)
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

// wakeLater wakes the machine at wakeAt, unless wakeAt changes before that.
func (n *Node) wakeLater() {
	at := n.wakeAt
	n.later(at-n.net.now, func() {
		if n.wakeAt == at {
			n.wakeAt = -1
			n.step(gossip.Wake{})
		}
	})
}
