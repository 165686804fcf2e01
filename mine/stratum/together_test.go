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
		r.searched = append(r.searched, searched{h, uint64(job.First), uint64(job.First) + n})
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

func startMiner(t *testing.T, address net.Addr, name string, start uint64) *miner {
	t.Helper()
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		t.Fatal(address)
	}
	c, err := client.New(client.Config{
		Pools: []client.Pool{{Host: "127.0.0.1", Port: tcp.Port, User: name, Password: "x"}},
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
	m := &miner{client: c, engine: &recorder{Engine: engine}}
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

// Four of Lode's clients mine for Lode's server and its chain. One leaves and another
// joins meanwhile. Every share is taken, blocks get into the chain, nothing is searched
// twice, and versions are rolled.
func TestClientsAndServer(t *testing.T) {
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
	defer source.Close()
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
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	defer stop()

	var miners []*miner
	for i := range 4 {
		miners = append(miners, startMiner(t, listener.Addr(), fmt.Sprintf("w%d", i), uint64(i)))
	}
	// What happens next takes as long as it takes, so nothing here depends on the speed
	// of the machine; the test as a whole has the time limit of all tests.
	height := func(least int64) {
		for c.Tip().Height < least {
			time.Sleep(5 * time.Millisecond)
		}
	}
	height(2)
	miners[0].stop()
	before := c.Tip().Height
	miners = append(miners, startMiner(t, listener.Addr(), "late", 0))
	height(before + 2)
	for _, m := range miners[1:] {
		for m.answered.Load() < 2 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, m := range miners {
		m.stop()
	}
	stop()

	// Accepted blocks of the miners are the whole chain: nobody else mines.
	var accepted uint64
	for _, m := range miners {
		accepted += m.client.Stats().Shares[mine.Accepted]
	}
	stats := s.Stats()
	if stats.Solutions[mine.Accepted] != uint64(c.Tip().Height) {
		t.Errorf("%d blocks of miners were accepted, and the chain has %d", stats.Solutions[mine.Accepted], c.Tip().Height)
	}
	if accepted == 0 || stats.Shares[server.ShareAccepted] < accepted {
		t.Errorf("the clients count %d accepted shares, the server %d", accepted, stats.Shares[server.ShareAccepted])
	}
	checkSearched(t, miners)
}

// checkSearched fails the test if two searches had a header, a version and a nonce in
// common, or if no version was rolled.
func checkSearched(t *testing.T, miners []*miner) {
	t.Helper()
	byHeader := map[pow.Header][]searched{}
	versions := map[int32]bool{}
	for _, m := range miners {
		for _, s := range m.engine.searched {
			byHeader[s.header] = append(byHeader[s.header], s)
			versions[s.header.Version] = true
		}
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
