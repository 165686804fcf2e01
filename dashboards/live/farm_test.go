package live

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/client"
	clientmetrics "github.com/lodepow/lode/mine/stratum/client/metrics"
	stratummetrics "github.com/lodepow/lode/mine/stratum/metrics"
	"github.com/lodepow/lode/mine/stratum/server"
	"github.com/lodepow/lode/mine/stratum/vardiff"
	"github.com/lodepow/lode/pow"
)

const (
	easyBits = 0x207fffff // every second hash is a block
	hardBits = 0x1d00ffff // Bitcoin's difficulty 1: no test finds a block
)

// works is a source of work whose answers the test decides.
type works struct {
	mu      sync.Mutex
	life    mine.Lifetime
	work    mine.Work
	outcome mine.Outcome  // of every solution
	hang    chan struct{} // if it is not nil, Offer waits until it is closed
}

func newWorks(t *testing.T, bits pow.Bits) *works {
	space, err := mine.NewSpace(nil, 8)
	if err != nil {
		t.Fatal(err)
	}
	return &works{life: mine.NewLifetime(), outcome: mine.Accepted, work: mine.Work{
		ID: "1", Height: 1, Version: 0x20000000, Bits: bits,
		Before: []byte("a coinbase "), After: []byte(" as good as any"), Extranonces: space,
	}}
}

// Offer implements [mine.Source].
func (w *works) Offer() (mine.Offer, error) {
	w.mu.Lock()
	hang := w.hang
	w.mu.Unlock()
	if hang != nil {
		<-hang
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	work := w.work
	return w.life.Offer(&work), nil
}

// Submit implements [mine.Source].
func (w *works) Submit(context.Context, mine.Solution) (mine.Outcome, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.outcome == mine.Unanswered {
		return mine.Unanswered, errors.New("the test does not answer")
	}
	return w.outcome, nil
}

// answer sets the outcome of all solutions from now on.
func (w *works) answer(o mine.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcome = o
}

// newTip makes the present work stale and offers another one.
func (w *works) newTip() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.work.Height++
	w.work.ID += "1"
	w.work.Prev[0]++
	w.life.End()
	w.life = mine.NewLifetime()
}

// site is a Stratum server of the product with work from the test.
type site struct {
	works *works
	addr  string // for miners
	slow  atomic.Bool
	Target
}

// newSite starts a server, and serves its metrics under the name. It ends with the test.
func newSite(t *testing.T, name string, bits pow.Bits, limits server.Limits) *site {
	t.Helper()
	s := &site{works: newWorks(t, bits)}
	srv, err := server.New(server.Config{
		Source: s.works, Limits: limits,
		// A share takes few hashes, which the test itself can compute, and the difficulty
		// does not rise with a share a second.
		Vardiff: vardiff.Config{Rate: 120, Least: 1e-9, Start: 1e-9},
	})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	if err := stratummetrics.Register(reg, srv); err != nil {
		t.Fatal(err)
	}
	s.Target = serveMetrics(t, name, reg)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	inBackground(t, func(ctx context.Context) {
		if err := srv.Run(ctx, slowListener{l, &s.slow}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	return s
}

// hang makes the source of the site hang until the test ends.
func (s *site) hang(t *testing.T) {
	hang := make(chan struct{})
	s.works.mu.Lock()
	defer s.works.mu.Unlock()
	s.works.hang = hang
	t.Cleanup(func() { close(hang) }) // before the site is closed, which was made earlier
}

// serveMetrics serves the metrics of a registry until the test ends.
func serveMetrics(t *testing.T, name string, reg *prometheus.Registry) Target {
	s := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(s.Close)
	return Target{Name: name, Addr: strings.TrimPrefix(s.URL, "http://"), Job: farm}
}

// inBackground runs f until the test ends, and waits for it then.
func inBackground(t *testing.T, f func(ctx context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

// slowListener accepts connections that are as slow as a very bad line while slow is true.
type slowListener struct {
	net.Listener
	slow *atomic.Bool
}

// Accept implements [net.Listener].
func (l slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return slowConn{c, l.slow}, nil
}

type slowConn struct {
	net.Conn
	slow *atomic.Bool
}

// Write implements [net.Conn].
func (c slowConn) Write(b []byte) (int, error) {
	if c.slow.Load() {
		time.Sleep(2 * time.Second)
	}
	return c.Conn.Write(b)
}

// worker is a client of the product that works for a site. It searches nothing by itself:
// the test has it submit shares.
type worker struct {
	*client.Client
	work  mine.Work
	nonce uint32
	Target
}

// join makes a client that works for the site until leave is called or the test ends. It
// returns when the client has work.
func (s *site) join(t *testing.T, name string) (_ *worker, leave func()) {
	t.Helper()
	pool, err := client.ParsePool("stratum+tcp://" + s.addr)
	if err != nil {
		t.Fatal(err)
	}
	pool.User, pool.Password = name, "x"
	c, err := client.New(client.Config{Pools: []client.Pool{pool}})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	if err := clientmetrics.Register(reg, c, nil); err != nil {
		t.Fatal(err)
	}
	w := &worker{Client: c, Target: serveMetrics(t, name, reg)}
	ctx, leave := context.WithCancel(context.Background())
	inBackground(t, func(end context.Context) {
		defer context.AfterFunc(end, leave)()
		c.Run(ctx)
	})
	for end := time.Now().Add(startTimeout); !w.hasWork(); wait(t, 10*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s has got no work", name)
		}
	}
	return w, leave
}

// hasWork takes the latest work, and reports whether there has been any. The client
// withholds it for a moment after a block.
func (w *worker) hasWork() bool {
	if o, err := w.Offer(); err == nil && o.Work != nil {
		w.work = *o.Work
	}
	return w.work.ID != ""
}

// submit submits a header that meets the target of the work, or one that does not.
func (w *worker) submit(ctx context.Context, meets bool) error {
	w.hasWork()
	target := w.work.Target
	if target.IsZero() {
		target, _ = w.work.Bits.Target()
	}
	extranonce := w.work.Extranonces.At(0)
	h := w.work.Header(extranonce, w.work.Version, w.work.Time(uint32(time.Now().Unix())), w.nonce)
	for h.Hash().Meets(target) != meets {
		h.Nonce++
	}
	w.nonce = h.Nonce + 1
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := w.Submit(ctx, mine.Solution{WorkID: w.work.ID, Extranonce: extranonce, Header: h, Hash: h.Hash(), Block: w.work.Bits == easyBits && meets})
	return err
}

// startMiner runs lode mine, whose metrics are scraped under the name, until the test ends.
func startMiner(t *testing.T, lode, name string, args ...string) Target {
	t.Helper()
	addr, err := FreeAddr(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := start(name, exec.Command(lode, append([]string{"mine", "--metrics", addr, "--workers", "1", "--nice"}, args...)...), nil) //nolint:noctx // Stop ends it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, p.Log())
		}
	})
	for end := time.Now().Add(startTimeout); ask(t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil) != http.StatusOK; wait(t, 50*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not serve its metrics; it wrote:\n%s", name, p.Log())
		}
	}
	return Target{Name: name, Addr: addr, Job: farm}
}
