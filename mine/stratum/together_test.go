package stratum_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/own"
	"github.com/lodepow/lode/mine/stratum/client"
	"github.com/lodepow/lode/mine/stratum/server"
	"github.com/lodepow/lode/mine/stratum/vardiff"
	"github.com/lodepow/lode/pow"
)

// recorder is an engine that remembers what has been searched.
type recorder struct {
	*pow.Engine

	mu       sync.Mutex
	searched []searched
	note     func(searched) // called for each, if it is not nil
}

// searched are nonces of one header and version.
type searched struct {
	header      pow.Header // with nonce 0
	first, last uint64     // the last is not included
}

// Search implements [mine.Engine].
func (r *recorder) Search(ctx context.Context, job pow.Job) (pow.Result, error) {
	result, err := r.Engine.Search(ctx, job)
	n := result.Searched
	if err == nil {
		n = uint64(result.Header.Nonce-job.First) + 1
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, version := range job.Versions {
		h := job.Header
		h.Version, h.Nonce = version, 0
		h.Time = 0 // nonces repeat no sooner than the extranonces are used up, whatever the time
		s := searched{h, uint64(job.First), uint64(job.First) + n}
		r.searched = append(r.searched, s)
		if r.note != nil {
			r.note(s)
		}
	}
	return result, err
}

// miner is a client with its loop and engine, as lode mine runs them.
type miner struct {
	client   *client.Client
	engine   *recorder
	stop     func()
	answered atomic.Uint64
}

// startMiner starts a miner for the pool at an address. note, if it is not nil, is called for
// everything that it has searched.
func startMiner(t *testing.T, address, name string, start uint64, note func(searched)) *miner {
	t.Helper()
	pool, err := client.ParsePool(client.SchemeTCP + "://" + address)
	if err != nil {
		t.Fatal(err)
	}
	pool.User, pool.Password = name, "x"
	c, err := client.New(client.Config{
		Pools: []client.Pool{pool},
		// A miner that begins again after a lost connection need not wait.
		Random: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := &miner{client: c, engine: &recorder{Engine: engine, note: note}}
	loop, err := mine.New(mine.Config{Engine: m.engine, Source: c, Start: start, Observer: mine.Observer{
		Submitted: func(s mine.Solution, o mine.Outcome, err error) {
			m.answered.Add(1)
			if s.Block && o != mine.Accepted && o != mine.Stale && o != mine.Unanswered {
				t.Errorf("%s: a block is %v: %v", name, o, err)
			}
			if o == mine.Low || o == mine.Duplicate || o == mine.Invalid {
				t.Errorf("%s: a share is %v: %v", name, o, err)
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { c.Run(ctx) })
	group.Go(func() { loop.Run(ctx) })
	m.stop = sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	t.Cleanup(m.stop)
	return m
}

// testPool is Lode's server in front of a chain.
type testPool struct {
	chain   *chain.Chain
	server  *server.Server
	address string
	stop    func() // may be called more than once
}

// startPool starts a pool whose blocks and shares are easy.
func startPool(t *testing.T) *testPool {
	t.Helper()
	params, err := rules.Tutorial(4)
	if err != nil {
		t.Fatal(err)
	}
	c, err := chain.Open(chain.Config{Params: params, Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	source, err := own.New(own.Config{Chain: c, Mode: own.Continuous})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{Source: source, Vardiff: vardiff.Config{Least: 1e-6, Start: 1e-6}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, listener) }()
	p := &testPool{chain: c, server: s, address: listener.Addr().String()}
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		source.Close()
	})
	t.Cleanup(p.stop)
	return p
}

// await waits until the chain has a height. That takes as long as it takes, so nothing here
// depends on the speed of the machine; a test as a whole has the time limit of all tests.
func (p *testPool) await(height int64) {
	for p.chain.Tip().Height < height {
		time.Sleep(5 * time.Millisecond)
	}
}

// Four of Lode's clients mine for Lode's server and its chain. One leaves and another
// joins meanwhile. Every share is taken, blocks get into the chain, nothing is searched
// twice, and versions are rolled.
func TestClientsAndServer(t *testing.T) {
	pool := startPool(t)
	var miners []*miner
	for i := range 4 {
		miners = append(miners, startMiner(t, pool.address, fmt.Sprintf("w%d", i), uint64(i), nil))
	}
	pool.await(2)
	miners[0].stop()
	before := pool.chain.Tip().Height
	miners = append(miners, startMiner(t, pool.address, "late", 0, nil))
	pool.await(before + 2)
	for _, m := range miners[1:] {
		for m.answered.Load() < 2 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, m := range miners {
		m.stop()
	}
	pool.stop()

	// Accepted blocks of the miners are the whole chain: nobody else mines.
	var accepted uint64
	var all []searched
	for _, m := range miners {
		accepted += m.client.Stats().Shares[mine.Accepted]
		all = append(all, m.engine.searched...)
	}
	stats := pool.server.Stats()
	if height := pool.chain.Tip().Height; stats.Solutions[mine.Accepted] != uint64(height) {
		t.Errorf("%d blocks of miners were accepted, and the chain has %d", stats.Solutions[mine.Accepted], height)
	}
	checkBlocks(t, stats)
	if accepted == 0 || stats.Shares[server.ShareAccepted] < accepted {
		t.Errorf("the clients count %d accepted shares, the server %d", accepted, stats.Shares[server.ShareAccepted])
	}
	checkSearched(t, all)
}

// checkBlocks fails the test if a block was not answered or was wrong. Another block may
// have been faster.
func checkBlocks(t *testing.T, stats server.Stats) {
	t.Helper()
	for _, outcome := range []mine.Outcome{mine.Unanswered, mine.Invalid, mine.Low, mine.Duplicate} {
		if n := stats.Solutions[outcome]; n != 0 {
			t.Errorf("%d blocks are %v", n, outcome)
		}
	}
}

// checkSearched fails the test if two searches had a header, a version and a nonce in
// common, or if no version was rolled.
func checkSearched(t *testing.T, all []searched) {
	t.Helper()
	byHeader := map[pow.Header][]searched{}
	versions := map[int32]bool{}
	for _, s := range all {
		byHeader[s.header] = append(byHeader[s.header], s)
		versions[s.header.Version] = true
	}
	if len(versions) != pow.MaxVersions {
		t.Errorf("%d versions were searched, want %d", len(versions), pow.MaxVersions)
	}
	for h, list := range byHeader {
		slices.SortFunc(list, func(a, b searched) int { return int(int64(a.first) - int64(b.first)) })
		for i := 1; i < len(list); i++ {
			if list[i].first < list[i-1].last {
				t.Errorf("nonces %d to %d of version %08x were searched twice", list[i].first, list[i-1].last, uint32(h.Version))
			}
		}
	}
}
