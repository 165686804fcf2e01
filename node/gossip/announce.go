package gossip

import (
	"time"

	"github.com/lodepow/lode/pow"
)

const (
	maxBlockNews = 16        // blocks waiting to be announced to a peer; the oldest make room
	maxTxNews    = 8192      // transactions waiting to be announced; further ones are left to the comparison of mempools
	maxAge       = time.Hour // the greatest age of an announced block that is believed
	maxFound     = 256       // blocks whose age is remembered
)

// announcer tells peers which blocks and transactions this node has.
type announcer struct {
	*host
	foundAt map[pow.Hash]time.Time // when blocks were found, as far as this node knows
	found   []pow.Hash             // the keys of foundAt, the oldest first
}

// newsState is what the announcer keeps of a peer.
type newsState struct {
	blocks  []Announced // to be announced
	txs     []pow.Hash  // to be announced
	request *request    // the Announce under way; nil: none
	retry   timer       // set while nothing may be announced because the last attempt failed; fires announce
}

func (n *newsState) empty() bool { return len(n.blocks)+len(n.txs) == 0 }

// setFound remembers when a block was found, unless that is known already.
func (n *announcer) setFound(hash pow.Hash, at time.Time) {
	if _, ok := n.foundAt[hash]; ok {
		return
	}
	if len(n.found) >= maxFound {
		delete(n.foundAt, n.found[0])
		n.found = n.found[1:]
	}
	n.foundAt[hash] = at
	n.found = append(n.found, hash)
}

// announceTip announces the tip to every peer that is not known to have it.
func (n *announcer) announceTip() {
	tip := n.tip().Hash
	at, ok := n.foundAt[tip]
	if !ok {
		at = n.now
	}
	place := n.known.find(tip)
	for _, p := range n.peers.all {
		if p.phase.proven() && n.known.mark(place, p) {
			if len(p.news.blocks) >= maxBlockNews {
				p.news.blocks = p.news.blocks[1:]
			}
			p.news.blocks = append(p.news.blocks, Announced{Hash: tip, Age: n.now.Sub(at)})
			n.announce(p)
		}
	}
}

// announceTx announces a transaction to every peer that is not known to have it.
func (n *announcer) announceTx(id pow.Hash) {
	place := n.known.find(id)
	for _, p := range n.peers.all {
		if p.phase.proven() && len(p.news.txs) < maxTxNews && n.known.mark(place, p) {
			p.news.txs = append(p.news.txs, id)
			n.announce(p)
		}
	}
}

// announce sends a peer what has gathered for it. While an announcement is under
// way, or may not be tried again yet, it does nothing.
func (n *announcer) announce(p *peer) {
	s := &p.news
	if s.empty() || s.request != nil || s.retry.isSet() || !p.phase.canAnnounce() {
		return
	}
	a := Announce{Blocks: s.blocks}
	count := min(len(s.txs), MaxAnnounced-len(a.Blocks))
	a.Txs = s.txs[:count:count]
	s.blocks, s.txs = nil, s.txs[count:]
	s.request = n.ask(p, a, n.config.AnnounceTimeout, func(answer Answer, err error) {
		s.request = nil
		_, err = as[Done](answer, err)
		if p.phase == closed {
			return
		}
		if err != nil {
			s.putBack(a)
			n.timers.set(&s.retry, n.now.Add(n.config.AnnounceRetry))
			n.fail(p, err)
			return
		}
		p.fails = 0
		n.noteNews(NoteAnnounced, p, a)
		n.announce(p)
	})
}

// putBack puts the contents of an announcement that failed in front of the news that
// have gathered since, up to the limits.
func (n *newsState) putBack(a Announce) {
	n.blocks = append(a.Blocks, n.blocks...)
	n.blocks = n.blocks[max(0, len(n.blocks)-maxBlockNews):]
	n.txs = append(a.Txs, n.txs...)
	n.txs = n.txs[:min(len(n.txs), maxTxNews)]
}

// noteNews notes how much was announced to a peer or by a peer.
func (h *host) noteNews(kind NoteKind, p *peer, a Announce) {
	if len(a.Blocks) > 0 {
		h.note(p, Note{Kind: kind, Reason: "block", Count: len(a.Blocks)})
	}
	if len(a.Txs) > 0 {
		h.note(p, Note{Kind: kind, Reason: "tx", Count: len(a.Txs)})
	}
}
