package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Overview tells whether the nodes hash, agree and are well.
func Overview() Dashboard {
	return Dashboard{
		UID:   "lode-overview",
		Title: "Lode: overview",
		About: "Do the nodes hash, agree and keep up? If something is red here, the other dashboards tell why.",
		Rows: []Row{
			{Title: "Now", Panels: []Panel{
				{
					Title: "Nodes that answer", Kind: Stat, Unit: units.PercentUnit,
					About:   "Share of the nodes that Prometheus reaches. Below 100 %: see the alert LodeNodeDown; look at the log of the one that is missing.",
					Queries: []Query{{`avg(up{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, bad}, {1, good}},
				},
				{
					Title: "Hash rate", Kind: Stat, Unit: units.HashesPerSecond,
					About:   "Hashes a second of all nodes, over the last minute. 0 while nodes should mine: see the alert LodeHashingStalled.",
					Queries: []Query{{`sum(instance:lode_hashes:rate1m{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   zeroIsBad(),
				},
				{
					Title: "Height", Kind: Stat, Unit: units.LocaleFormat,
					About:   "Height of the highest tip. It should grow by one every block spacing.",
					Queries: []Query{{`max(lode_chain_height{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Do they agree?", Kind: Stat,
					About:   "Compares a block at least 6 below the tips. If nodes differ there they are on different branches for good: see the alert LodeNodesDisagree.",
					Queries: []Query{{`max(job:lode_chain_settled:disagree{job=~"$job"})`, ""}},
					Steps:   zeroIsGood(),
					Words:   map[string]string{"0": "yes", "1": "NO"},
				},
				{
					Title: "Since the last block", Kind: Stat, Unit: units.Seconds,
					About:   "Age of the newest tip. On a network with a spacing of 10 seconds more than 100 is rare, more than 300 is the alert LodeTipTooOld.",
					Queries: []Query{{`min(instance:lode_chain_tip:age_seconds{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   rising(100, 300),
				},
				{
					Title: "Alerts", Kind: Stat,
					About:   "Alerts that are firing. Prometheus's page Alerts lists them, docs/monitoring.md says what to do about each.",
					Queries: []Query{{`count(ALERTS{alertstate="firing", alertname=~"Lode.*", job=~"$job"} or ALERTS{alertstate="firing", alertname="LodeNothingScraped"}) or vector(0)`, ""}},
					Steps:   zeroIsGood(),
					Words:   map[string]string{"0": "none"},
				},
			}},
			{Title: "Is it hashing?", Panels: []Panel{
				{
					Title: "Hash rate by node", Kind: Stack, Unit: units.HashesPerSecond,
					About:   "One layer a node. A layer that vanishes is a node that has stopped mining or that was lost: see dashboard Miner.",
					Queries: []Query{{`instance:lode_hashes:rate1m{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks found by node, per minute", Kind: Stack,
					About:   "Blocks that became the tip, over two minutes. In the long run a node's share is its share of the hash rate; a share of 0 for hours means that its blocks come too late.",
					Queries: []Query{{`60 * sum by (instance) (rate(lode_miner_blocks_total{job=~"$job", instance=~"$instance", outcome="best"}[2m]))`, "{{instance}}"}},
				},
				{
					Title: "Difficulty", Kind: Lines, Log: true,
					About:   "Of the next block. It follows the hash rate, so that blocks come at the network's spacing. Nodes that show different lines disagree.",
					Queries: []Query{{`lode_chain_difficulty{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Does it agree?", Panels: []Panel{
				{
					Title: "Height by node", Kind: Lines, Unit: units.LocaleFormat,
					About:   "The lines should lie on each other. One that falls behind is a node that does not get blocks: see dashboard Network.",
					Queries: []Query{{`lode_chain_height{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks between the highest and the lowest tip", Kind: Lines,
					About:   "1 or 2 for moments is normal; where blocks come several a second it is more, because nodes are scraped at different moments. A node that stays more than 6 behind is the alert LodeNodeBehind.",
					Queries: []Query{{`job:lode_chain_height:spread{job=~"$job"}`, "{{job}}"}},
					Steps:   rising(3, 7),
				},
				{
					Title: "Reorgs and stale blocks, per minute", Kind: Lines,
					About: "Blocks that lost a race, and how often a node had to change its branch. Some are normal where blocks come faster than they travel; many waste hash rate: see dashboard Chain and consensus.",
					Queries: []Query{
						{`60 * sum by (instance) (rate(lode_chain_reorg_depth_blocks_count{job=~"$job", instance=~"$instance"}[2m]))`, "reorgs of {{instance}}"},
						{`60 * sum by (instance) (rate(lode_chain_blocks_total{job=~"$job", instance=~"$instance", outcome="side"}[2m]))`, "side blocks of {{instance}}"},
					},
				},
			}},
			{Title: "Is it well?", Panels: []Panel{
				{
					Title: "Since the last block, by node", Kind: Lines, Unit: units.Seconds,
					About:   "A saw: up with time, down with each block. Teeth of five times the spacing come once in 150 blocks.",
					Queries: []Query{{`instance:lode_chain_tip:age_seconds{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(100, 300),
				},
				{
					Title: "Blocks refused, per minute", Kind: Stack,
					About:   "By reason, in Bitcoin Core's words. Single ones are somebody's mistake; a steady flow is a broken miner or an attack: see the alert LodeBlocksRefused.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_chain_refused_total{job=~"$job", instance=~"$instance"}[2m])) > 0` + orNone("reason"), "{{reason}}"}},
				},
				{
					Title: "Transactions that wait", Kind: Lines, Unit: units.LocaleFormat,
					About:   "In the mempool. It empties with each block unless more come than blocks hold; full means that posts get 503.",
					Queries: []Query{{`lode_mempool_transactions{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Time to answer, slowest of a hundred", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "99th percentile of HTTP requests over five minutes, without calls that wait for a block. Above 0.5 s is the alert LodeAPISlow.",
					Queries: []Query{{`instance:lode_http_request_duration_seconds:p99{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(.1, .5),
				},
				{
					Title: "Peers by node", Kind: Lines,
					About:   "Other nodes that this one talks to. 0 is the alert LodeNoPeers: the node mines alone and its blocks are lost when it meets the others.",
					Queries: []Query{{`instance:lode_peers:sum{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Time for a block to arrive", Kind: Lines, Unit: units.Seconds,
					About: "From its being found to its becoming the tip here: half of the blocks, and all but five in a hundred. It should be small beside the spacing, or branches compete.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_block_propagation_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "half"},
						{`histogram_quantile(0.95, sum by (le) (rate(lode_block_propagation_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "95 %"},
					},
				},
			}},
		},
	}
}
