package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// attack is one way to harm a node. run returns when the dose is used up or the
// context ends.
type attack struct {
	name string
	run  func(ctx context.Context, t *testing.T, n target, d dose)
}

func attacks() []attack {
	return []attack{
		{"slowloris", slowloris},
		{"endless answers", byPeers(func(target) behaviour { return all(endless) })},
		{"dripping answers", byPeers(func(target) behaviour { return all(drip) })},
		{"oversize answers", byPeers(func(target) behaviour { return all(oversize) })},
		{"compressed answers", byPeers(func(target) behaviour { return all(compressed) })},
		{"redirects", redirects},
		{"lies about headers", byPeers(lyingHeaders)},
		{"lies about blocks", byPeers(lyingBlocks)},
		{"blocks without work", byPeers(workless)},
		{"orphans", orphans},
		{"strange transactions", strangeTxs},
		{"fake addresses", fakeAddresses},
		{"compressed bodies", compressedBodies},
		{"slow readers", slowReaders},
	}
}

const hostilePeers = 4 // number of peers that an attack by peers runs at the same time

// byPeers returns an attack by several peers, all with the behaviour that b creates.
func byPeers(b func(target) behaviour) func(context.Context, *testing.T, target, dose) {
	return func(ctx context.Context, _ *testing.T, n target, d dose) {
		ctx, cancel := context.WithTimeout(ctx, d.long)
		defer cancel()
		crowd(hostilePeers, func(int) {
			(&hostilePeer{behaviour: b(n), target: n, ip: loopback(rand.IntN(1 << 16))}).run(ctx)
		})
	}
}

// crowd runs f n times at once and waits for all of them.
func crowd(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

// all returns a behaviour that answers every request with f, and announces random
// hashes so that the node has something to ask for.
func all(f http.HandlerFunc) behaviour {
	news := func() []pow.Hash { return randomHashes(4) }
	return behaviour{headers: f, blocks: f, txs: f, pool: f, addresses: f, blockNews: news, txNews: news}
}

// endless writes an answer without end.
func endless(w http.ResponseWriter, r *http.Request) {
	junk := bytes.Repeat([]byte{0x55}, 64<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(junk); err != nil {
			return
		}
	}
}

// drip writes an answer of 160 kB at one byte in 50 milliseconds.
func drip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "160000")
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte{'['}); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		wait(r.Context(), 50*time.Millisecond)
	}
}

// oversize claims an answer of 1 TiB and begins to send it.
func oversize(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1099511627776")
	endless(w, r)
}

// compressed sends a compressed answer that expands to 64 MiB.
func compressed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(bomb())
}

// bomb returns 64 MiB of zeros, compressed with gzip.
var bomb = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = z.Write(zeros)
	}
	_ = z.Close()
	return packed.Bytes()
})

// redirects answers every request with a redirect to a server that the node must not
// call.
func redirects(ctx context.Context, t *testing.T, n target, d dose) {
	var visits atomic.Int64
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) })}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	byPeers(func(target) behaviour {
		return all(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+listener.Addr().String()+"/", http.StatusTemporaryRedirect)
		})
	})(ctx, t, n, d)
	if visits.Load() > 0 {
		t.Errorf("the node followed %d redirects", visits.Load())
	}
}

// lyingHeaders answers with valid headers, or with headers without proof of work, with
// an unknown parent, or after a page of zeros.
func lyingHeaders(n target) behaviour {
	return behaviour{headers: func(w http.ResponseWriter, _ *http.Request) {
		tip := n.tip()
		var page []byte
		prev, worked := tip.Hash, true
		switch rand.IntN(4) {
		case 0:
			worked = false
		case 1:
			prev = randomHash()
		case 2:
			page = make([]byte, gossip.MaxHeaders*pow.HeaderSize)
		}
		for i := range 100 {
			b := forge(n.params, prev, tip.Height+1+int64(i), worked)
			raw := b.Header.Bytes()
			page = append(page, raw[:]...)
			prev = b.Hash()
		}
		_, _ = w.Write(page)
	}}
}

// lyingBlocks answers with valid headers. When the node asks for their blocks, it sends
// other blocks, or the right headers with wrong bodies, or nothing.
func lyingBlocks(n target) behaviour {
	var mu sync.Mutex
	mined := map[pow.Hash]block.Block{}
	return behaviour{
		headers: func(w http.ResponseWriter, _ *http.Request) {
			tip := n.tip()
			prev := tip.Hash
			for i := range 3 {
				b := forge(n.params, prev, tip.Height+1+int64(i), true)
				prev = b.Hash()
				raw := b.Header.Bytes()
				_, _ = w.Write(raw[:])
				mu.Lock()
				mined[prev] = b
				mu.Unlock()
			}
		},
		blocks: func(w http.ResponseWriter, r *http.Request) {
			var ask gossip.GetBlocks
			_ = json.NewDecoder(r.Body).Decode(&ask)
			how := rand.IntN(3)
			for _, hash := range ask.Hashes {
				mu.Lock()
				b := mined[hash]
				mu.Unlock()
				switch how {
				case 0:
					b = forge(n.params, randomHash(), 1, true)
				case 1:
					b.Coinbase.Extranonce++
				case 2:
					return
				}
				_, _ = w.Write(framed(b))
			}
		},
	}
}

// workless announces blocks without proof of work, and sends exactly these blocks when
// the node asks for them.
func workless(n target) behaviour {
	var mu sync.Mutex
	made := map[pow.Hash]block.Block{}
	return behaviour{
		modest: true,
		blockNews: func() []pow.Hash {
			mu.Lock()
			defer mu.Unlock()
			clear(made)
			var hashes []pow.Hash
			for range 64 {
				b := forge(n.params, n.tip().Hash, n.tip().Height+1, false)
				made[b.Hash()] = b
				hashes = append(hashes, b.Hash())
			}
			return hashes
		},
		blocks: func(w http.ResponseWriter, r *http.Request) { sendMade(w, r, &mu, made) },
	}
}

// sendMade answers a request for blocks with those that are in made.
func sendMade(w http.ResponseWriter, r *http.Request, mu *sync.Mutex, made map[pow.Hash]block.Block) {
	var ask gossip.GetBlocks
	_ = json.NewDecoder(r.Body).Decode(&ask)
	mu.Lock()
	defer mu.Unlock()
	for _, hash := range ask.Hashes {
		if b, ok := made[hash]; ok {
			_, _ = w.Write(framed(b))
		}
	}
}

// orphans sends blocks with proof of work and unknown parents: as a client to
// /add_block, and as peers that announce them.
func orphans(ctx context.Context, t *testing.T, n target, d dose) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var peers sync.WaitGroup
	defer peers.Wait()
	peers.Go(func() {
		d.long = time.Hour
		byPeers(func(n target) behaviour {
			var mu sync.Mutex
			made := map[pow.Hash]block.Block{}
			return behaviour{
				blockNews: func() []pow.Hash {
					mu.Lock()
					defer mu.Unlock()
					if len(made) > 1000 {
						clear(made)
					}
					b := forge(n.params, randomHash(), 1000, true)
					made[b.Hash()] = b
					return []pow.Hash{b.Hash()}
				},
				blocks: func(w http.ResponseWriter, r *http.Request) { sendMade(w, r, &mu, made) },
			}
		})(ctx, t, n, d)
	})
	defer cancel()
	flood(ctx, n, d.many, func(int) (string, string, []byte) {
		text, err := json.Marshal(forge(n.params, randomHash(), 1000, true))
		if err != nil {
			panic(err)
		}
		return "/add_block", "", text
	})
}

// strangeTxs announces transactions that do not exist, claims an endless list of them as
// pending, and posts malformed ones.
func strangeTxs(ctx context.Context, t *testing.T, n target, d dose) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var announced atomic.Int64
	var peers sync.WaitGroup
	defer peers.Wait()
	peers.Go(func() {
		long := d
		long.long = time.Hour
		byPeers(func(target) behaviour {
			return behaviour{
				modest: true,
				txNews: func() []pow.Hash {
					announced.Add(gossip.MaxAnnounced)
					return randomHashes(gossip.MaxAnnounced)
				},
				pool: func(w http.ResponseWriter, _ *http.Request) {
					text, _ := json.Marshal(gossip.Pool{IDs: randomHashes(gossip.MaxPoolPage), Total: 1 << 30})
					_, _ = w.Write(text)
				},
			}
		})(ctx, t, n, long)
	})
	flood(ctx, n, d.many, func(i int) (string, string, []byte) {
		return "/new_transaction", "", fmt.Appendf(nil, `{"author":"ann","content":"%d","timestamp":1e999}`, i)
	})
	for announced.Load() < int64(d.many) && ctx.Err() == nil {
		wait(ctx, 10*time.Millisecond)
	}
	cancel()
}

// fakeAddresses sends hellos that claim addresses where no node listens, from several
// IP addresses, and answers requests for addresses with more of the same kind.
func fakeAddresses(ctx context.Context, t *testing.T, n target, d dose) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nobody := func() gossip.Address {
		return gossip.Address(fmt.Sprintf("http://%s:%d", loopback(rand.IntN(1<<22)), 1+rand.IntN(1023)))
	}
	var peers sync.WaitGroup
	defer peers.Wait()
	peers.Go(func() {
		long := d
		long.long = time.Hour
		byPeers(func(target) behaviour {
			return behaviour{modest: true, addresses: func(w http.ResponseWriter, _ *http.Request) {
				list := make([]gossip.Address, gossip.MaxAddresses)
				for i := range list {
					list[i] = nobody()
				}
				text, _ := json.Marshal(gossip.Addresses{Addresses: list})
				_, _ = w.Write(text)
			}}
		})(ctx, t, n, long)
	})
	defer cancel()
	tip := n.tip()
	rng := rand.New(rand.NewPCG(1, 1))
	var mu sync.Mutex
	flood(ctx, n, d.many, func(int) (string, string, []byte) {
		mu.Lock()
		id, session := gossip.NewNodeID(rng), gossip.Session(gossip.NewNodeID(rng))
		mu.Unlock()
		text, err := json.Marshal(gossip.Hello{
			Greeting: gossip.Greeting{
				Version: gossip.Version, Network: n.params.Name(), NetworkID: n.params.ID(), Node: id, Address: nobody(),
				Tip: gossip.Tip{Hash: tip.Hash, Height: tip.Height, Work: tip.Work},
			},
			Session: session,
		})
		if err != nil {
			panic(err)
		}
		return "/p2p/hello", "", text
	})
}

// compressedBodies sends small compressed bodies that would expand to 64 MiB. The node
// must refuse all of them.
func compressedBodies(ctx context.Context, t *testing.T, n target, d dose) {
	paths := []string{"/new_transaction", "/add_block", "/register_node", "/p2p/announce", "/p2p/hello", "/p2p/blocks"}
	if got := flood(ctx, n, d.many/100, func(i int) (string, string, []byte) { return paths[i%len(paths)], "gzip", bomb() }); got[http.StatusOK]+got[http.StatusCreated] > 0 {
		t.Errorf("compressed bodies were answered %v", got)
	}
}

const flooders = 4 // number of clients of a flood, each with its own IP address

// flood posts the given number of bodies, each client as fast as the answers to it
// arrive, and returns how often each status was the answer.
func flood(ctx context.Context, n target, many int, body func(i int) (path, coding string, body []byte)) map[int]int {
	var mu sync.Mutex
	statuses := map[int]int{}
	var next atomic.Int64
	crowd(flooders, func(int) {
		transport := &http.Transport{DialContext: dialFrom(loopback(rand.IntN(1 << 16)))}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
		for i := int(next.Add(1)); i <= many && ctx.Err() == nil; i = int(next.Add(1)) {
			path, coding, text := body(i)
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+path, bytes.NewReader(text))
			if err != nil {
				panic(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if coding != "" {
				req.Header.Set("Content-Encoding", coding)
			}
			resp, err := client.Do(req)
			if err != nil {
				continue
			}
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
			_ = resp.Body.Close()
			mu.Lock()
			statuses[resp.StatusCode]++
			mu.Unlock()
		}
	})
	return statuses
}

// slowloris occupies connections with requests that are never complete: some stop in
// the header, some in the body.
func slowloris(ctx context.Context, _ *testing.T, n target, d dose) {
	ctx, cancel := context.WithTimeout(ctx, d.long)
	defer cancel()
	host := strings.TrimPrefix(n.url, "http://")
	heads := []string{
		"GET /status HTTP/1.1\r\nHost: " + host + "\r\nX-Slow: ",
		"POST /new_transaction HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
		"POST /p2p/announce HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
		"POST /add_block HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 600000\r\n\r\n",
	}
	crowd(d.conns, func(i int) {
		for ctx.Err() == nil {
			conn, err := dialFrom(loopback(i/64))(ctx, "tcp", host)
			if err != nil {
				wait(ctx, 100*time.Millisecond)
				continue
			}
			_, err = io.WriteString(conn, heads[i%len(heads)])
			for err == nil && ctx.Err() == nil {
				wait(ctx, 500*time.Millisecond)
				_, err = conn.Write([]byte{'x'})
			}
			_ = conn.Close()
		}
	})
}

// slowReaders asks for big answers and reads them one byte at a time.
func slowReaders(ctx context.Context, _ *testing.T, n target, d dose) {
	ctx, cancel := context.WithTimeout(ctx, d.long)
	defer cancel()
	host := strings.TrimPrefix(n.url, "http://")
	tip := n.tip()
	blocks, err := json.Marshal(gossip.GetBlocks{Hashes: []pow.Hash{tip.Hash, tip.Hash}})
	if err != nil {
		panic(err)
	}
	requests := []string{
		"GET /chain HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"GET /events HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		fmt.Sprintf("POST /p2p/blocks HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(blocks), blocks),
	}
	crowd(d.conns, func(i int) {
		for ctx.Err() == nil {
			conn, err := dialFrom(loopback(i/64))(ctx, "tcp", host)
			if err != nil {
				wait(ctx, 100*time.Millisecond)
				continue
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			for range 20 {
				_, _ = io.WriteString(conn, requests[i%len(requests)])
			}
			for begin := time.Now(); ctx.Err() == nil && time.Since(begin) < 5*time.Second; wait(ctx, 500*time.Millisecond) {
				var b [1]byte
				if _, err := conn.Read(b[:]); err != nil {
					break
				}
			}
			_ = conn.Close()
		}
	})
}
