package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
	"github.com/lodepow/lode/pow"
)

// target is the node under attack, as its attackers see it.
type target struct {
	url    string
	params rules.Params
	tip    func() rules.State // returns the tip of the honest peer
}

// behaviour decides how a hostile peer answers the target, and what it announces. If a
// handler is nil, the peer gives a well-formed, empty answer.
type behaviour struct {
	headers, blocks, txs, pool, addresses http.HandlerFunc

	blockNews func() []pow.Hash // returns the blocks of the next announcement; nil: none
	txNews    func() []pow.Hash // the same for transactions
	every     time.Duration     // pause between announcements; 0: hostileEvery
	modest    bool              // claims the honest tip, and not a chain of huge work

	// What the peer says of itself. For a field left zero, it says the truth.
	claims func() gossip.Tip // returns its tip, whatever modest says
	node   *gossip.NodeID    // its id; nil: a new one in each life
	host   string            // the host in its address
	life   time.Duration     // longest time with one node id and port; 0: hostileLife
}

// hostilePeer says hello like an honest node, from a loopback address that no other peer
// uses, and then follows its behaviour. When the target bans it, it starts again with
// another node id and port.
type hostilePeer struct {
	behaviour
	target target
	ip     string

	mu       sync.Mutex
	greeting gossip.Greeting
	session  gossip.Session // from the hello of the target; zero before that
}

const (
	hostileEvery = 20 * time.Millisecond // pause between announcements
	hostileLife  = 5 * time.Second       // longest time with one node id
)

// run attacks until the context ends.
func (h *hostilePeer) run(ctx context.Context) {
	for ctx.Err() == nil {
		h.live(ctx)
	}
}

// live plays one node until it is banned, its life is over or the context ends.
func (h *hostilePeer) live(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(h.life, hostileLife))
	defer cancel()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(h.ip, "0"))
	if err != nil {
		return
	}
	rng := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	h.mu.Lock()
	h.session = gossip.Session{}
	h.greeting = gossip.Greeting{
		Version: gossip.Version, Network: h.target.params.Name(), NetworkID: h.target.params.ID(),
		Node: gossip.NewNodeID(rng), Address: gossip.Address("http://" + listener.Addr().String()),
	}
	tip := h.target.tip()
	h.greeting.Tip = gossip.Tip{Hash: tip.Hash, Height: tip.Height, Work: tip.Work}
	if !h.modest {
		h.greeting.Tip = gossip.Tip{Hash: pow.Hash{1, byte(rng.Uint32()), byte(rng.Uint32())}, Height: 1 << 30, Work: tip.Work}
		_ = h.greeting.Tip.Work.UnmarshalText(bytes.Repeat([]byte("7f"), 32))
	}
	if h.claims != nil {
		h.greeting.Tip = h.claims()
	}
	if h.node != nil {
		h.greeting.Node = *h.node
	}
	if h.host != "" {
		h.greeting.Address = gossip.Address(fmt.Sprintf("http://%s:%d", h.host, listener.Addr().(*net.TCPAddr).Port))
	}
	hello := gossip.Hello{Greeting: h.greeting, Session: gossip.Session(gossip.NewNodeID(rng))}
	h.mu.Unlock()

	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DialContext: dialFrom(h.ip)}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		if h.given() == (gossip.Session{}) {
			h.tell(ctx, client, "/p2p/hello", hello)
			wait(ctx, 100*time.Millisecond)
			continue
		}
		var a gossip.Announce
		if h.blockNews != nil {
			for _, hash := range h.blockNews() {
				a.Blocks = append(a.Blocks, gossip.Announced{Hash: hash})
			}
		}
		if h.txNews != nil {
			a.Txs = h.txNews()
		}
		if len(a.Blocks)+len(a.Txs) > 0 && h.tell(ctx, client, "/p2p/announce", a) == http.StatusForbidden {
			return // banned, or dropped
		}
		wait(ctx, cmp.Or(h.every, hostileEvery))
	}
}

// given returns the session that the target has given, or zero.
func (h *hostilePeer) given() gossip.Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.session
}

// tell posts a message to the target and returns the status, or 0 without an answer.
func (h *hostilePeer) tell(ctx context.Context, client *http.Client, path string, message any) (status int) {
	body, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.target.url+path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s := h.given(); s != (gossip.Session{}) {
		req.Header.Set(p2p.SessionHeader, s.String())
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	_ = resp.Body.Close()
	return resp.StatusCode
}

// ServeHTTP answers the requests of the target.
func (h *hostilePeer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(f http.HandlerFunc, kind, nothing string) {
		if f != nil {
			w.Header().Set("Content-Type", kind)
			f(w, r)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, nothing)
	}
	const binary, lines = "application/octet-stream", "application/x-ndjson"
	switch r.URL.Path {
	case "/p2p/hello":
		var hello gossip.Hello
		// Other nodes, which have heard of this address from the target, call as well.
		if json.NewDecoder(r.Body).Decode(&hello) == nil && string(hello.Address) == h.target.url {
			h.mu.Lock()
			h.session = hello.Session
			h.mu.Unlock()
		}
		h.mu.Lock()
		text, _ := json.Marshal(gossip.Welcome{Greeting: h.greeting})
		h.mu.Unlock()
		answer(nil, "application/json", string(text))
	case "/p2p/announce":
		answer(nil, "application/json", "{}")
	case "/p2p/headers":
		answer(h.headers, binary, "")
	case "/p2p/blocks":
		answer(h.blocks, binary, "")
	case "/p2p/txs":
		answer(h.txs, lines, "")
	case "/p2p/pool":
		answer(h.pool, "application/json", `{"ids":[],"total":0}`)
	case "/p2p/addresses":
		answer(h.addresses, "application/json", `{"addresses":[]}`)
	}
}

// dialFrom returns a dial function that uses ip, a local address, as the source.
func dialFrom(ip string) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	return d.DialContext
}

// wait sleeps for d, or until the context ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// loopback returns a loopback address, a different one for every n below 2^23.
func loopback(n int) string { return fmt.Sprintf("127.%d.%d.%d", 1+n>>16&0x7f, n>>8&0xff, n&0xff) }

func randomHash() (h pow.Hash) {
	for i := 0; i < len(h); i += 8 {
		binary.LittleEndian.PutUint64(h[i:], rand.Uint64())
	}
	return h
}

func randomHashes(n int) []pow.Hash {
	hashes := make([]pow.Hash, n)
	for i := range hashes {
		hashes[i] = randomHash()
	}
	return hashes
}

// forge creates a block on any parent. If worked is true its hash meets the target of its
// bits; if worked is false the hash certainly does not.
func forge(p rules.Params, prev pow.Hash, height int64, worked bool) block.Block {
	b := block.Block{Coinbase: block.Coinbase{Height: height, Extranonce: rand.Uint64(), Tag: "hostile"}}
	b.Header = pow.Header{
		Version: 0x20000000, Prev: prev, MerkleRoot: b.Coinbase.ID(), Bits: p.Difficulty().Bits,
		Time: uint32(time.Now().Unix()),
	}
	target, err := b.Header.Bits.Target()
	if err != nil {
		panic(err)
	}
	for b.Header.Hash().Meets(target) != worked {
		b.Header.Nonce++
	}
	return b
}

// framed encodes blocks as in an answer to /p2p/blocks: each with its length before it.
func framed(blocks ...block.Block) []byte {
	var to []byte
	for _, b := range blocks {
		raw, err := b.AppendBinary(nil)
		if err != nil {
			panic(err)
		}
		to = append(binary.AppendUvarint(to, uint64(len(raw))), raw...)
	}
	return to
}
