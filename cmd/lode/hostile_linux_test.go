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

// dose is the size of an attack.
type dose struct {
	long  time.Duration // how long an attack without a count lasts
	many  int           // number of blocks, transactions or hellos that a flood sends
	conns int           // number of connections of slowloris and of slow readers
}

// hostileDose returns the full dose if LODE_HOSTILE is set, and a small one otherwise.
func hostileDose() (d dose, full bool) {
	if os.Getenv("LODE_HOSTILE") != "" {
		return dose{5 * time.Second, 100_000, 500}, true
	}
	return dose{300 * time.Millisecond, 500, 100}, false
}

const (
	maxStatusWait = time.Second // longest wait for /status during an attack

	// maxGrowth is by how many bytes the anonymous memory (RssAnon) of the node may
	// grow during an attack. Mapped pages of the store's file do not count, because
	// the kernel can reclaim them at any time.
	maxGrowth = 64 << 20

	// maxGrowthOfReaders is the same bound for hundreds of connections that read big
	// answers slowly. They take about 70 to 90 MiB.
	maxGrowthOfReaders = 128 << 20

	bigBlocks = 50 // blocks of 180 kB, which make the answers to slow readers big
)

// TestHostile runs every attack of the list attacks on a node, first one after
// another and then all at once, while the node follows an honest peer. With
// LODE_HOSTILE the attacks have the full dose, and the test also judges memory and
// times; without, it checks that the node keeps answering and recovers.
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
	// Restart the node, so that memory of the sync does not count as the state
	// before the attacks.
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
		eventually(t, "the connections of "+a.name+" are closed", func() bool { return victim.vitals(t).descriptors <= before.descriptors+16 })
	}
	w.begin("all at once")
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	d.many, d.conns = d.many/10, d.conns/2 // conns counts twice: for slowloris and slow readers
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
			t.Errorf("%s: anonymous memory grew by %d MiB, may grow by %d", r.name, growth>>20, maxGrowthOfReaders>>20)
		}
		if r.failed > 0 {
			t.Errorf("%s: %d of %d polls of /status failed", r.name, r.failed, r.polls)
		}
		if full && r.followed == 0 && r.name != "before" {
			t.Errorf("%s: the node followed no honest block", r.name)
		}
	}
	t.Logf("%d MiB resident, %d MiB of it anonymous, %d goroutines and %d descriptors before; the slowest answer to /status took %v, and anonymous memory grew by at most %d MiB",
		before.resident>>20, before.anonymous>>20, before.goroutines, before.descriptors, worst.Round(time.Millisecond), grown>>20)
	if full && grown > maxGrowth {
		t.Errorf("anonymous memory grew by %d MiB, may grow by %d", grown>>20, maxGrowth>>20)
	}
	if full && worst > maxStatusWait {
		t.Errorf("/status took %v, may take %v", worst, maxStatusWait)
	}
	begin := time.Now()
	eventually(t, "descriptors and goroutines are as before", func() bool {
		now := victim.vitals(t)
		// The slack is for connections with the honest peer, which open and close.
		return now.descriptors <= before.descriptors+8 && now.goroutines <= before.goroutines+16
	})
	after := victim.vitals(t)
	t.Logf("%v after the attacks: %d goroutines, %d descriptors (%d and %d before), %+d MiB resident",
		since(begin), after.goroutines, after.descriptors, before.goroutines, before.descriptors, (after.resident-before.resident)>>20)
	eventually(t, "the node has the tip of the honest peer", func() bool { return victim.status(t).Hash == honest.status(t).Hash })
}

// vitals is what a node uses of its machine at one moment.
type vitals struct {
	resident, anonymous     int64 // in bytes: VmRSS, and its part without mapped files, RssAnon
	goroutines, descriptors int
}

// fromProc reads the figures of a node from /proc, all but the goroutines.
func (p *process) fromProc() (v vitals, err error) {
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	text, err := os.ReadFile(proc + "status")
	if err != nil {
		return v, err
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
	v.descriptors = len(descriptors)
	return v, err
}

// vitals reads the figures of a node from /proc and from /metrics.
func (p *process) vitals(t testing.TB) vitals {
	t.Helper()
	v, err := p.fromProc()
	if err != nil {
		t.Fatal(err)
	}
	_, metrics, err := p.call(t.Context(), http.MethodGet, "/metrics", "")
	if err != nil {
		return v // a node that does not answer shows in the polls of /status, too
	}
	for line := range strings.Lines(string(metrics)) {
		if n, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			v.goroutines, _ = strconv.Atoi(strings.TrimSpace(n))
		}
	}
	return v
}

// round is what the watcher saw during one attack.
type round struct {
	name          string
	start         time.Time
	polls, failed int
	worst         time.Duration // slowest answer to /status
	followed      int           // number of honest blocks that the node followed
	lag           time.Duration // longest time that the node took to follow one
	vitals                      // the maximum of each figure
}

// watcher polls a node all the time and lets an honest peer mine, to see whether the
// node follows. mu guards rounds; the last one is the round under way.
type watcher struct {
	stop  context.CancelFunc
	group sync.WaitGroup
	tip   atomic.Pointer[rules.State] // of the honest peer

	mu     sync.Mutex
	rounds []*round
}

const (
	pollEvery   = 20 * time.Millisecond
	sampleEvery = 200 * time.Millisecond
)

// watch starts a watcher, which stops when the test ends.
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

// begin starts a new round.
func (w *watcher) begin(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rounds = append(w.rounds, &round{name: name, start: time.Now()})
}

// followed returns how many honest blocks the node has followed in this round.
func (w *watcher) followed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rounds[len(w.rounds)-1].followed
}

// report logs what was seen so far in the present round.
func (w *watcher) report(t *testing.T, before vitals) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rounds[len(w.rounds)-1]
	t.Logf("%-20s %6v: /status within %v (%d polls); at most %+d MiB resident, %+d of it anonymous, %d goroutines, %d descriptors; followed %d honest blocks, the slowest in %v",
		r.name, time.Since(r.start).Round(100*time.Millisecond), r.worst.Round(time.Millisecond), r.polls,
		(r.resident-before.resident)>>20, (r.anonymous-before.anonymous)>>20, r.goroutines, r.descriptors, r.followed, r.lag.Round(time.Millisecond))
}

// end stops the watcher and waits until its goroutines have returned.
func (w *watcher) end() {
	w.stop()
	w.group.Wait()
}

// poll asks for /status on a new connection and notes how long the answer took.
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

// follow lets the honest peer mine a block, and waits until the node has the block.
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
