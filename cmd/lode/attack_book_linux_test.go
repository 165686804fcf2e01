package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

// squatters fill the address book of a node. Each takes part in the network until the
// node has noted its address, and then makes place for the next one.
type squatters struct {
	arena
	cast
	met  atomic.Int64 // addresses at which the node has called
	mute atomic.Bool  // from now on they accept connections and never answer

	mu   sync.Mutex
	open []io.Closer // servers at the latest addresses, the oldest first
}

// maxSquats bounds how many addresses are held at the same time.
const maxSquats = 5000

// fill claims addresses until the node has called the wanted number of them, or the
// time is up.
func (s *squatters) fill(ips []string, url string, many, workers int, limit time.Duration) {
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	runConcurrently(workers*len(ips), func(i int) {
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
	s.hold(server)
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

// hold keeps a server, in place of the oldest one if there are too many.
func (s *squatters) hold(server io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, server)
	if len(s.open) > maxSquats {
		_ = s.open[0].Close()
		s.open = s.open[1:]
	}
}

// end closes all servers.
func (s *squatters) end() {
	s.cast.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.open = nil
}

// attackByAddressBook: 16 addresses fill the address book of a node with addresses
// at which nobody will answer, and then the node is started again.
func attackByAddressBook(a arena) {
	for k, variant := range []struct {
		name, format string
		limit        int // in seconds
	}{
		{"in one /16", "10.68.0.%d", 5},
		{"in sixteen /16", "10.%[1]d.68.1", 30},
	} {
		if !a.full && k == 0 {
			continue
		}
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
		s.fill(a.ips(16, variant.format), n.url, a.size(4096, 100), 8, time.Duration(a.size(variant.limit, 2))*time.Second)
		took := time.Since(begin)
		a.atLeast(a.size(200, 5), int(s.met.Load()), "addresses called")
		n.stop(t, syscall.SIGTERM)
		s.mute.Store(true)
		// The node stays away until the honest ones have given it up, and they choose
		// no peers. So it has to find them.
		for i := 0; h1.hasPeer(t, machine.url()) || h2.hasPeer(t, machine.url()); i++ {
			h1.post(t, fmt.Sprint("while the node is down ", i))
			time.Sleep(200 * time.Millisecond)
		}
		h1.mine(t)
		want := h1.status(t)
		begin = time.Now()
		n = machine.start()
		_, joined := until(time.Duration(a.size(45, 15))*time.Second, func() bool { return n.status(t).Hash == want.Hash })
		a.measured(joined && time.Since(begin) <= 15*time.Second, "address book filled from 16 addresses "+variant.name, "136 dials without success in 90 s", "joined in ≤ 15 s after the restart",
			"%d addresses called in %v; joined %v after %v", s.met.Load(), took.Round(100*time.Millisecond), joined, since(begin))
		s.end()
		for _, p := range []*process{n, h1, h2} {
			p.kill()
		}
	}
}
