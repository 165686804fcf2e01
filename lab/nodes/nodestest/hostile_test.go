package nodestest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// mustFollow fails the test if the node's branch lacks more than most blocks of the
// other node's branch.
func mustFollow(t *testing.T, net *Net, node, other *nodes.Node, most int64) {
	t.Helper()
	if ahead := other.Chain().Tip().Height - nodes.CommonHeight(node.Chain(), other.Chain()); ahead > most {
		t.Fatalf("at %s: %s is at %s, %d blocks behind the branch of %s at %s\n%s", net.Now(), node, node.TipText(), ahead, other, other.TipText(), net)
	}
}

// One node is surrounded: all its inbound peers and all but one of its outbound peers
// are attackers. They claim more work than any chain can have and send nothing, or
// keep silent, or hide new blocks. The node follows the most work all the same.
func TestEclipse(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 6})
		net.MineAll(10 * time.Second)
		net.RunFor(2 * time.Minute)

		attackers := make([]*nodes.Script, 90)
		addresses := gossip.Addresses{}
		for i := range attackers {
			attackers[i] = net.AddScript()
			addresses.Addresses = append(addresses.Addresses, attackers[i].Address())
		}
		for i, a := range attackers {
			if i%3 > 0 {
				a.Boast()
			}
			a.Answer = func(r gossip.Request) (gossip.Answer, error) {
				switch r.(type) {
				case gossip.GetAddresses:
					return addresses, nil
				case gossip.GetHeaders, gossip.GetBlocks:
					if i%3 == 2 {
						return nil, nodes.ErrSilent
					}
				}
				return a.Polite(r)
			}
		}
		honest := net.Nodes[0]
		victim := net.AddKnowing(honest.Address())
		for _, node := range net.Nodes[1:6] {
			net.SetLinkBetween(victim, node, nodes.Link{Loss: 1})
		}
		for _, a := range attackers {
			a.Greet(victim, 20*time.Second)
		}
		net.RunFor(time.Minute)
		mustFollow(t, net, victim, honest, 3)
		bad := 0
		for _, p := range victim.Peers() {
			if p.Address != honest.Address() {
				bad++
			}
		}
		if bad < 20 {
			t.Errorf("only %d attackers are peers of the victim", bad)
		}

		// The victim is synced. From now on it hears of each block by an announcement.
		for range 60 {
			net.RunFor(10 * time.Second)
			mustFollow(t, net, victim, honest, 3)
		}
		net.MustStaySmall(t, 1<<20)
		net.MustBehave(t)
	})
}

// A node joins a network with a long history. It knows the addresses of honest nodes
// and of attackers, which stall, invent headers, send the wrong blocks, or send blocks
// with changed bodies. It downloads from several peers at once, and is synced soon.
func TestLateJoiner(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 5})
		net.Grow(4500)
		net.MineAll(30 * time.Second)
		net.RunFor(30 * time.Second)

		c := net.Nodes[0].Chain()
		liar := func(lie func(gossip.Request) (gossip.Answer, error)) *nodes.Script {
			s := net.AddScript()
			s.Claim(c.Tip())
			s.Answer = func(r gossip.Request) (gossip.Answer, error) {
				if a, err := lie(r); a != nil || err != nil {
					return a, err
				}
				return s.Serve(c, r)
			}
			return s
		}
		staller := liar(func(r gossip.Request) (gossip.Answer, error) {
			if _, ok := r.(gossip.GetBlocks); ok {
				return nil, nodes.ErrSilent
			}
			return nil, nil
		})
		noWork := liar(func(r gossip.Request) (gossip.Answer, error) {
			if ask, ok := r.(gossip.GetHeaders); ok {
				a, _ := gossip.Serve(c, ask)
				headers := append([]pow.Header(nil), a.(gossip.Headers).Headers...)
				if len(headers) > 0 {
					spoil(&headers[len(headers)-1])
				}
				return gossip.Headers{Headers: headers}, nil
			}
			return nil, nil
		})
		otherBlocks := liar(func(r gossip.Request) (gossip.Answer, error) {
			if ask, ok := r.(gossip.GetBlocks); ok {
				ask.Hashes = append([]pow.Hash(nil), ask.Hashes...)
				ask.Hashes[0] = ask.Hashes[len(ask.Hashes)-1]
				a, _ := gossip.Serve(c, ask)
				return a, nil
			}
			return nil, nil
		})
		otherBodies := liar(func(r gossip.Request) (gossip.Answer, error) {
			if ask, ok := r.(gossip.GetBlocks); ok {
				a, _ := gossip.Serve(c, ask)
				blocks := append([]block.Block(nil), a.(gossip.Blocks).Blocks...)
				for i := range blocks {
					blocks[i].Coinbase.Tag = "somebody else"
				}
				return gossip.Blocks{Blocks: blocks}, nil
			}
			return nil, nil
		})

		var known []gossip.Address
		for _, node := range net.Nodes {
			known = append(known, node.Address())
		}
		for _, s := range net.Scripts {
			known = append(known, s.Address())
		}
		joiner := net.AddKnowing(known...)
		honest := net.Nodes[0]
		if !net.RunUntil(2*time.Minute, func() bool { return joiner.Chain().Tip() == honest.Chain().Tip() }) {
			mustFollow(t, net, joiner, honest, 3)
		}
		t.Logf("seed %d: %d blocks at %s", seed, joiner.Chain().Tip().Height, net.Now())
		helped := 0
		for _, node := range net.Nodes[:5] {
			if node.Served() > 100 {
				helped++
			}
		}
		if helped < 3 {
			t.Errorf("only %d of the five honest nodes sent blocks", helped)
		}
		if staller.Requests["getblocks"] > 0 && joiner.Banned(staller.Address()) != "" {
			t.Error("a peer that is only slow is banned")
		}
		for _, s := range []*nodes.Script{noWork, otherBlocks, otherBodies} {
			if got := joiner.Banned(s.Address()); (s.Requests["getblocks"] > 0 && s != noWork || s.Requests["getheaders"] > 0 && s == noWork) && got == "" {
				t.Errorf("%s lied and is not banned", s)
			}
		}
		net.MustDrain(t, time.Minute)
	})
}

// spoil changes a header so that its hash misses the target.
func spoil(h *pow.Header) {
	target, _, _ := h.Bits.Decode()
	for h.Hash().Meets(target) {
		h.Nonce++
	}
}

// Attackers offer headers with more work than the network's, but never send their
// blocks. A joining node tries them, and then follows the blocks that it can get.
func TestHeadersWithoutBlocks(t *testing.T) {
	stories(t, 2, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 4})
		hidden := net.Nodes[3]
		net.Split(net.Nodes[:3], net.Nodes[3:])
		net.Mine(10*time.Second, 1, 1, 1, 3)
		net.RunUntil(time.Hour, func() bool {
			return net.Nodes[0].Chain().Len() > 20 && hidden.Chain().Len() > net.Nodes[0].Chain().Len()+5
		})
		branch := hidden.Chain()
		hidden.Stop()
		net.Heal()
		net.StopMining()
		for i := range 4 {
			attacker := net.AddScript()
			attacker.Claim(branch.Tip())
			attacker.Answer = func(r gossip.Request) (gossip.Answer, error) {
				switch r.(type) {
				case gossip.GetHeaders:
					return attacker.Serve(branch, r)
				case gossip.GetBlocks:
					if i%2 == 0 {
						return nil, nodes.ErrSilent
					}
				}
				return attacker.Polite(r)
			}
		}
		joiner := net.AddKnowing(net.Scripts[0].Address(), net.Scripts[1].Address(), net.Nodes[0].Address())
		for _, s := range net.Scripts {
			s.Greet(joiner, 15*time.Second)
		}
		net.MineAll(10 * time.Second)
		net.RunFor(3 * time.Minute)
		mustFollow(t, net, joiner, net.Nodes[0], 3)
		net.MustBehave(t)
	})
}

// An attacker offers a branch of eight thousand headers whose work is less than that
// of the network's hundred blocks, and claims that it is more. The victim must not
// keep these headers in memory.
func TestLowWorkHeaders(t *testing.T) {
	stories(t, 1, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 4, Params: rulestest.MustNew(rules.Config{Name: "low", Difficulty: rules.Difficulty{
			Rule: rules.RuleAsert, Bits: 0x2000ffff, Limit: 0x207fffff, Spacing: 1, HalfLife: 600}})})
		net.Grow(100)
		honest, victim := net.Nodes[0], net.Nodes[3]
		net.RunFor(time.Minute)
		before := net.Largest()

		headers := cheapBranch(net.Params(), 8000)
		at := map[pow.Hash]int{}
		for i, h := range headers {
			at[h.Prev] = i
		}
		attacker := net.AddScript()
		attacker.Boast()
		attacker.Answer = func(r gossip.Request) (gossip.Answer, error) {
			ask, ok := r.(gossip.GetHeaders)
			if !ok {
				return attacker.Polite(r)
			}
			from := 0
			for _, hash := range ask.Locator {
				if i, ok := at[hash]; ok {
					from = i
					break
				}
			}
			return gossip.Headers{Headers: headers[from:min(len(headers), from+gossip.MaxHeaders)]}, nil
		}
		attacker.Greet(victim, 10*time.Second)
		net.MineAll(5 * time.Second)
		for range 12 {
			net.RunFor(10 * time.Second)
			mustFollow(t, net, victim, honest, 3)
		}
		if attacker.Requests["getheaders"] < 5 {
			t.Errorf("the victim has asked for headers %d times", attacker.Requests["getheaders"])
		}
		if grown := net.Largest() - before; grown > 64<<10 {
			t.Errorf("the victim has grown by %d bytes", grown)
		}
		net.MustBehave(t)
	})
}

// cheapBranch makes headers whose second one comes so late that the difficulty falls
// to its limit, where it stays.
func cheapBranch(p rules.Params, count int) []pow.Header {
	s := p.GenesisState()
	headers := make([]pow.Header, count)
	for i := range headers {
		time := s.Time + 1
		if i == 1 {
			time += 20 * 600
		}
		h := nodes.Grind(pow.Header{Version: 0x20000000, Prev: s.Hash, Time: time, Bits: s.NextBits(p)})
		headers[i] = h
		s = s.Apply(h)
	}
	return headers
}

// A node of another network is refused with a message that names both networks, and
// does not become a peer.
func TestOtherNetwork(t *testing.T) {
	net := begin(t, 1, nodes.Config{Nodes: 2})
	node := net.Nodes[0]
	s := net.AddScript()
	s.Greeting.Network = "elsewhere"
	s.Greeting.NetworkID = rulestest.MustNew(rules.Config{Name: "elsewhere"}).ID()
	var told error
	s.Send(node, gossip.Hello{Greeting: s.Greeting, Session: gossip.Session{1}}, func(_ gossip.Answer, err error) { told = err })
	node.Connect(s.Address())
	net.RunFor(time.Minute)
	var r gossip.Refusal
	if !errors.As(told, &r) || r.Reason != gossip.WrongNetwork || !strings.Contains(r.Message, "sim") || !strings.Contains(r.Message, "elsewhere") {
		t.Errorf("refused with %v", told)
	}
	for _, p := range node.Peers() {
		if p.Address == s.Address() {
			t.Error("it is a peer")
		}
	}
	net.MustBehave(t)
}

// Two attackers announce each block before anybody else does, and then either do not
// send it or send it with a changed body. The victim must get the block from an honest
// node within seconds, without waiting for a whole timeout.
func TestFirstAnnouncers(t *testing.T) {
	t.Run("silent", func(t *testing.T) { firstAnnouncers(t, false) })
	t.Run("other bodies", func(t *testing.T) { firstAnnouncers(t, true) })
}

func firstAnnouncers(t *testing.T, bodies bool) {
	stories(t, 2, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 3})
		var latest block.Block
		net.RunFor(30 * time.Second)
		victim, honest := net.Nodes[2], net.Nodes[0]
		var stallers []*nodes.Script
		for range 2 {
			s := net.AddScript()
			s.Answer = func(r gossip.Request) (gossip.Answer, error) {
				if _, ok := r.(gossip.GetBlocks); !ok {
					return s.Polite(r)
				}
				if !bodies {
					return nil, nodes.ErrSilent
				}
				b := latest
				b.Coinbase.Tag = "not mine"
				return gossip.Blocks{Blocks: []block.Block{b}}, nil
			}
			s.Greet(victim, 10*time.Second)
			stallers = append(stallers, s)
		}
		net.RunFor(10 * time.Second)
		for round := range 5 {
			b := net.MakeBlock(honest, "found")
			latest = b
			for _, s := range stallers {
				s.Send(victim, gossip.Announce{Blocks: []gossip.Announced{{Hash: b.Hash()}}}, nil)
			}
			net.RunFor(100 * time.Millisecond)
			honest.Put(b)
			net.RunFor(5 * time.Second)
			if victim.Chain().Tip() != honest.Chain().Tip() {
				t.Errorf("block %d has not come in five seconds", round)
			}
		}
		if stallers[0].Requests["getblocks"]+stallers[1].Requests["getblocks"] == 0 {
			t.Error("the stallers were not asked")
		}
		net.MustBehave(t)
	})
}

// missing returns the number of posts made at or before the given time that are
// neither pending nor mined at the node.
func (n *Net) missing(node *nodes.Node, until time.Duration) int {
	count := 0
	for _, p := range n.Posts() {
		if _, err := node.Chain().FindTx(p.ID); err != nil && p.At <= until {
			count++
		}
	}
	return count
}

// Many attackers announce blocks and transactions that do not exist, as fast as the
// limits allow, and do not answer requests for them. The node follows the chain, and
// its memory stays bounded.
func TestAnnouncementFlood(t *testing.T) {
	stories(t, 1, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 4})
		net.MineAll(10 * time.Second)
		net.PostEvery(time.Second)
		net.RunFor(30 * time.Second)
		victim, honest := net.Nodes[3], net.Nodes[0]
		count, late := uint64(0), 0
		fake := func() pow.Hash {
			count++
			return pow.DoubleSHA256(binary.LittleEndian.AppendUint64(nil, count))
		}
		for range 20 {
			s := net.AddScript()
			s.Answer = func(r gossip.Request) (gossip.Answer, error) {
				switch r.(type) {
				case gossip.GetBlocks, gossip.GetTxs:
					return nil, nodes.ErrSilent
				case gossip.GetAddresses:
					var a gossip.Addresses
					for range gossip.MaxAddresses {
						a.Addresses = append(a.Addresses, gossip.Address(fmt.Sprintf("http://%s.example:80", fake())))
					}
					return a, nil
				}
				return s.Polite(r)
			}
			s.Greet(victim, 15*time.Second)
			var flood func()
			flood = func() {
				var a gossip.Announce
				for range 24 {
					a.Blocks = append(a.Blocks, gossip.Announced{Hash: fake()})
				}
				for range 1000 {
					a.Txs = append(a.Txs, fake())
				}
				s.Send(victim, a, nil)
				net.After(time.Second, flood)
			}
			flood()
		}
		for range 12 {
			net.RunFor(10 * time.Second)
			mustFollow(t, net, victim, honest, 1)
			late += net.missing(victim, net.Now()-30*time.Second)
		}
		if late > 0 {
			t.Errorf("%d posts came late", late)
		}
		t.Logf("%d fakes, the victim has grown to %d KiB", count, net.Largest()>>10)
		net.MustStaySmall(t, 64<<20)
		net.MustBehave(t)
	})
}
