package dashboards

import (
	"fmt"
	"math"
	"slices"
)

// expectation is the value of a recording rule on the healthy network.
type expectation struct {
	expr, labels string
	value        float64
}

// recorded returns what the recording rules must yield after half an hour without
// trouble. Rates and quantiles are rounded, because scrapes are irregular.
func recorded() []expectation {
	rounded := func(rule string, digits float64) string {
		return fmt.Sprintf(`round(%s{job="lode", instance="a"}, %v)`, rule, digits)
	}
	a := `{job="lode", instance="a"}`
	return []expectation{
		{rounded("instance:lode_hashes:rate5m", 1e7), a, 50e6},
		{`instance:lode_chain_tip:age_seconds{job="lode", instance="a"} < bool 77`, a, 1},
		{`instance:lode_chain_work:log2{job="lode", instance="a"}`, `{__name__="instance:lode_chain_work:log2", job="lode", instance="a"}`, 10},
		{`instance:lode_chain_height:behind{job="lode", instance="a"}`, `{__name__="instance:lode_chain_height:behind", job="lode", instance="a"}`, 0},
		{`job:lode_chain_height:spread{job="lode"}`, `{__name__="job:lode_chain_height:spread", job="lode"}`, 0},
		{`max_over_time(job:lode_chain_settled:disagree{job="lode"}[1h])`, `{job="lode"}`, 0},
		{`max_over_time(instance:lode_chain_reorg_depth_blocks:max10m{job="lode", instance="a"}[30m])`, a, 3},
		{rounded("instance:lode_http_request_duration_seconds:p99", .01), a, .1},
		{rounded("instance:lode_store_commit_duration_seconds:p99", .01), a, .09},
		{`instance:lode_peers:sum{job="lode", instance="a"}`, `{__name__="instance:lode_peers:sum", job="lode", instance="a"}`, 1},
		{rounded("instance:lode_block_propagation_seconds:p95", .05), a, .05},
		{rounded("instance:lode_stratum_shares_refused:ratio5m", .001), a, .01},
		{rounded("instance:lode_stratum_new_tip_seconds:p99", .01), a, .05},
		{rounded("instance:lode_stratum_difficulty_changes:rate30m", .1), a, 1},
		{rounded("instance:lode_pool_shares_refused:ratio5m", .001), a, .02},
	}
}

// troubles returns at least one trouble for each alert.
func troubles() []trouble {
	return slices.Concat(nodeTroubles(), minerTroubles(), kernelTroubles())
}

// kernelTroubles are those of the alert on the speed of a kernel.
func kernelTroubles() []trouble {
	return []trouble{
		{
			alert: "LodeKernelSlow", what: "b was started, and its kernel takes 3.6 times as many cycles as it should", from: at, within: 300, on: "b", flaky: true, labels: ", kernel: sha-ni",
			summary: "A hash of the kernel sha-ni takes 355 cycles on b, more than 2.3 times as many as it should",
			change: func(_, b *scraped) {
				b.set("lode_kernel_cycles_per_hash", `kernel="sha-ni"`, until(at, 98, 355))
			},
		},
	}
}

// nodeTroubles are those of the alerts on nodes themselves.
func nodeTroubles() []trouble {
	return []trouble{
		{
			alert: "LodeNodeDown", what: "b is killed", from: at, within: 75, on: "b",
			summary: "b does not answer",
			change:  func(_, b *scraped) { b.fails = func(t float64) bool { return t >= at } },
		},
		{
			alert: "LodeNothingScraped", what: "the nodes are not in the configuration", from: 60, within: 60, alone: true,
			summary: "Prometheus sees no node at all",
			change: func(a, b *scraped) {
				a.series, b.series = map[string]func(float64) float64{}, map[string]func(float64) float64{}
				a.job, b.job = "other", "other"
			},
		},
		{
			alert: "LodeHashingStalled", what: "a, which mines continuously, stops", from: at, within: 75 + 30, on: "a",
			summary: "a should be mining, but does not hash",
			change: func(a, _ *scraped) {
				a.set("lode_hashes_total", `kernel="sha-ni"`, func(t float64) float64 { return 50e6 * min(t, at) })
			},
		},
		{
			alert: "LodeHashingStalled", what: "transactions wait on b, which does not mine them", from: at, within: 75 + 30, on: "b",
			summary: "b should be mining, but does not hash",
			change: func(_, b *scraped) {
				b.set("lode_hashes_total", `kernel="sha-ni"`, func(t float64) float64 { return 50e6 * min(t, at) })
				b.set("lode_mempool_transactions", "", until(at, 0, 3))
			},
		},
		{
			alert: "LodeHashRateFallen", what: "a hashes at a fifth of its rate", from: at, within: 300 + 600, on: "a",
			summary: "a hashes at 10MH/s, far more slowly than usual",
			change: func(a, _ *scraped) {
				a.set("lode_hashes_total", `kernel="sha-ni"`, func(t float64) float64 { return 50e6*min(t, at) + 10e6*max(t-at, 0) })
			},
		},
		{
			alert: "LodeKernelFaulty", what: "a hundred times as many candidates are wrong as by chance", from: at, within: 60, on: "b", labels: ", kernel: sha-ni",
			summary: "The kernel sha-ni of b has proposed 96.58 wrong candidates within an hour",
			change: func(_, b *scraped) {
				b.set("lode_candidates_refused_total", `kernel="sha-ni"`, until(at, 0, 95))
			},
		},
		{
			alert: "LodeTipTooOld", what: "b gets no more blocks", from: at, within: 30*blockSpacing + 60, on: "b", flaky: true,
			summary: "b has had no block for 8m 0s",
			change: func(_, b *scraped) {
				b.set("lode_chain_tip_timestamp_seconds", "", func(t float64) float64 { return blockSpacing * math.Floor(min(t, at)/blockSpacing) })
			},
		},
		{
			alert: "LodeNodesDisagree", what: "a settled block of b differs", from: at, within: 105,
			summary: "Nodes of JOB are on different branches, at least 6 blocks deep",
			change: func(a, b *scraped) {
				for i, n := range []*scraped{a, b} {
					n.set("lode_chain_settled_height", "", until(at, 170, 180))
					n.set("lode_chain_settled_fingerprint", "", until(at, 5, 6+float64(i)))
				}
			},
		},
		{
			alert: "LodeNodeBehind", what: "b gets no more blocks", from: at, within: 7*blockSpacing + 75 + 120, on: "b", flaky: true,
			summary: "b is 31 blocks behind, more than 6",
			change: func(_, b *scraped) {
				b.set("lode_chain_height", "", func(t float64) float64 { return 100 + math.Floor(min(t, at)/blockSpacing) })
			},
		},
		{
			alert: "LodeDeepReorg", what: "a reorg of four blocks", from: at, on: "b",
			summary: "b has disconnected more than 3 blocks at once",
			change: func(_, b *scraped) {
				b.histogram("lode_chain_reorg_depth_blocks", "", func(t, le float64) float64 {
					if le < 4 {
						return 5
					}
					return until(at, 5, 6)(t)
				}, 1, 2, 3, 4, 6, 10, 20)
			},
		},
		{
			alert: "LodeDeepReorg", what: "a reorg of four blocks, by a node that has just been started", from: at, on: "b",
			summary: "b has disconnected more than 3 blocks at once",
			change: func(_, b *scraped) {
				b.set("process_start_time_seconds", "", until(at-300, -86400, at-300))
				b.histogram("lode_chain_reorg_depth_blocks", "", func(t, le float64) float64 {
					switch {
					case t < at-300:
						return 9
					case le < 4:
						return 2
					}
					return until(at, 2, 3)(t)
				}, 1, 2, 3, 4, 6, 10, 20)
			},
		},
		{
			alert: "LodeBlocksRefused", what: "eight blocks are refused within forty seconds", from: at, within: 40, on: "b",
			summary: "b has refused 10.26 blocks in five minutes",
			change: func(_, b *scraped) {
				for _, reason := range []string{"high-hash", "time-too-new"} {
					b.set("lode_chain_refused_total", fmt.Sprintf("reason=%q", reason), func(t float64) float64 {
						return 1 + math.Floor(min(max(t-at, 0), 40)/10)
					})
				}
			},
		},
		{
			alert: "LodeNoPeers", what: "b loses its peer", from: at, within: 120, on: "b", flaky: true,
			summary: "b has no peers",
			change:  func(_, b *scraped) { b.set("lode_peers", `direction="in"`, until(at, 1, 0)) },
		},
		{
			alert: "LodeClockWrong", what: "the clock of b goes wrong", from: at, within: 300, on: "b", flaky: true,
			summary: "The clock of b differs from its peers' clocks by 2m 0s",
			change:  func(_, b *scraped) { b.set("lode_peer_clock_offset_seconds", "", until(at, 1, -120)) },
		},
		{
			alert: "LodeVersionsMixed", what: "only b is upgraded", from: at, within: 3600, alone: true,
			summary: "The nodes of JOB run 2 different versions",
			change: func(a, b *scraped) {
				a.keep("lode_build_info")
				b.keep("lode_build_info")
				b.set("lode_build_info", `version="v1.0.0", revision="abc"`, until(at, 1, math.NaN()))
				b.set("lode_build_info", `version="v1.1.0", revision="def"`, until(at, math.NaN(), 1))
			},
		},
		{
			alert: "LodeRestarting", what: "b is started every 90 seconds", from: at, within: 4 * 90, on: "b",
			summary: "b has been started 7 times within half an hour",
			change: func(_, b *scraped) {
				b.starts(0)
				b.set("process_start_time_seconds", "", func(t float64) float64 {
					if t < at {
						return -86400
					}
					return at + 90*math.Floor((t-at)/90)
				})
			},
		},
		{
			alert: "LodeDiskFull", what: "a block cannot be stored", from: at, on: "b", labels: ", reason: no-space",
			summary: "b cannot write to its store, because no space is left",
			change: func(_, b *scraped) {
				b.set("lode_store_failures_total", `reason="no-space"`, until(at, 0, 1))
			},
		},
		{
			alert: "LodeStoreBroken", what: "a write fails", from: at, on: "b",
			summary: "The store of b accepts no changes until the node is restarted",
			change:  func(_, b *scraped) { b.set("lode_store_broken", "", until(at, 0, 1)) },
		},
		{
			alert: "LodeNoDescriptors", what: "b has no file descriptors left", from: at, on: "b",
			summary: "b cannot accept connections, because it has no file descriptors left",
			change:  func(_, b *scraped) { b.set("lode_http_accept_failures_total", "", until(at, 0, 3)) },
		},
		{
			alert: "LodeDiskSpaceLow", what: "the disk of b is nearly full", from: at, within: 300, on: "b", flaky: true,
			summary: "b has 512MiB of disk space left",
			change:  func(_, b *scraped) { b.set("lode_store_free_bytes", "", until(at, 5e9, 1<<29)) },
		},
		{
			alert: "LodeMempoolFull", what: "posts find the mempool full", from: at, within: 60 + 40, on: "b",
			summary: "b refuses posts, because its mempool is full",
			change: func(_, b *scraped) {
				b.set("lode_mempool_received_total", `outcome="full"`, func(t float64) float64 { return math.Floor(max(t-at, 0) / 2) })
			},
		},
		{
			alert: "LodeAPISlow", what: "two in a hundred requests take a second", from: at, within: 300 + 600, on: "b",
			summary: "One request in a hundred to b takes more than 750ms",
			change: func(_, b *scraped) {
				b.histogram("lode_http_request_duration_seconds", `route="/chain", method="GET", code="200"`, func(t, le float64) float64 {
					slow := max(t-at, 0) * 2 * .02
					if le < 1 {
						return 2*t - slow
					}
					return 2 * t
				}, .1, .5, 1)
			},
		},
	}
}
