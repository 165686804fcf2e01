package nodes

import (
	"slices"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// poller is a machine that is simple enough to test the simulation itself. Once a
// second it asks a random known node for headers, and then for their blocks.
type poller struct {
	gossip.Config
	next   time.Time
	lastID gossip.ID
	asked  map[gossip.ID]gossip.Address
}

func newPoller(c gossip.Config) Machine {
	return &poller{Config: c, asked: map[gossip.ID]gossip.Address{}}
}

func (p *poller) send(to gossip.Address, r gossip.Request) []gossip.Effect {
	p.lastID++
	p.asked[p.lastID] = to
	return []gossip.Effect{gossip.Send{ID: p.lastID, To: to, Request: r, Timeout: 5 * time.Second}}
}

func (p *poller) Step(now time.Time, ev gossip.Event) []gossip.Effect {
	switch ev := ev.(type) {
	case gossip.Wake:
		p.next = now.Add(time.Second)
		if len(p.Config.Peers) == 0 {
			return nil
		}
		to := p.Config.Peers[p.Random.IntN(len(p.Config.Peers))]
		return append(p.send(to, gossip.Hello{Greeting: gossip.Greeting{Address: p.Address}}),
			p.send(to, gossip.GetHeaders{Locator: p.Chain.Locator()})...)
	case gossip.Incoming:
		from := ev.Request.(gossip.Hello).Address
		if !slices.Contains(p.Config.Peers, from) {
			p.Config.Peers = append(p.Config.Peers, from)
		}
		return []gossip.Effect{gossip.Reply{ID: ev.ID, Answer: gossip.Welcome{}}}
	case gossip.Answered:
		to := p.asked[ev.ID]
		delete(p.asked, ev.ID)
		switch a := ev.Answer.(type) {
		case gossip.Headers:
			var hashes []pow.Hash
			for _, h := range a.Headers {
				hashes = append(hashes, h.Hash())
			}
			if len(hashes) > 0 {
				return p.send(to, gossip.GetBlocks{Hashes: hashes[:min(len(hashes), gossip.MaxBlocks)]})
			}
		case gossip.Blocks:
			p.lastID++
			return []gossip.Effect{gossip.Accept{ID: p.lastID, Blocks: a.Blocks}}
		}
	}
	return nil
}

func (p *poller) Next() time.Time              { return p.next }
func (p *poller) Peers() []gossip.PeerInfo     { return nil }
func (p *poller) Addresses() gossip.Addresses  { return gossip.Addresses{} }
func (p *poller) Book() ([]gossip.Entry, bool) { return nil, false }
func (p *poller) Sync() gossip.SyncInfo        { return gossip.SyncInfo{} }
func (p *poller) Clock() gossip.ClockInfo      { return gossip.ClockInfo{} }

func pollers(c Config) Config {
	c.Machine = newPoller
	return c
}
