package live

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/dashboards"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/server"
	"github.com/lodepow/lode/pow"
)

const farm = "lode-farm" // the job of all targets of TestLiveMiners

// farmStory is a Prometheus that watches Stratum servers and miners.
type farmStory struct {
	*Prometheus
	begun, ended time.Time

	// The causes of alerts: two miners never had work, and at the time of the others the
	// trouble began.
	lost, begins moment
}

// TestLiveMiners watches Stratum servers and machines that run lode mine with a real
// Prometheus, first without trouble for those that can be without, and then while
// something is wrong with each but two. It checks that each alert on miners fires where it
// should and nowhere else, and runs every query of the dashboards on miners.
//
// With LODE_PROMETHEUS=1 it ends after six or seven minutes, and checks the alerts that
// fire by then. With LODE_PROMETHEUS=long it goes on until all have fired, which takes
// more than half an hour.
func TestLiveMiners(t *testing.T) {
	size := os.Getenv("LODE_PROMETHEUS")
	if size == "" {
		t.Skip("NOT TESTED: alerts on miners on a live Prometheus, which takes seven minutes; set LODE_PROMETHEUS=1, or long for those that take half an hour")
	}
	t.Parallel() // with TestLive; both wait most of the time
	s := &farmStory{}
	s.run(t, size == "long")
	first := firing(t, s.Prometheus, farm, s.begun, s.ended)
	slack := slackOf(t, s.Prometheus, `instance:lode_pool_shares_refused:ratio5m{instance="worker"}`, s.begins.to, s.ended)
	slack += scrapeAndEvaluation
	for _, want := range s.alerts() {
		if _, fires := first[want.name]; size == "long" || want.within <= mostWait || fires {
			want.check(t, first, slack)
		} else {
			t.Logf("NOT TESTED: %s, which takes %s; set LODE_PROMETHEUS=long", want.name, want.within)
		}
		delete(first, want.name)
	}
	for name, at := range first {
		t.Errorf("%s fires %s after the trouble began, without a cause", name, at.Sub(s.begins.from).Round(time.Second))
	}
	t.Run("panels", func(t *testing.T) {
		checkPanels(t, s.Prometheus, farm, s.begun, s.ended, []dashboards.Dashboard{dashboards.Stratum(), dashboards.Pool()},
			func(dashboards.Dashboard, dashboards.Panel) string { return "" })
	})
}

// scrapeAndEvaluation is how long it takes until a scrape sees a trouble, and an evaluation
// what was scraped: up to an interval of five seconds each. The documented times below do
// not contain it.
const scrapeAndEvaluation = 10 * time.Second

// mostWait is the documented time of the slowest alerts that the short test waits for.
const mostWait = 5 * time.Minute

// alerts returns the alerts that must fire, with the times that docs/monitoring.md states.
func (s *farmStory) alerts() []expected {
	return []expected{
		{"LodeStratumFull full", s.begins, 0},
		{"LodeMinersBlockInvalid bug", s.begins, 0},
		{"LodeJobTooOld stuck", s.begins, 2 * time.Minute},
		{"LodeMinersGone empty", s.begins, 5 * time.Minute},
		{"LodePoolLost astray", s.lost, 5 * time.Minute},
		{"LodeTemplatesLost nodeless", s.lost, 5 * time.Minute},

		{"LodeMinersBlockLost away", s.begins, 20 * time.Minute}, // 57 pauses of up to ten seconds, and as many attempts
		{"LodeSharesRefused refusing", s.begins, 15 * time.Minute},
		{"LodePoolRefuses refused", s.begins, 15 * time.Minute},
		{"LodeMinersToldLate late", s.begins, 15 * time.Minute},
		{"LodeVardiffRestless restless", s.begins, time.Hour},
	}
}

// run starts everything, and lets it run until the alerts have fired or should have.
func (s *farmStory) run(t *testing.T, long bool) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	var sites []*site
	open := func(name string, bits pow.Bits, limits server.Limits) *site {
		site := newSite(t, name, bits, limits)
		sites = append(sites, site)
		return site
	}
	full := open("full", hardBits, server.Limits{Sessions: 1})
	bug := open("bug", easyBits, server.Limits{})
	stuck := open("stuck", hardBits, server.Limits{})
	empty := open("empty", hardBits, server.Limits{})
	away := open("away", easyBits, server.Limits{})
	refusing := open("refusing", hardBits, server.Limits{})
	late := open("late", hardBits, server.Limits{})
	restless := open("restless", hardBits, server.Limits{})
	well := open("well", hardBits, server.Limits{})

	// Everybody submits good shares, each after a number of seconds.
	var trouble atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	work := func(w *worker, every int, do func(tick int, trouble bool)) {
		working.Go(func() {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if i%every == 0 {
					_ = w.submit(ctx, true)
				}
				if do != nil {
					do(i, trouble.Load())
				}
			}
		})
	}
	join := func(site *site, every int, do func(tick int, trouble bool)) {
		w, _ := site.join(t, "at "+site.Name)
		work(w, every, do)
	}
	join(full, 2, nil)
	join(bug, 2, nil)
	join(stuck, 2, nil)
	join(restless, 2, nil)
	// Every answer takes two seconds of the time of its session, which also sends the jobs.
	join(late, 30, func(tick int, _ bool) {
		if tick%10 == 0 {
			late.works.newTip()
		}
	})
	good, _ := well.join(t, "worker")
	work(good, 2, nil)
	bad, _ := refusing.join(t, "refused")
	work(bad, 2, func(_ int, trouble bool) {
		if trouble {
			_ = bad.submit(ctx, false)
		}
	})
	_, leave := empty.join(t, "at empty")
	finder, _ := away.join(t, "at away")

	lode := filepath.Join(t.TempDir(), "lode")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", lode, "../../cmd/lode")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	targets := []Target{good.Target, bad.Target}
	s.lost = during(func() {
		nobody, err := FreeAddr(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets,
			startMiner(t, lode, "astray", "stratum+tcp://"+nobody, "--user", "somebody"),
			startMiner(t, lode, "nodeless", "http://user:word@"+nobody, "--pay", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"))
		for _, site := range sites {
			targets = append(targets, site.Target)
		}
		listen, err := FreeAddr(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if s.Prometheus, err = StartPrometheus(t.Context(), t.TempDir(), listen, targets...); err != nil {
			t.Fatal(err)
		}
		s.begun = time.Now()
	})
	t.Cleanup(func() {
		s.Close()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	wait(t, quiet)

	s.begins = during(func() {
		bug.works.answer(mine.Invalid)
		away.works.answer(mine.Unanswered)
		stuck.hang(t)
		late.slow.Store(true)
		trouble.Store(true)
		leave()
		turnedAway(t, full)
	})
	working.Go(func() { _ = finder.submit(ctx, true) })
	working.Go(func() { suggest(ctx, t, restless) })

	most := mostWait + time.Minute
	if long {
		most = time.Hour + time.Minute
	}
	for end := s.begins.to.Add(most); time.Now().Before(end) && !s.allFire(t, long); {
		wait(t, time.Second)
	}
	s.ended = time.Now()
}

// allFire reports whether all alerts have fired that the test waits for.
func (s *farmStory) allFire(t *testing.T, long bool) bool {
	first := firing(t, s.Prometheus, farm, s.begun, time.Now())
	return !slices.ContainsFunc(s.alerts(), func(e expected) bool {
		return first[e.name].IsZero() && (long || e.within <= mostWait)
	})
}

// turnedAway connects with a site that has no room.
func turnedAway(t *testing.T, s *site) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetReadDeadline(time.Now().Add(startTimeout))
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%s has answered another miner", s.Name)
	}
}

// suggest is a miner that suggests another difficulty every 11 seconds, which is as often
// as the server follows.
func suggest(ctx context.Context, t *testing.T, s *site) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() {
		for b := make([]byte, 4096); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	})
	defer func() { _ = c.Close() }()
	fmt.Fprintf(c, `{"id":1,"method":"mining.subscribe","params":[]}`+"\n"+`{"id":2,"method":"mining.authorize","params":["restless","x"]}`+"\n")
	tick := time.NewTicker(11 * time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		fmt.Fprintf(c, `{"id":3,"method":"mining.suggest_difficulty","params":[%v]}`+"\n", []float64{1e-3, 1e-2}[i%2])
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
