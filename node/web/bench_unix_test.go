//go:build unix

package web

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
)

var (
	benchBlocks = flag.Int("web.blocks", 1_000_000, "length of the chain of BenchmarkPages")
	benchDisk   = flag.Bool("web.disk", false, "BenchmarkPages keeps the chain in a file, in the folder for temporary files")
	benchJudge  = flag.Bool("web.judge", false, "BenchmarkPages ends with a verdict on each page and on the memory, and fails if one takes more than twice its budget")
)

const (
	pageBudget  = 50 * time.Millisecond // of processor time for a page
	crowdBudget = 256 << 20             // bytes of memory for maxPages pages at once
	benchSlack  = 2                     // how many times its budget something may take before the benchmark fails
)

// BenchmarkPages gets each page, and each answer in JSON that pages ask for, of a chain of a
// million blocks over HTTP. The top of the chain is as unkind as the rules allow, see
// [benchChain]. The budget of a page is 50 ms of processor time, the client's part included.
// The benchmark reports the time; it judges it only with -web.judge, because it depends on
// the machine. It then ends with a verdict for each page and for the memory of many readers,
// and fails if one of them takes more than twice its budget.
//
// The chain is in memory, or with -web.disk in a file as that of a node. The file has just
// been written, so that reads come from the operating system's memory and not from the disk
// itself.
func BenchmarkPages(b *testing.B) {
	params, err := rules.Tutorial(0) // every hash is good enough
	if err != nil {
		b.Fatal(err)
	}
	setup := testSetup{params: params}
	if *benchDisk {
		s, err := store.Open(b.TempDir(), store.Options{NetworkID: params.ID(), NetworkName: params.Name()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		setup.store = s
	}
	n := newTestNode(b, setup)
	c := growBenchChain(b, n.chain, *benchBlocks)
	server := httptest.NewServer(n.api)
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxPages}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	b.Cleanup(client.CloseIdleConnections)
	// busy says that the node may refuse, as it does when too many long answers are asked for.
	get := func(p benchPage, busy bool) int {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+p.path, nil)
		if err != nil {
			b.Fatal(err)
		}
		if p.fragment != "" {
			r.Header.Set(fragmentHeader, p.fragment)
		}
		resp, err := client.Do(r)
		if err != nil {
			b.Error(err)
			return 0
		}
		defer func() { _ = resp.Body.Close() }()
		size, err := io.Copy(io.Discard, resp.Body)
		if busy && resp.StatusCode == http.StatusServiceUnavailable {
			return int(size)
		}
		if want := cmp.Or(p.status, http.StatusOK); err != nil || resp.StatusCode != want {
			b.Errorf("GET %s: %d, want %d: %v", p.path, resp.StatusCode, want, err)
		}
		return int(size)
	}
	var judged verdicts
	pages := c.pages()
	for _, p := range pages {
		b.Run("page="+p.name, func(b *testing.B) {
			b.ReportAllocs()
			size, begun := 0, cpuTime(b)
			for b.Loop() {
				size = get(p, false)
			}
			used := (cpuTime(b) - begun) / time.Duration(b.N)
			b.ReportMetric(float64(size), "B/page")
			b.ReportMetric(float64(used.Nanoseconds())/1e6, "cpu-ms/op")
			judged.add("page="+p.name, float64(used.Nanoseconds())/1e6, float64(pageBudget.Milliseconds()), "ms of processor time")
		})
	}
	b.Run("crowd", func(b *testing.B) {
		peak := peakMemory(b, func() {
			for b.Loop() {
				var wg sync.WaitGroup
				for i := range maxPages {
					wg.Go(func() {
						for j := range len(pages) / 4 {
							get(pages[(i+j)%len(pages)], true)
						}
					})
				}
				wg.Wait()
			}
		})
		b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		judged.add("crowd", float64(peak)/(1<<20), crowdBudget>>20, "MiB of memory")
	})
	if *benchJudge {
		if !judged.report(os.Stdout, len(pages)+1) {
			b.Error("something takes more than its budget allows, see the verdicts")
		}
	}
}

// verdicts compares what was measured with the budgets.
type verdicts []verdict

type verdict struct {
	name           string
	figure, budget float64
	unit           string
}

func (vs *verdicts) add(name string, figure, budget float64, unit string) {
	*vs = append(*vs, verdict{name, figure, budget, unit})
}

// judge says whether a figure is within its budget. A figure of up to benchSlack times the
// budget does not fail the benchmark, because it depends on the machine.
func (v verdict) judge() string {
	switch {
	case v.figure <= v.budget:
		return "PASS"
	case v.figure <= benchSlack*v.budget:
		return "OVER"
	}
	return "FAIL"
}

// report writes a line for each figure and one for all of them. It returns false if a figure
// is far above its budget. want is how many figures there are if nothing is left out.
func (vs verdicts) report(out io.Writer, want int) bool {
	counts := map[string]int{}
	for _, v := range vs {
		counts[v.judge()]++
		fmt.Fprintf(out, "verdict: %s: %-30s %8.2f of %.0f %s\n", v.judge(), v.name, v.figure, v.budget, v.unit)
	}
	all := "PASS"
	switch {
	case counts["FAIL"] > 0:
		all = "FAIL"
	case len(vs) < want:
		all = "NOT ALL MEASURED"
	case counts["OVER"] > 0:
		all = "OVER"
	}
	fmt.Fprintf(out, "verdict: %s: %d of %d figures within the budget, %d up to %d times the budget, %d beyond\n",
		all, counts["PASS"], want, counts["OVER"], benchSlack, counts["FAIL"])
	return counts["FAIL"] == 0
}

// TestVerdicts judges figures at the budget, a little above it and far above it.
func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		figures []float64
		want    int
		end     string
		ok      bool
	}{
		{[]float64{0.1, 50}, 2, "verdict: PASS: 2 of 2 figures within the budget, 0 up to 2 times the budget, 0 beyond\n", true},
		{[]float64{0.1, 50.1, 100}, 3, "verdict: OVER: 1 of 3 figures within the budget, 2 up to 2 times the budget, 0 beyond\n", true},
		{[]float64{0.1}, 2, "verdict: NOT ALL MEASURED: 1 of 2 figures within the budget, 0 up to 2 times the budget, 0 beyond\n", true},
		{[]float64{100.1, 0.1}, 3, "verdict: FAIL: 1 of 3 figures within the budget, 0 up to 2 times the budget, 1 beyond\n", false},
	} {
		var vs verdicts
		for _, f := range test.figures {
			vs.add("page", f, 50, "ms")
		}
		var out strings.Builder
		if ok := vs.report(&out, test.want); ok != test.ok || !strings.HasSuffix(out.String(), test.end) || strings.Count(out.String(), "\n") != len(test.figures)+1 {
			t.Errorf("%v: %v\n%s", test.figures, ok, &out)
		}
	}
}

// benchPage is what BenchmarkPages asks for.
type benchPage struct {
	name, path string
	fragment   string // "": the whole page
	status     int    // 0: 200
}

// pages returns the pages that readers of the chain can open.
func (c benchChain) pages() []benchPage {
	height, half := c.top, fmt.Sprint(c.top/2)
	block, tx := "/explorer/block/", "/explorer/tx/"
	return []benchPage{
		{name: "feed", path: "/"},
		{name: "feed-part", path: "/", fragment: "feed older"},
		{name: "feed-older", path: fmt.Sprintf("/?before=%d.1", height-benchFull-10)},
		{name: "feed-oldest", path: "/?before=" + half + ".1"},
		{name: "pending", path: "/?pending=0"},
		{name: "pending-last", path: fmt.Sprintf("/?pending=%d", benchPending-10)},
		{name: "author", path: "/author/author-7"},
		{name: "author-in-full-blocks", path: "/author/scattered"},
		{name: "author-older", path: "/?author=author-7&before=" + half + ".1"},
		{name: "author-long", path: "/?author=" + c.longName},
		{name: "author-unknown", path: "/author/nobody"},
		{name: "account-in-full-blocks", path: "/account/" + c.key},
		{name: "account-unknown", path: "/account/" + pow.Hash{1}.String()},
		{name: "text-found", path: "/?q=words"},
		{name: "text-not-found", path: "/?q=needle"},
		{name: "text-sparse", path: fmt.Sprintf("/?q=needle&before=%d.1", height-benchFull-10)},
		{name: "text-of-author", path: "/?author=scattered&q=needle"},
		{name: "id", path: "/?q=" + c.sparse.String(), status: http.StatusSeeOther},
		{name: "find-height", path: "/explorer/search?q=" + half, status: http.StatusSeeOther},
		{name: "find-hash", path: "/explorer/search?q=" + c.middle.String(), status: http.StatusSeeOther},
		{name: "find-id", path: "/explorer/search?q=" + c.ofFull.String(), status: http.StatusSeeOther},
		{name: "find-key", path: "/explorer/search?q=" + c.key, status: http.StatusSeeOther},
		{name: "find-author", path: "/explorer/search?q=scattered", status: http.StatusSeeOther},
		{name: "find-nothing", path: "/explorer/search?q=nobody", status: http.StatusNotFound},
		{name: "mining", path: "/mining"},
		{name: "mining-difficulty", path: "/mining", fragment: "plot-difficulty"},
		{name: "explorer", path: "/explorer"},
		{name: "explorer-middle", path: "/explorer?before=" + half},
		{name: "block-full", path: block + c.full.String()},
		{name: "block-full-end", path: block + c.full.String() + "?from=8150"},
		{name: "block-empty", path: block + c.middle.String()},
		{name: "block-stale", path: block + c.side.String()},
		{name: "block-height", path: block + half, status: http.StatusFound},
		{name: "post", path: tx + c.sparse.String()},
		{name: "post-of-full-block", path: tx + c.ofFull.String()},
		{name: "post-pending", path: tx + c.pending.String()},
		{name: "post-longest", path: tx + c.longest.String()},
		{name: "network", path: "/network"},
		{name: "network-tree", path: "/network", fragment: "tree"},
		{name: "learn", path: "/learn/3"},
		{name: "accounts", path: "/accounts"},
		{name: "api", path: "/api"},
		{name: "json-status", path: "/status"},
		{name: "json-proof", path: "/tx/" + c.sparse.String() + "/proof"},
		{name: "json-proof-of-full-block", path: "/tx/" + c.ofFull.String() + "/proof"},
		{name: "json-genesis", path: "/blocks/0"},
		{name: "json-learn", path: fmt.Sprintf("/chain?from=%d&limit=4", height-benchFull-10)},
		{name: "json-learn-full-blocks", path: fmt.Sprintf("/chain?from=%d&limit=4", height-3)},
	}
}

// cpuTime returns the processor time that this process has used, on all cores, the garbage
// collector included.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// peakMemory calls f and returns by how many bytes the memory that the program uses has
// grown meanwhile, at most.
func peakMemory(b *testing.B, f func()) uint64 {
	b.Helper()
	const pause = time.Millisecond
	used := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64() - s[1].Value.Uint64()
	}
	debug.FreeOSMemory() // or what earlier work has left would be filled first, unseen
	before := used()
	peak := before
	ended, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			peak = max(peak, used())
			select {
			case <-ended:
				return
			case <-time.After(pause):
			}
		}
	}()
	f()
	close(ended)
	<-looked
	return peak - before
}
