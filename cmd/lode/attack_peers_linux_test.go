package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// cast runs functions in the background until the story ends.
type cast struct {
	ctx   context.Context
	stop  context.CancelFunc
	group *sync.WaitGroup
}

func newCast(t testing.TB) cast {
	ctx, stop := context.WithCancel(t.Context())
	c := cast{ctx, stop, new(sync.WaitGroup)}
	t.Cleanup(c.end)
	return c
}

func (c cast) run(f func(ctx context.Context)) { c.group.Go(func() { f(c.ctx) }) }

func (c cast) end() {
	c.stop()
	c.group.Wait()
}

// quiet is the behaviour of a peer that does nothing but stay: it answers whatever it
// is asked, claims no more work than the target has, and twice a second it announces
// a block that everybody has, by which it learns whether the target still knows it.
func (a arena) quiet() behaviour {
	return behaviour{
		claims: func() gossip.Tip {
			g := a.params.GenesisState()
			return gossip.Tip{Hash: g.Hash, Work: g.Work}
		},
		blockNews: func() []pow.Hash { return []pow.Hash{a.params.GenesisState().Hash} },
		every:     500 * time.Millisecond,
		life:      time.Hour,
	}
}

// target returns a node as the attackers see it.
func (a arena) target(url string) target {
	return target{url: url, params: a.params, tip: a.params.GenesisState}
}

// peer runs an attacker with a behaviour, at an IP address of the test, until the
// story ends.
func (a arena) peer(c cast, b behaviour, ip, url string) {
	c.run((&hostilePeer{behaviour: b, target: a.target(url), ip: ip}).run)
}

// hello returns a greeting by which somebody claims an address.
func (a arena) hello(address string) gossip.Hello {
	g := a.params.GenesisState()
	rng := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	return gossip.Hello{
		Greeting: gossip.Greeting{
			Version: gossip.Version, Network: a.params.Name(), NetworkID: a.params.ID(), Node: gossip.NewNodeID(rng),
			Address: gossip.Address(address), Tip: gossip.Tip{Hash: g.Hash, Work: g.Work},
		},
		Session: gossip.Session(gossip.NewNodeID(rng)),
	}
}

// sayHello sends a greeting and returns the status, the answer and how long it took.
func sayHello(ctx context.Context, client *http.Client, url string, hello gossip.Hello) (status int, answer string, took time.Duration) {
	body, err := json.Marshal(hello)
	if err != nil {
		panic(err)
	}
	return postFrom(ctx, client, url+"/p2p/hello", string(body))
}

// postFrom posts JSON with a client, with further headers, and returns the status,
// the answer and how long it took. The status is 0 if there was no answer.
func postFrom(ctx context.Context, client *http.Client, url, body string, headers ...string) (status int, answer string, took time.Duration) {
	begin := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error(), time.Since(begin)
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	_ = resp.Body.Close()
	return resp.StatusCode, string(text), time.Since(begin)
}

// nodeID asks a node for its id, as anybody can.
func (a arena) nodeID(ctx context.Context, ip, url string) (gossip.NodeID, bool) {
	client := clientFrom(ip, 2*time.Second, true)
	status, answer, _ := sayHello(ctx, client, url, a.hello("http://"+ip+":9"))
	var w gossip.Welcome
	if status != http.StatusOK || json.Unmarshal([]byte(answer), &w) != nil {
		return gossip.NodeID{}, false
	}
	return w.Node, true
}

// peerList returns the addresses of a node's peers.
func (p *process) peerList(t testing.TB) []string {
	t.Helper()
	var list []struct{ Address string }
	p.getJSON(t, "/peers", &list)
	addresses := make([]string, len(list))
	for i, x := range list {
		addresses[i] = x.Address
	}
	return addresses
}

// hasPeer reports whether a node lists an address among its peers.
func (p *process) hasPeer(t testing.TB, address string) bool {
	t.Helper()
	for _, x := range p.peerList(t) {
		if x == address {
			return true
		}
	}
	return false
}

// registerFrom asks a node to connect with an address, from a given IP address, and
// returns the answer.
func registerFrom(ctx context.Context, ip string, p *process, path, address string, headers ...string) (status int, answer string) {
	status, answer, _ = postFrom(ctx, clientFrom(ip, 20*time.Second, true), p.url+path, fmt.Sprintf(`{"node_address":%q}`, address), headers...)
	return status, strings.TrimSpace(answer)
}

// attackByImpostor: an impostor comes to a node under the id of another one, before
// the node dials that one.
func attackByImpostor(a arena) {
	t := a.t
	impostor := a.ips(1, "10.66.0.%d")[0]
	c := newCast(t)
	honest := a.machine("10.77.0.1/8")
	h := honest.start()
	newBranch(a.params, 3).giveTo(t, h)

	// A client connects the joiner with the honest node.
	joiner := a.machine("10.78.0.1/8")
	j := joiner.start()
	id, ok := a.nodeID(t.Context(), impostor, h.url)
	if !ok {
		t.Fatal("the honest node does not say its id")
	}
	fake := a.quiet()
	fake.node = &id
	a.peer(c, fake, impostor, j.url)
	until(2*time.Second, func() bool { return j.peers(t) > 0 })
	begin := time.Now()
	status, answer := registerFrom(t.Context(), clientIP, j, "/register_with", honest.url())
	said := status == http.StatusOK
	_, joined := until(10*time.Second, func() bool { return j.height(t) == 3 && j.hasPeer(t, honest.url()) })
	took := time.Since(begin)
	a.measured(said == joined && joined, "impostor with the id of the node that a client registers", "success said, not joined in 60 s", "joined in ≤ 10 s, success said only then",
		"joined %v after %v; answer %d %.60s", joined, took.Round(10*time.Millisecond), status, answer)

	// The joiner has --peer, but the honest node starts after the joiner.
	late := a.machine("10.77.0.2/8")
	l := late.start()
	newBranch(a.params, 3).giveTo(t, l)
	l.stop(t, syscall.SIGTERM)
	joiner2 := a.machine("10.78.0.2/8")
	j2 := joiner2.start("--peer", late.url())
	time.Sleep(3500 * time.Millisecond) // the joiner dials after 0, 1, 3 and 7 seconds
	c.run(func(ctx context.Context) {
		for ctx.Err() == nil {
			if id, ok := a.nodeID(ctx, impostor, late.url()); ok {
				fake := a.quiet()
				fake.node = &id
				(&hostilePeer{behaviour: fake, target: a.target(j2.url), ip: impostor}).run(ctx)
			}
			wait(ctx, 10*time.Millisecond)
		}
	})
	begin = time.Now()
	late.start()
	_, joined = until(time.Duration(a.size(30, 10))*time.Second, func() bool { return j2.height(t) == 3 })
	took = time.Since(begin)
	a.measured(joined && took <= 10*time.Second, "impostor with the id of a --peer that starts late", "not joined in 60 s", "joined in ≤ 10 s", "joined %v after %v", joined, took.Round(10*time.Millisecond))
}

// attackByImpostorOfTheJoiner: an impostor comes to the honest node under the id of
// the joiner, so that the joiner is not told of blocks.
func attackByImpostorOfTheJoiner(a arena) {
	t := a.t
	impostor := a.ips(1, "10.66.0.%d")[0]
	c := newCast(t)
	honest, joiner := a.machine("10.77.0.3/8"), a.machine("10.78.0.3/8")
	h, j := honest.start(), joiner.start()
	newBranch(a.params, 3).giveTo(t, h)
	id, ok := a.nodeID(t.Context(), impostor, j.url)
	if !ok {
		t.Fatal("the joiner does not say its id")
	}
	fake := a.quiet()
	fake.node = &id
	a.peer(c, fake, impostor, h.url)
	until(2*time.Second, func() bool { return h.peers(t) > 0 })
	begin := time.Now()
	status, answer := registerFrom(t.Context(), clientIP, j, "/register_with", honest.url())
	_, joined := until(10*time.Second, func() bool { return j.height(t) == 3 })
	took := time.Since(begin)
	h.post(t, "news")
	h.mine(t)
	lag, told := until(10*time.Second, func() bool { return j.height(t) == 4 })
	a.measured(joined && told && lag <= 5*time.Second, "impostor with the id of the joiner, at the honest node", "(not measured)", "joined in ≤ 10 s, next block in ≤ 5 s",
		"joined %v after %v; next block %v after %v; answer %d %.60s", joined, took.Round(10*time.Millisecond), told, lag.Round(10*time.Millisecond), status, answer)
}

// attackByPlaces: four addresses take all inbound places of a node and take each
// place again as soon as it is free.
func attackByPlaces(a arena) {
	for k, variant := range []struct{ name, format, before string }{
		{"in one /16", "10.66.0.%d", "kept out for 100 s"},
		{"in four /16", "10.%[1]d.66.1", "(not measured)"},
	} {
		if !a.full && k > 0 {
			continue
		}
		t := a.t
		c := newCast(t)
		honest := a.machine(fmt.Sprintf("10.77.2.%d/8", k+1))
		h := honest.start()
		newBranch(a.params, 3).giveTo(t, h)
		for _, ip := range a.ips(4, variant.format) {
			for range 20 {
				a.peer(c, a.quiet(), ip, h.url)
			}
		}
		filled, _ := until(15*time.Second, func() bool { return h.peers(t) >= 64 })
		places := h.peers(t)
		a.atLeast(8, places, "places")
		joiner := a.machine(fmt.Sprintf("10.78.2.%d/8", k+1))
		begin := time.Now()
		j := joiner.start("--peer", honest.url())
		in := func() bool { return j.height(t) >= 3 && h.hasPeer(t, joiner.url()) }
		limit := time.Duration(a.size(30, 10)) * time.Second
		_, joined := until(limit, in)
		took := time.Since(begin)
		// It has to stay in: blocks must go on reaching it at once.
		worst := time.Duration(0)
		for i := range a.size(6, 3) {
			h.post(t, fmt.Sprint(variant.name, i))
			h.mine(t)
			height := h.height(t)
			lag, _ := until(10*time.Second, func() bool { return j.height(t) >= height })
			if worst = max(worst, lag); lag > 10*time.Second {
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		a.measured(joined && took <= 5*time.Second && worst <= 5*time.Second, "64 inbound places from four addresses "+variant.name, variant.before, "honest node in within 5 s",
			"%d places taken in %v; in %v after %v; then blocks within %v", places, filled.Round(100*time.Millisecond), joined, took.Round(10*time.Millisecond), worst.Round(10*time.Millisecond))
		c.end()
	}
}
