package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// dose is how much an attack has.
type dose struct {
	long  time.Duration // it lasts, and until its counts are reached
	many  int           // "a hundred thousand"
	conns int           // of slowloris and of slow readers
}

func hostileDose() (d dose, full bool) {
	if os.Getenv("LODE_HOSTILE") != "" {
		return dose{5 * time.Second, 100_000, 500}, true
	}
	return dose{300 * time.Millisecond, 500, 100}, false
}

const (
	maxStatusWait = time.Second
	// maxGrowth is of memory beyond that at the start, in bytes: RssAnon, since
	// pages of the store's file that have been read are the system's to take back.
	maxGrowth = 64 << 20

	// maxGrowthOfReaders is the same under hundreds of connections that read big
	// answers slowly, which take about 70 to 90 MiB.
	maxGrowthOfReaders = 128 << 20

	bigBlocks = 50 // of 180 kB, for slow readers
)

// TestHostile attacks a node in every way that attacks has, one after the other
// and all at once, while it follows an honest peer. With LODE_HOSTILE set the
// doses are those of the promise, and the times are judged too.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("much traffic")
	}
	d, full := hostileDose()
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	honest := startNode(t, t.TempDir(), "--difficulty", "1")
	big := strings.Repeat("x", 60<<10)
	for range bigBlocks { // 9 MB in all
		for range 3 {
			honest.post(t, big)
		}
		honest.mine(t)
	}
	data := t.TempDir()
	victim := startNode(t, data, "--difficulty", "1", "--peer", honest.url)
	synced := func() bool { return victim.height(t) == bigBlocks && victim.peers(t) == 1 }
	eventually(t, "the node has the honest chain", synced)
	// What the sync took of memory is not what the attacks begin with.
	victim.stop(t, syscall.SIGTERM)
	victim = startNode(t, data, "--difficulty", "1", "--peer", honest.url)
	eventually(t, "the node is back", synced)

	w := watch(t, victim, honest)
	victimTarget := target{url: victim.url, params: params, tip: func() rules.State { return *w.tip.Load() }}
	eventually(t, "the watch has begun", func() bool { return w.tip.Load().Height > bigBlocks })
	before := victim.vitals(t)
	for _, a := range attacks() {
		w.begin(a.name)
		ctx, cancel := context.WithCancel(t.Context())
		for tries := 0; tries == 0 || full && tries < 10 && w.followed() == 0; tries++ {
			a.run(ctx, t, victimTarget, d)
		}
		cancel()
		w.report(t, before)
		eventually(t, a.name+" leaves no connections behind", func() bool { return victim.vitals(t).descriptors <= before.descriptors+16 })
	}
	w.begin("all at once")
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	d.many, d.conns = d.many/10, d.conns/2 // slowloris and slow readers together
	for _, a := range attacks() {
		group.Go(func() { a.run(ctx, t, victimTarget, d) })
	}
	group.Wait()
	cancel()
	w.end()
	w.report(t, before)

	worst, grown := time.Duration(0), int64(0)
	for _, r := range w.rounds {
		growth := r.anonymous - before.anonymous
		worst = max(worst, r.worst)
		if r.name != "slow readers" && r.name != "all at once" {
			grown = max(grown, growth)
		} else if full && growth > maxGrowthOfReaders {
			t.Errorf("%s: %d MiB more of anonymous memory, at most %d", r.name, growth>>20, maxGrowthOfReaders>>20)
		}
		if r.failed > 0 {
			t.Errorf("%s: %d of %d polls of /status failed", r.name, r.failed, r.polls)
		}
		if full && r.followed == 0 && r.name != "before" {
			t.Errorf("%s: no honest block was followed", r.name)
		}
	}
	t.Logf("%d MiB resident, %d MiB of it anonymous, %d goroutines and %d descriptors before; the worst answer to /status took %v, and at most %d MiB of anonymous memory were added",
		before.resident>>20, before.anonymous>>20, before.goroutines, before.descriptors, worst.Round(time.Millisecond), grown>>20)
	if full && grown > maxGrowth {
		t.Errorf("%d MiB more of anonymous memory, at most %d", grown>>20, maxGrowth>>20)
	}
	if full && worst > maxStatusWait {
		t.Errorf("/status took %v, at most %v", worst, maxStatusWait)
	}
	begin := time.Now()
	eventually(t, "descriptors and goroutines are as before", func() bool {
		now := victim.vitals(t)
		// Connections with the honest peer come and go.
		return now.descriptors <= before.descriptors+8 && now.goroutines <= before.goroutines+16
	})
	after := victim.vitals(t)
	t.Logf("%v after the attacks: %d goroutines, %d descriptors (%d and %d before), %+d MiB resident",
		since(begin), after.goroutines, after.descriptors, before.goroutines, before.descriptors, (after.resident-before.resident)>>20)
	eventually(t, "it is where the honest peer is", func() bool { return victim.status(t).Hash == honest.status(t).Hash })
}

// vitals are what a node has taken of its machine.
type vitals struct {
	resident, anonymous     int64 // bytes: VmRSS, and RssAnon of it, which has no mapped files
	goroutines, descriptors int
}

func (p *process) vitals(t testing.TB) (v vitals) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	text, err := os.ReadFile(proc + "status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			v.resident = kib << 10
		case "RssAnon":
			v.anonymous = kib << 10
		}
	}
	descriptors, err := os.ReadDir(proc + "fd")
	if err != nil {
		t.Fatal(err)
	}
	v.descriptors = len(descriptors)
	_, metrics, err := p.call(t.Context(), http.MethodGet, "/metrics", "")
	if err != nil {
		return v // the polls of /status tell of it
	}
	for line := range strings.Lines(string(metrics)) {
		if n, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			v.goroutines, _ = strconv.Atoi(strings.TrimSpace(n))
		}
	}
	return v
}

// round is what was seen during one attack.
type round struct {
	name          string
	start         time.Time
	polls, failed int
	worst         time.Duration // of an answer to /status
	followed      int           // honest blocks
	lag           time.Duration // of the slowest
	vitals                      // the most
}

// watcher polls a node all the time, and lets an honest peer mine.
type watcher struct {
	stop  context.CancelFunc
	group sync.WaitGroup
	tip   atomic.Pointer[rules.State]

	mu     sync.Mutex
	rounds []*round
}

const (
	pollEvery   = 20 * time.Millisecond
	sampleEvery = 200 * time.Millisecond
)

func watch(t *testing.T, victim, honest *process) *watcher {
	ctx, stop := context.WithCancel(t.Context())
	w := &watcher{stop: stop}
	w.begin("before")
	w.tip.Store(&rules.State{})
	w.group.Go(func() {
		for ctx.Err() == nil {
			w.poll(ctx, victim.url)
			wait(ctx, pollEvery)
		}
	})
	w.group.Go(func() {
		for ctx.Err() == nil {
			v := victim.vitals(t)
			w.mu.Lock()
			r := w.rounds[len(w.rounds)-1]
			r.resident, r.anonymous = max(r.resident, v.resident), max(r.anonymous, v.anonymous)
			r.goroutines, r.descriptors = max(r.goroutines, v.goroutines), max(r.descriptors, v.descriptors)
			w.mu.Unlock()
			wait(ctx, sampleEvery)
		}
	})
	w.group.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			w.follow(ctx, t, victim, honest, i)
		}
	})
	t.Cleanup(w.end)
	return w
}

func (w *watcher) begin(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rounds = append(w.rounds, &round{name: name, start: time.Now()})
}

func (w *watcher) followed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rounds[len(w.rounds)-1].followed
}

// report logs the round under way.
func (w *watcher) report(t *testing.T, before vitals) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rounds[len(w.rounds)-1]
	t.Logf("%-20s %6v: /status within %v (%d polls); at most %+d MiB resident, %+d of it anonymous, %d goroutines, %d descriptors; followed %d honest blocks, the slowest in %v",
		r.name, time.Since(r.start).Round(100*time.Millisecond), r.worst.Round(time.Millisecond), r.polls,
		(r.resident-before.resident)>>20, (r.anonymous-before.anonymous)>>20, r.goroutines, r.descriptors, r.followed, r.lag.Round(time.Millisecond))
}

func (w *watcher) end() {
	w.stop()
	w.group.Wait()
}

// poll asks for /status on a connection of its own.
func (w *watcher) poll(ctx context.Context, url string) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/status", nil)
	if err != nil {
		panic(err)
	}
	start := time.Now()
	resp, err := client.Do(req)
	ok := false
	if err == nil {
		var s nodeStatus
		ok = resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&s) == nil
		_ = resp.Body.Close()
	}
	took := time.Since(start)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rounds[len(w.rounds)-1]
	r.polls++
	r.worst = max(r.worst, took)
	if !ok {
		r.failed++
	}
}

// follow has the honest peer mine a block and waits until the node has it.
func (w *watcher) follow(ctx context.Context, t *testing.T, victim, honest *process, i int) {
	_, _, err := honest.call(ctx, http.MethodPost, "/new_transaction", fmt.Sprintf(`{"author":"ann","content":"%d"}`, i))
	if err == nil {
		_, _, err = honest.call(ctx, http.MethodPost, "/mine", "")
	}
	var s nodeStatus
	if err == nil {
		s, err = honest.tryStatus(ctx)
	}
	if err != nil {
		if ctx.Err() == nil {
			t.Errorf("the honest peer: %v", err)
		}
		wait(ctx, 100*time.Millisecond)
		return
	}
	tip := &rules.State{Height: s.Height, Hash: s.Hash, Work: s.Chainwork}
	w.tip.Store(tip)
	start := time.Now()
	for ctx.Err() == nil {
		if v, err := victim.tryStatus(ctx); err == nil && v.Height >= s.Height {
			w.mu.Lock()
			r := w.rounds[len(w.rounds)-1]
			r.followed++
			r.lag = max(r.lag, time.Since(start))
			w.mu.Unlock()
			break
		}
		wait(ctx, 5*time.Millisecond)
	}
	wait(ctx, 50*time.Millisecond)
}
