package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// attackByStalledSync: peers from two addresses show headers with the most work of
// all, and their blocks never come.
func attackByStalledSync(a arena) {
	a.fakeBranches("peers with forged headers, whose blocks never come", "not joined in 120 s", "10.77.0.5", func(fakeBranch) http.HandlerFunc { return never })
}

// attackBySlowSync: the same peers send a valid block of their branch every nine
// seconds, so that there is always some progress.
func attackBySlowSync(a arena) {
	a.fakeBranches("the same, with a block every nine seconds", "(not measured)", "10.77.0.6", func(b fakeBranch) http.HandlerFunc { return b.slowly(9 * time.Second) })
}

// fakeBranches runs the attack of peers that show headers of long branches. They have
// found the joiner before the joiner reaches the honest node.
func (a arena) fakeBranches(what, before, ip string, blocks func(fakeBranch) http.HandlerFunc) {
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
	until(15*time.Second, func() bool { return j.peers(t) >= peers })
	attackers := j.peers(t)
	until(15*time.Second, func() bool { return asked.Load() > 0 })
	a.atLeast(peers/8, attackers, "peers")
	a.atLeast(1, int(asked.Load()), "requests for blocks")
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
