package gossip

import (
	"time"
)

const (
	poolEvery = time.Minute // with one peer or another
	maxPages  = 64          // of one mempool at a time
)

// poolExchange is how far a peer's mempool has been looked through. It is done
// when the peer becomes connected, and now and then with some peer: whatever was
// lost on the way comes up again.
type poolExchange struct {
	active bool
	from   int
	pages  int
}

func (g *Gossip) startPool(p *peer) {
	if !p.pool.active {
		p.pool = poolExchange{active: true}
		g.askPool(p)
	}
}

func (g *Gossip) askPool(p *peer) {
	g.ask(p, GetPool{From: p.pool.from, Limit: MaxPoolPage}, listTimeout, func(a Answer, err error) {
		page, err := as[Pool](a, err)
		if err == nil && len(page.IDs) > MaxPoolPage {
			err = fault(FaultOversize, "%d ids, at most %d", len(page.IDs), MaxPoolPage)
		}
		if err != nil {
			p.pool.active = false
			g.failed(p, err)
			return
		}
		for _, id := range page.IDs {
			g.heardTx(p, id)
		}
		p.pool.from += len(page.IDs)
		p.pool.pages++
		if len(page.IDs) == 0 || p.pool.from >= page.Total || p.pool.pages >= maxPages {
			p.pool.active = false
			return
		}
		g.askPool(p)
	})
}

// comparePools looks through some peer's mempool when it is time.
func (g *Gossip) comparePools() {
	if g.now.Before(g.nextPool) {
		return
	}
	g.nextPool = g.now.Add(poolEvery)
	var up []*peer
	for _, p := range g.peers {
		if p.up {
			up = append(up, p)
		}
	}
	if len(up) > 0 {
		g.startPool(up[g.random.IntN(len(up))])
	}
}
