package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

// attackByStalledSync: peers from two addresses show headers with the most work of
// all, and their blocks never come.
func attackByStalledSync(a arena) {
	a.fakeBranches("peers with forged headers, whose blocks never come", "not joined in 120 s", "10.77.0.5", func(branch) http.HandlerFunc { return never })
}

// attackBySlowSync: the same peers send a valid block of their branch every nine
// seconds, so that there is always some progress.
func attackBySlowSync(a arena) {
	a.fakeBranches("the same, with a block every nine seconds", "(not measured)", "10.77.0.6", func(b branch) http.HandlerFunc { return b.slowly(9 * time.Second) })
}

// fakeBranches runs the attack of peers that show headers of long branches. They have
// found the joiner before the joiner reaches the honest node.
func (a arena) fakeBranches(what, before, ip string, blocks func(branch) http.HandlerFunc) {
	t := a.t
	c := newCast(t)
	peers, length, forged := a.size(24, 8), a.size(616, 60), a.size(1500, 200)
	honest, joiner := a.machine(ip+"/8"), a.machine(strings.Replace(ip, "77", "78", 1)+"/8")
	h := honest.start()
	newBranch(a.params, length).giveTo(t, h)
	h.stop(t, syscall.SIGTERM)

	j := joiner.start("--peer", honest.url())
	ips := a.ips(2, "10.67.0.%d")
	var asked atomic.Int64
	for i := range peers {
		b := newBranch(a.params, forged)
		answer := blocks(b)
		fake := a.quiet()
		fake.claims, fake.headers = b.tip, b.headers
		fake.blocks = func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			answer(w, r)
		}
		a.peer(c, fake, ips[i%2], j.url)
	}
	until(5*time.Second, func() bool { return j.peers(t) >= peers })
	attackers := j.peers(t)
	until(5*time.Second, func() bool { return asked.Load() > 0 })
	h = honest.start()
	begin := time.Now()
	// The joiner waits some seconds between its calls of the honest node, so the
	// user asks it to connect now.
	_, _ = registerFrom(t.Context(), clientIP, j, "/register_node", honest.url())
	want := h.status(t)
	_, joined := until(time.Duration(a.size(30, 12))*time.Second, func() bool { return j.status(t).Hash == want.Hash })
	took := time.Since(begin)
	a.measured(joined && took <= 10*time.Second, fmt.Sprintf("%d %s", peers, what), before, "joined in ≤ 10 s",
		"%d peers, asked for blocks %d times; joined %v after %v, %d of %d blocks", attackers, asked.Load(), joined, took.Round(10*time.Millisecond), j.height(t), want.Height)
}

// attackByProxy: a proxy in front of an honest node answers everything with a page for
// a while.
func attackByProxy(a arena) {
	t := a.t
	ip := a.ips(1, "10.79.0.%d")[0]
	outside := "http://" + ip + ":8000"
	honest, other := a.machine("10.77.0.7/8"), a.machine("10.78.0.7/8")
	h := honest.run("--listen", "0.0.0.0:8000", "--advertise", outside)
	newBranch(a.params, 3).giveTo(t, h)
	to, err := url.Parse(honest.url())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	var sick atomic.Bool
	serve(t, listen(t, ip+":8000"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sick.Load() {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><body>We are back in a moment.</body></html>")
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	n := other.start("--peer", outside)
	eventually(t, "the node behind the proxy is a peer", func() bool { return n.height(t) == 3 && n.peers(t) == 1 })
	sick.Store(true)
	h.post(t, "while the proxy is sick")
	h.mine(t)
	time.Sleep(time.Duration(a.size(8, 3)) * time.Second)
	sick.Store(false)
	begin := time.Now()
	h.post(t, "well again")
	h.mine(t)
	_, back := until(time.Duration(a.size(30, 12))*time.Second, func() bool { return n.height(t) == 5 && n.peers(t) == 1 })
	took := time.Since(begin)
	h.post(t, "news")
	h.mine(t)
	_, told := until(5*time.Second, func() bool { return n.height(t) == 6 })
	a.measured(back && told && took <= 10*time.Second, "a proxy that answers 200 with HTML for a while", "banned for an hour", "no ban, back within 10 s", "back %v after %v; then told of the next block %v", back, took.Round(10*time.Millisecond), told)
}

// squatters fill the address book of a node. Each takes part in the network until the
// node has noted its address, and then makes place for the next one.
type squatters struct {
	arena
	cast
	met  atomic.Int64 // addresses at which the node has called
	mute atomic.Bool  // from now on they accept connections and never answer

	mu    sync.Mutex
	close []io.Closer
}

// fill claims addresses until the node has called so many of them, or the time is up.
func (s *squatters) fill(ips []string, url string, many int, limit time.Duration) {
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	runConcurrently(8*len(ips), func(i int) {
		ip := ips[i%len(ips)]
		client := clientFrom(ip, 2*time.Second, false)
		defer client.CloseIdleConnections()
		for ctx.Err() == nil && s.met.Load() < int64(many) {
			s.claim(ctx, client, ip, url)
		}
	})
}

// claim claims one address, and returns when the node has called there and has no
// peer there any more.
func (s *squatters) claim(ctx context.Context, client *http.Client, ip, url string) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ip+":0")
	if err != nil {
		return
	}
	hello := s.hello("http://" + l.Addr().String())
	met := make(chan gossip.Session, 1)
	server := &http.Server{ErrorLog: noLog, ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.mute.Load():
			never(w, r)
		case r.URL.Path == "/p2p/hello":
			var from gossip.Hello
			_ = json.NewDecoder(r.Body).Decode(&from)
			writeJSON(w, hello.Greeting)
			if string(from.Address) == url {
				select {
				case met <- from.Session:
				default:
				}
			}
		default: // after three requests without an answer the node drops the peer
			panic(http.ErrAbortHandler)
		}
	})}
	go func() { _ = server.Serve(l) }()
	s.mu.Lock()
	s.close = append(s.close, server)
	s.mu.Unlock()
	for status := 0; status != http.StatusOK && ctx.Err() == nil; {
		if status, _, _ = sayHello(ctx, client, url, hello); status != http.StatusOK {
			wait(ctx, 200*time.Millisecond)
		}
	}
	var session gossip.Session
	select {
	case session = <-met:
		s.met.Add(1)
	case <-ctx.Done():
		return
	}
	// The node has asked for addresses and for pending transactions, and these make
	// it ask a third time.
	for known := false; ctx.Err() == nil; {
		wait(ctx, 30*time.Millisecond)
		news := gossip.Announce{Blocks: []gossip.Announced{{Hash: randomHash()}}, Txs: randomHashes(1)}
		body, err := json.Marshal(news)
		if err != nil {
			panic(err)
		}
		status, _, _ := postFrom(ctx, client, url+"/p2p/announce", string(body), p2p.SessionHeader, session.String())
		if known && status == http.StatusForbidden {
			return
		}
		known = known || status == http.StatusOK
	}
}

func (s *squatters) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.close {
		_ = c.Close()
	}
}

// attackByAddressBook: 16 addresses fill the address book of a node with addresses
// at which nobody will answer, and then the node is started again.
func attackByAddressBook(a arena) {
	for k, variant := range []struct{ name, format string }{
		{"in one /16", "10.68.0.%d"},
		{"in sixteen /16", "10.%[1]d.68.1"},
	} {
		t := a.t
		first, second, machine := a.machine(fmt.Sprintf("10.77.1.%d/8", k+1)), a.machine(fmt.Sprintf("10.76.1.%d/8", k+1)), a.machine(fmt.Sprintf("10.78.1.%d/8", k+1))
		h1 := first.start("--outbound", "0")
		newBranch(a.params, 3).giveTo(t, h1)
		h2 := second.start("--outbound", "1", "--peer", first.url())
		n := machine.start("--peer", first.url())
		eventually(t, "the node has two peers", func() bool { return n.height(t) == 3 && n.hasPeer(t, first.url()) && n.hasPeer(t, second.url()) })
		for i := range 3 {
			h1.post(t, fmt.Sprint("good ", i))
			h1.mine(t)
			eventually(t, "the node follows", func() bool { return n.height(t) == int64(4+i) })
		}
		s := &squatters{arena: a, cast: newCast(t)}
		begin := time.Now()
		s.fill(a.ips(16, variant.format), n.url, a.size(4096, 100), time.Duration(a.size(30, 2))*time.Second)
		took := time.Since(begin)
		n.stop(t, syscall.SIGTERM)
		s.mute.Store(true)
		// The node stays away until the honest ones have given it up, and they choose
		// no peers. So it has to find them.
		eventually(t, "the honest nodes have given the node up", func() bool { return !h1.hasPeer(t, machine.url()) && !h2.hasPeer(t, machine.url()) })
		h1.post(t, "while the node is down")
		h1.mine(t)
		want := h1.status(t)
		begin = time.Now()
		n = machine.start()
		_, joined := until(time.Duration(a.size(45, 15))*time.Second, func() bool { return n.status(t).Hash == want.Hash })
		a.measured(joined && time.Since(begin) <= 15*time.Second, "address book filled from 16 addresses "+variant.name, "136 dials without success in 90 s", "joined in ≤ 15 s after the restart",
			"%d addresses called in %v; joined %v after %v", s.met.Load(), took.Round(100*time.Millisecond), joined, since(begin))
		s.end()
		s.cast.end()
		for _, p := range []*process{n, h1, h2} {
			p.kill()
		}
	}
}
