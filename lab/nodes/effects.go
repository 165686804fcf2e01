package nodes

import (
	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node/gossip"
)

// do carries out an effect of the machine.
func (n *Node) do(effect gossip.Effect) {
	switch e := effect.(type) {
	case gossip.Send:
		n.net.send(&n.host, e.To, e.Session, e.Request, e.Timeout, func(a gossip.Answer, err error) {
			answered := gossip.Answered{ID: e.ID, Answer: a, Err: err}
			if to := n.net.hosts[e.To]; to != nil {
				answered.From = to.ip
			}
			n.step(answered)
		})
	case gossip.Reply:
		reply := n.waiting[e.ID]
		if reply == nil {
			n.net.fault("%s replies to %d, which waits for no reply", n, e.ID)
			return
		}
		delete(n.waiting, e.ID)
		if e.Refusal != nil {
			reply(nil, *e.Refusal)
			return
		}
		reply(e.Answer, nil)
	case gossip.Accept:
		n.later(n.net.writeFor(len(e.Blocks)), func() {
			before := n.chain.Tip().Hash
			taken, err := n.chain.AcceptAll(e.Blocks)
			n.tellChanges()
			if n.selfish != nil && n.chain.Tip().Hash != before {
				n.selfish.react()
			}
			n.step(gossip.Accepted{ID: e.ID, Taken: taken, Err: err})
		})
	case gossip.AddTxs:
		n.later(writeTime, func() {
			errs := make([]error, len(e.Txs))
			for i, tx := range e.Txs {
				_, errs[i] = n.chain.AddTx(tx)
			}
			n.tellChanges()
			n.step(gossip.Added{ID: e.ID, Errs: errs})
		})
	case gossip.Connected:
		if told := n.told[e.ID]; told != nil {
			delete(n.told, e.ID)
			told(e.Err)
		}
	case gossip.Note:
		n.note(e)
	}
}

// note records bans, and reports as faults what no machine may do to an honest node.
func (n *Node) note(e gossip.Note) {
	if e.Kind == gossip.NoteDropped && e.Reason == "unbacked" && n.net.isNode(e.Peer) {
		n.net.fault("%s finds that the honest node %s claims work that it does not have", n, e.Peer)
	}
	if e.Kind != gossip.NoteBanned {
		return
	}
	if n.banned == nil {
		n.banned = map[gossip.Address]string{}
	}
	n.banned[e.Peer] = e.Reason
	if n.net.isNode(e.Peer) {
		n.net.fault("%s bans the honest node %s: %s, %s", n, e.Peer, e.Reason, e.Detail)
	}
}

func (n *Net) isNode(addr gossip.Address) bool {
	for _, node := range n.Nodes {
		if node.addr == addr {
			return true
		}
	}
	return false
}

// receive answers a request of a peer.
func (n *Node) receive(x *exchange, from *host, reply func(gossip.Answer, error)) {
	switch x.request.(type) {
	case gossip.Hello, gossip.Announce:
		if err := gossip.CheckRequest(x.request); err != nil {
			reply(nil, err)
			return
		}
		n.lastID++
		n.waiting[n.lastID] = reply
		n.step(gossip.Incoming{ID: n.lastID, From: from.ip, Session: x.session, Request: x.request})
	case gossip.GetAddresses:
		reply(n.machine.Addresses(), nil)
	default:
		a, err := gossip.Serve(n.chain, x.request)
		if blocks, ok := a.(gossip.Blocks); ok {
			n.served += len(blocks.Blocks)
		}
		reply(a, err)
	}
}

// Put gives the node a block as if the node had found it. The chain must accept the
// block, and the machine gets the event at once.
func (n *Node) Put(b block.Block) {
	outcome, err := n.chain.Accept(b)
	if err != nil {
		n.net.fault("%s refuses its own block: %v", n, err)
	}
	n.net.log.of(n.net.now, n.index, "block %d %.8s %s", b.Height(), b.Hash(), outcome)
	n.net.config.Watch.published(n, b)
	n.tellChanges()
}

// tellChanges passes the events of the chain to the machine. If the tip has changed,
// the miner starts again on the new one.
func (n *Node) tellChanges() {
	moved := false
	for len(n.changes) > 0 {
		ev := n.changes[0]
		n.changes = n.changes[1:]
		if ev.Kind == chain.EventTip || ev.Kind == chain.EventReorg {
			moved = true
			n.net.config.Watch.moved(n, ev)
		}
		n.step(gossip.Changed{Event: &ev})
	}
	n.changes = nil
	if moved {
		n.mine()
	}
}
