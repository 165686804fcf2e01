package dashboards

import "math"

// grows returns a counter that grows by 1 a second, of which the given fraction belongs to
// the series before the moment at, and another one after it.
func grows(before, after float64) func(float64) float64 {
	return func(t float64) float64 { return before*min(t, at) + after*max(0, t-at) }
}

// minerTroubles are those of the alerts on miners of a node, and on machines that mine for
// others.
func minerTroubles() []trouble {
	return []trouble{
		{
			alert: "LodeSharesRefused", what: "three shares in ten are refused", from: at, within: 300 + 600, on: "b",
			summary: "b refuses 30% of the shares of its miners",
			change: func(_, b *scraped) {
				b.serve()
				b.set("lode_stratum_shares_total", `outcome="accepted"`, grows(1, .7))
				b.set("lode_stratum_shares_total", `outcome="stale"`, grows(0, .1))
				b.set("lode_stratum_shares_total", `outcome="low"`, grows(0, .2))
			},
		},
		{
			alert: "LodeJobTooOld", what: "the node sends its miners no job", from: at, on: "b",
			summary: "The miners of b search a job that is 2m 30s old",
			change: func(_, b *scraped) {
				b.serve()
				b.set("lode_stratum_job_age_seconds", "", until(at, 15, 150))
			},
		},
		{
			alert: "LodeStratumFull", what: "miners are turned away", from: at, on: "b", labels: ", reason: full",
			summary: "b turns miners away, because it has too many sessions",
			change: func(_, b *scraped) {
				b.serve()
				b.set("lode_stratum_sessions_closed_total", `reason="full"`, until(at, 5, 9))
			},
		},
		{
			alert: "LodeMinersGone", what: "all miners leave", from: at, within: 300, on: "b", flaky: true,
			summary: "All miners of b are gone",
			change: func(_, b *scraped) {
				b.serve()
				b.set("lode_stratum_sessions", "", until(at, 3, 0))
			},
		},
		{
			alert: "LodeMinersToldLate", what: "one job in twenty takes two seconds", from: at, within: 300 + 600, on: "b",
			summary: "One miner in a hundred of b waits 2.2s for a job on a new tip",
			change: func(_, b *scraped) {
				b.serve()
				b.newTips(at)
			},
		},
		{
			alert: "LodeMinersBlockInvalid", what: "the chain refuses a block of a miner", from: at, on: "b",
			summary: "b has refused a block of one of its miners",
			change: func(_, b *scraped) {
				b.serve()
				b.set("lode_stratum_blocks_total", `outcome="invalid"`, until(at, 2, 3))
			},
		},
		{
			alert: "LodeMinersBlockLost", what: "nobody takes a block of a miner", from: at, on: "b",
			summary: "b has got no answer to a block of one of its miners",
			change: func(_, b *scraped) {
				b.serve()
				b.set("lode_stratum_blocks_total", `outcome="unanswered"`, until(at, 0, 1))
			},
		},
		{
			alert: "LodeVardiffRestless", what: "every session has another difficulty each minute", from: at, within: 1800 + 1800, on: "b", alone: true,
			summary: "b changes the difficulty of a session 60 times an hour",
			change: func(a, b *scraped) {
				// The test is an hour long, so it has as few series as possible.
				for _, n := range []*scraped{a, b} {
					n.keep("lode_stratum_sessions")
				}
				b.set("lode_stratum_sessions", "", always(3))
				b.set("lode_stratum_difficulties_total", "", grows(3./3600, 3./60))
				// The other node has no miners, but one that looks in for two minutes of ten and
				// is sent four difficulties each time.
				a.set("lode_stratum_sessions", "", func(t float64) float64 {
					if math.Mod(t, 600) >= 480 {
						return 1
					}
					return 0
				})
				a.set("lode_stratum_difficulties_total", "", func(t float64) float64 { return 4 * math.Floor(t/600) })
			},
		},
		{
			alert: "LodePoolLost", what: "no pool answers", from: at, within: 300, on: "b", flaky: true,
			summary: "b mines for no pool",
			change: func(_, b *scraped) {
				b.mineForOthers()
				b.set("lode_pool_connected", "", until(at, 1, 0))
			},
		},
		{
			alert: "LodePoolRefuses", what: "the pool refuses a quarter of the shares", from: at, within: 300 + 600, on: "b",
			summary: "The pool of b refuses 25% of its shares",
			change: func(_, b *scraped) {
				b.mineForOthers()
				b.set("lode_pool_shares_total", `outcome="accepted"`, grows(1, .75))
				b.set("lode_pool_shares_total", `outcome="stale"`, grows(0, .25))
			},
		},
		{
			alert: "LodeTemplatesLost", what: "the Bitcoin node is gone", from: at, within: 300, on: "b", flaky: true,
			summary: "b gets no work from its Bitcoin node",
			change: func(_, b *scraped) {
				b.mineForOthers()
				b.set("lode_gbt_connected", "", until(at, 1, 0))
			},
		},
	}
}
