package gossip

// maxPages bounds the pages of a peer's mempool that are read in one comparison.
const maxPages = 64

// poolState says how far a peer's mempool has been read. A node reads the mempool of
// a peer when they become connected, and now and then that of a random peer, to find
// transactions whose announcement was lost.
type poolState struct {
	request *request // for the next page; nil: no comparison is under way
	from    int      // the position of the next page
	pages   int      // read so far
}

// comparePool begins to read a peer's mempool, unless that is under way.
func (t *transactions) comparePool(p *peer) {
	if p.pool.request == nil {
		p.pool = poolState{}
		t.askPool(p)
	}
}

// askPool asks for the next page.
func (t *transactions) askPool(p *peer) {
	s := &p.pool
	s.request = t.ask(p, GetPool{From: s.from, Limit: MaxPoolPage}, t.config.ListTimeout, func(a Answer, err error) {
		s.request = nil
		page, err := as[Pool](a, err)
		if err == nil && len(page.IDs) > MaxPoolPage {
			err = fault(FaultOversize, "%d ids, at most %d", len(page.IDs), MaxPoolPage)
		}
		if err != nil {
			t.fail(p, err)
			return
		}
		for _, id := range page.IDs {
			t.onAnnounced(p, id)
		}
		s.from += len(page.IDs)
		s.pages++
		if len(page.IDs) > 0 && s.from < page.Total && s.pages < maxPages {
			t.askPool(p)
		}
	})
}

// compareSome compares mempools with a random peer, and arranges for the next
// comparison.
func (t *transactions) compareSome() {
	t.timers.set(&t.compare, t.now.Add(t.config.PoolEvery))
	var proven []*peer
	for _, p := range t.peers.all {
		if p.phase.proven() {
			proven = append(proven, p)
		}
	}
	if len(proven) > 0 {
		t.comparePool(proven[t.config.Random.IntN(len(proven))])
	}
}
