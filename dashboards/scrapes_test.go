package dashboards

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// scraped is a node of a simulated network, with the series that it exports.
type scraped struct {
	job, instance string
	series        map[string]func(t float64) float64 // by name and labels; t is in seconds
	fails         func(t float64) bool               // whether a scrape fails; nil: never
	spelling      spelling
}

// set replaces a series. The labels, such as `kernel="stdlib"`, may be empty.
func (n *scraped) set(name, labels string, value func(t float64) float64) {
	if labels != "" {
		labels = ", " + labels
	}
	n.series[fmt.Sprintf(`%s{job=%q, instance=%q%s}`, name, n.job, n.instance, labels)] = value
}

// drop removes all series of a metric.
func (n *scraped) drop(name string) {
	maps.DeleteFunc(n.series, func(series string, _ func(float64) float64) bool {
		return strings.HasPrefix(series, name+"{")
	})
}

// keep removes all series but those of a metric.
func (n *scraped) keep(name string) {
	maps.DeleteFunc(n.series, func(series string, _ func(float64) float64) bool {
		return !strings.HasPrefix(series, name+"{")
	})
}

// starts lets the process of the node start at a moment, from which it counts anew.
func (n *scraped) starts(at float64) {
	n.set("process_start_time_seconds", "", until(at, -86400, at))
	for _, name := range []string{"lode_hashes_total", "lode_candidates_refused_total", "lode_mempool_received_total",
		"lode_chain_reorg_depth_blocks_bucket", "lode_chain_reorg_depth_blocks_count", "lode_chain_reorg_depth_blocks_sum"} {
		for series, value := range n.series {
			if strings.HasPrefix(series, name+"{") {
				n.series[series] = func(t float64) float64 {
					if t < at {
						return value(t)
					}
					return value(t) - value(at)
				}
			}
		}
	}
}

// histogram replaces the series of a histogram, given the cumulative count in each
// bucket. All samples are as large as the bound of their bucket; those beyond the last
// bound are left out of the sum.
func (n *scraped) histogram(name, labels string, count func(t, le float64) float64, bounds ...float64) {
	if labels != "" {
		labels += ", "
	}
	for _, le := range append(bounds, math.Inf(1)) {
		n.set(name+"_bucket", fmt.Sprintf("%sle=%q", labels, n.spelling.bound(le)), func(t float64) float64 { return count(t, le) })
	}
	labels = strings.TrimSuffix(labels, ", ")
	n.set(name+"_count", labels, func(t float64) float64 { return count(t, math.Inf(1)) })
	n.set(name+"_sum", labels, func(t float64) float64 {
		sum, below := 0., 0.
		for _, le := range bounds {
			sum += le * (count(t, le) - below)
			below = count(t, le)
		}
		return sum
	})
}

// spelling is the way in which bounds of buckets are written: as Prometheus 2 stores
// them, such as 3, or as Prometheus 3 does, such as 3.0.
type spelling int

const (
	prometheus2 spelling = iota
	prometheus3
)

func (s spelling) bound(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case s == prometheus3 && v == math.Trunc(v):
		return text + ".0"
	}
	return text
}

// jitter is by how many seconds a scrape may be early or late, by scrape interval. All
// scrapes are at multiples of it, so that promtool has fewer moments to look at.
var jitter = map[int]int{5: 1, 15: 3, 30: 5, 60: 6}

// scrapes returns the seconds at which a target is scraped. Each target has its own
// phase, and each scrape is early, punctual or late. Neither depends on anything but
// the names and the interval.
func scrapes(job, instance string, interval, length int) []int {
	random := func(k, n int) int {
		h := fnv.New32a()
		_, _ = fmt.Fprint(h, job, "/", instance, "/", interval, "/", k)
		return int(h.Sum32()>>8) % n
	}
	step := jitter[interval]
	phase := step * random(-1, interval/step)
	var all []int
	for k := 0; ; k++ {
		at := phase + k*interval + step*(random(k, 3)-1)
		if at >= length {
			return all
		}
		if at >= 0 {
			all = append(all, at)
		}
	}
}

// input returns the samples of a node in promtool's notation, in which every value or
// underscore stands for a moment; the moments are multiples of the jitter.
func (n *scraped) input(interval, length int) string {
	n.series[fmt.Sprintf("up{job=%q, instance=%q}", n.job, n.instance)] = nil
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(n.series)) {
		value := n.series[name]
		var values []string
		next := 0
		for _, at := range scrapes(n.job, n.instance, interval, length) {
			if slot := at / jitter[interval]; slot > next {
				values = append(values, fmt.Sprintf("_x%d", slot-next))
			}
			next = at/jitter[interval] + 1
			failed := n.fails != nil && n.fails(float64(at))
			switch {
			case value == nil && failed:
				values = append(values, "0")
			case value == nil:
				values = append(values, "1")
			case failed, math.IsNaN(value(float64(at))):
				values = append(values, "stale")
			default:
				values = append(values, strconv.FormatFloat(value(float64(at)), 'f', -1, 64))
			}
		}
		fmt.Fprintf(&out, "      - {series: '%s', values: '%s'}\n", name, strings.Join(values, " "))
	}
	return out.String()
}

func always(v float64) func(float64) float64 { return func(float64) float64 { return v } }

// until returns a value that changes at a moment.
func until(at, before, after float64) func(float64) float64 {
	return func(t float64) float64 {
		if t < at {
			return before
		}
		return after
	}
}

// blockSpacing is the block spacing of healthy networks, in seconds.
const blockSpacing = 10

// healthy returns a node without trouble. It mines continuously, or, if pending is
// set, while transactions wait.
func healthy(job, instance string, pending bool, s spelling) *scraped {
	n := &scraped{job: job, instance: instance, spelling: s, series: map[string]func(float64) float64{}}
	const rate = 50e6
	hashes, waiting, mode := func(t float64) float64 { return rate * t }, always(0), "continuous"
	if pending {
		// Three transactions come every 37 seconds, and are mined for 10 seconds.
		mode = "pending"
		waiting = func(t float64) float64 {
			if math.Mod(t, 37) < 10 {
				return 3
			}
			return 0
		}
		hashes = func(t float64) float64 { return rate * (10*math.Floor(t/37) + min(math.Mod(t, 37), 10)) }
	}
	height := func(t float64) float64 { return 100 + math.Floor(t/blockSpacing) }
	settled := func(t float64) float64 { return 10 * math.Floor((height(t)-6)/10) }
	n.set("lode_hashes_total", `kernel="sha-ni"`, hashes)
	n.set("lode_candidates_refused_total", `kernel="sha-ni"`, func(t float64) float64 { return math.Floor(hashes(t) / (1 << 32)) })
	// A neighbour on the same core makes kernels slower, but not twice.
	n.set("lode_kernel_cycles_per_hash", `kernel="sha-ni"`, always(190))
	n.set("lode_kernel_expected_cycles_per_hash", `kernel="sha-ni"`, always(98.7))
	n.set("lode_miner_info", fmt.Sprintf("mode=%q", mode), always(1))
	n.set("lode_workers", "", always(2))
	n.set("lode_chain_height", "", height)
	n.set("lode_chain_spacing_seconds", "", always(blockSpacing))
	n.set("lode_chain_tip_timestamp_seconds", "", func(t float64) float64 { return blockSpacing * math.Floor(t/blockSpacing) })
	n.set("lode_chain_settled_height", "", settled)
	n.set("lode_chain_settled_fingerprint", "", func(t float64) float64 { return 123456 * settled(t) })
	// Long ago there was a reorg of ten blocks; then there is one of three blocks, and
	// many of one block.
	n.histogram("lode_chain_reorg_depth_blocks", "", func(t, le float64) float64 {
		count := 0.
		for depth, n := range map[float64]float64{10: 1, 3: until(500, 0, 1)(t), 1: math.Floor(t / 200)} {
			if depth <= le {
				count += n
			}
		}
		return count
	}, 1, 2, 3, 4, 6, 10, 20)
	n.set("lode_chain_refused_total", `reason="high-hash"`, until(600, 0, 2))
	n.set("lode_chain_refused_total", `reason="time-too-new"`, until(610, 7, 8))
	n.set("lode_peers", `direction="in"`, always(1))
	n.set("lode_peers", `direction="out"`, always(0))
	n.set("lode_mempool_transactions", "", waiting)
	n.set("lode_mempool_received_total", `outcome="full"`, until(400, 5, 6))
	n.set("lode_mempool_received_total", `outcome="added"`, math.Floor)
	n.set("lode_store_failures_total", `reason="no-space"`, always(3))
	n.set("lode_store_broken", "", always(0))
	n.set("lode_store_free_bytes", "", always(5e9))
	n.set("lode_http_accept_failures_total", "", always(5))
	n.set("process_start_time_seconds", "", always(-86400))
	n.set("lode_build_info", `version="v1.0.0", revision="abc"`, always(1))
	n.set("lode_peer_clock_offset_seconds", "", always(-.2))
	n.set("lode_http_requests_total", `route="/chain", method="GET", code="200"`, func(t float64) float64 { return math.Floor(2 * t) })
	// Two requests a second are quick, apart from two slow ones. All answers of /mine
	// and /metrics are slow.
	n.histogram("lode_http_request_duration_seconds", `route="/chain", method="GET", code="200"`, func(t, le float64) float64 {
		slow := until(700, 0, 2)(t)
		if le < 1 {
			return math.Floor(2*t) - slow
		}
		return math.Floor(2 * t)
	}, .1, .5, 1)
	return n
}

// more adds the series that only some nodes of the tests need.
func (n *scraped) more() {
	n.set("lode_chain_work_hashes", "", always(1024))
	for _, route := range []string{"/mine", "/metrics"} {
		n.histogram("lode_http_request_duration_seconds", fmt.Sprintf(`route=%q, method="GET", code="200"`, route), func(t, le float64) float64 {
			if math.IsInf(le, 1) {
				return math.Floor(2 * t)
			}
			return 0
		}, .1, .5, 1)
	}
	quick := func(t, le float64) float64 {
		if le < .1 {
			return 9 * math.Floor(t/10)
		}
		return 10 * math.Floor(t/10)
	}
	n.histogram("lode_store_commit_duration_seconds", "", quick, .01, .1)
	n.histogram("lode_block_propagation_seconds", "", quick, .01, .1)
	n.serve()
	n.mineForOthers()
}

// serve adds the series of a node with three miners, whose shares come once a second. One
// in a hundred is stale, and each miner has another difficulty once an hour.
func (n *scraped) serve() {
	n.set("lode_stratum_sessions", "", always(3))
	n.set("lode_stratum_sessions_closed_total", `reason="full"`, until(300, 5, 5))
	n.set("lode_stratum_shares_total", `outcome="accepted"`, func(t float64) float64 { return .99 * t })
	n.set("lode_stratum_shares_total", `outcome="stale"`, func(t float64) float64 { return .01 * t })
	n.set("lode_stratum_difficulties_total", "", func(t float64) float64 { return 3 * t / 3600 })
	n.set("lode_stratum_blocks_total", `outcome="invalid"`, always(2))
	n.set("lode_stratum_blocks_total", `outcome="accepted"`, func(t float64) float64 { return math.Floor(t / 60) })
	n.set("lode_stratum_job_age_seconds", "", func(t float64) float64 { return math.Mod(t, 30) })
	n.newTips(0)
}

// newTips sets the times from new tips to the miners, one a second. From the given moment
// on, one in twenty is two seconds, and before that all are short; 0 means that all are.
func (n *scraped) newTips(slowFrom float64) {
	n.histogram("lode_stratum_new_tip_seconds", "", func(t, le float64) float64 {
		if slowFrom > 0 && le < 2.5 {
			return t - .05*max(0, t-slowFrom)
		}
		return t
	}, .05, 1, 2.5)
}

// mineForOthers adds the series of a machine that mines for a pool and for a Bitcoin node.
// The pool refuses one share in fifty.
func (n *scraped) mineForOthers() {
	n.set("lode_pool_connected", "", always(1))
	n.set("lode_pool_shares_total", `outcome="accepted"`, func(t float64) float64 { return .98 * t })
	n.set("lode_pool_shares_total", `outcome="stale"`, func(t float64) float64 { return .02 * t })
	n.set("lode_pool_shares_total", `outcome="unanswered"`, func(t float64) float64 { return 5 * t })
	n.set("lode_gbt_connected", "", always(1))
}
