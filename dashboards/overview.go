package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Overview returns the dashboard that shows at a glance whether the nodes hash, agree
// on the chain, and work properly.
func Overview() Dashboard {
	return Dashboard{
		UID:   "lode-overview",
		Title: "Lode: overview",
		About: "Do the nodes hash, agree and keep up? If something is red here, look for the cause in the other dashboards.",
		Rows: []Row{
			{Title: "Now", Panels: []Panel{
				{
					Title: "Nodes that answer", Kind: Stat, Unit: units.PercentUnit,
					About:   "Share of the nodes that Prometheus can reach. If it is below 100 %, see the alert LodeNodeDown, and look at the log of the missing node.",
					Queries: []Query{{`avg(up{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, bad}, {1, good}},
				},
				{
					Title: "Hash rate", Kind: Stat, Unit: units.HashesPerSecond,
					About:   "Hashes per second of all nodes together, over the last five minutes, so it is too low until Prometheus has run for as long. It is 0 if nodes mine only on demand and nobody asks for a block. If it is 0 although nodes should be mining, see the alert LodeHashingStalled.",
					Queries: []Query{{`sum(instance:lode_hashes:rate5m{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, odd}, {1e-9, good}},
				},
				{
					Title: "Height", Kind: Stat, Unit: units.LocaleFormat,
					About:   "Height of the highest tip. On average, it should grow by one in every block spacing.",
					Queries: []Query{{`max(lode_chain_height{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Do they agree?", Kind: Stat, Unit: units.Short,
					About:   "Compares the nodes' blocks at a height at least 6 below the tips. If they differ, the nodes are on different branches, and not just because of a race: see the alert LodeNodesDisagree.",
					Queries: []Query{{`max(job:lode_chain_settled:disagree{job=~"$job"})`, ""}},
					Steps:   zeroIsGood(),
					Words:   map[string]string{"0": "yes", "1": "NO"},
				},
				{
					Title: "Since the last block", Kind: Stat, Unit: units.Seconds,
					About:   "Age of the newest tip. While nodes mine continuously, it is rarely more than ten times the block spacing, and at thirty times the alert LodeTipTooOld fires. Where nodes mine only on demand, it says only when somebody last wanted a block.",
					Queries: []Query{{`min(instance:lode_chain_tip:age_seconds{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Alerts that fire", Kind: Stat, Unit: units.Short, Text: true,
					About:   "The alerts that fire now. Prometheus's page Alerts says on which nodes, and docs/monitoring.md what to do about each.",
					Queries: []Query{{`count by (alertname) (ALERTS{alertstate="firing", alertname=~"Lode.*", job=~"$job|"})` + orNone("alertname"), "{{alertname}}"}},
					Steps:   zeroIsGood(),
				},
			}},
			{Title: "How long does a block take?", Panels: []Panel{
				{
					Title: "Time to solve a block, in this node", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About:   "From the start of mining until a header is solved, of all nodes: half of the blocks take less than the middle line, and one in ten less than the lowest or more than the highest. By chance alone, the lines are far apart.",
					Queries: quantiles("lode_time_to_block_seconds"),
				},
				{
					Title: "Time between blocks, by the local clock", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About:   "From one change of the tip to the next, as the nodes themselves measured it; header times are whole seconds. The middle line should be at 0.7 times the network's block spacing.",
					Queries: quantiles("lode_chain_tip_interval_seconds"),
				},
				{
					Title: "Hashes that a block takes", Kind: Lines, Width: 6, Unit: units.SiShort, Log: true,
					About:   "Expected number of hashes of the next block. Divided by the hash rate of the network, it is the expected time of a block: 26 M hashes at 26 MH/s take a second on average. Bitcoin's difficulty is this number over 2^32, so 0.006 stands for 26 M.",
					Queries: []Query{{`lode_chain_next_block_hashes{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Luck", Kind: Lines, Width: 6, Unit: units.PercentUnit,
					About: "Hashes that the nodes' blocks were expected to take, divided by the hashes that they computed. It varies around 100 %, the less, the more blocks there are: of 30 blocks, between 65 and 140 % is common. If it stays lower over hundreds of blocks, a kernel misses solutions.",
					Queries: []Query{
						{`sum(rate(lode_miner_expected_hashes_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) / (sum(rate(lode_hashes_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0)`, "of the moment"},
						{`sum(increase(lode_miner_expected_hashes_total{job=~"$job", instance=~"$instance"}[$__range])) / (sum(increase(lode_hashes_total{job=~"$job", instance=~"$instance"}[$__range])) > 0)`, "of the period shown"},
					},
				},
			}},
			{Title: "Is it hashing?", Panels: []Panel{
				{
					Title: "Hash rate by node", Kind: Stack, Unit: units.HashesPerSecond,
					About:   "One layer for each node. If a layer vanishes, the node has stopped mining or cannot be reached: see the dashboard Miner.",
					Queries: []Query{{`instance:lode_hashes:rate5m{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks found by node, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "Blocks that became the tip. In the long run, a node's share of the blocks equals its share of the hash rate. If a node finds none for hours, its blocks reach the others too late.",
					Queries: []Query{{`60 * sum by (instance) (rate(lode_miner_blocks_total{job=~"$job", instance=~"$instance", outcome="best"}[$__rate_interval]))`, "{{instance}}"}},
				},
				{
					Title: "Difficulty", Kind: Lines, Log: true, Unit: units.Short,
					About:   "Difficulty of the next block. 1 stands for 4.3 billion hashes (2^32) on average, so 0.006 stands for 26 million. It follows the hash rate, so that blocks keep the network's spacing. Nodes with different lines are on different branches.",
					Queries: []Query{{`lode_chain_difficulty{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Does it agree?", Panels: []Panel{
				{
					Title: "Height by node", Kind: Lines, Unit: units.LocaleFormat,
					About:   "Height of each node's tip. The lines should coincide. A node whose line falls behind does not receive blocks: see the dashboard Network.",
					Queries: []Query{{`lode_chain_height{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks between the highest and the lowest tip", Kind: Lines, Unit: units.Short,
					About:   "How far the lowest tip is below the highest one of 75 seconds ago, so that it does not matter when each node is scraped. It should be 0. If a node stays more than 6 blocks behind, the alert LodeNodeBehind fires.",
					Queries: []Query{{`job:lode_chain_height:spread{job=~"$job"}`, "{{job}}"}},
					Steps:   rising(3, 7),
				},
				{
					Title: "Reorgs and stale blocks, per minute", Kind: Lines, Unit: units.CountsPerMinute,
					About: "Number of blocks that lost a race, and how often a node switched to another branch. Some are normal if blocks are found faster than they travel. Many of them waste hash rate: see the dashboard Chain and consensus.",
					Queries: []Query{
						{`60 * sum by (instance) (rate(lode_chain_reorg_depth_blocks_count{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "reorgs of {{instance}}"},
						{`60 * sum by (instance) (rate(lode_chain_blocks_total{job=~"$job", instance=~"$instance", outcome="side"}[$__rate_interval]))`, "side blocks of {{instance}}"},
					},
				},
			}},
			{Title: "Is it well?", Panels: []Panel{
				{
					Title: "Since the last block, by node", Kind: Lines, Unit: units.Seconds,
					About:   "Age of each node's tip. It rises with time and drops with each block. While nodes mine continuously, it reaches five times the block spacing about once in 150 blocks.",
					Queries: []Query{{`instance:lode_chain_tip:age_seconds{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks refused, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "By reason, in Bitcoin Core's terms. A single refused block is somebody's mistake. A steady rate is a faulty miner or an attack: see the alert LodeBlocksRefused.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_chain_refused_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0` + orNone("reason"), "{{reason}}"}},
				},
				{
					Title: "Transactions that wait", Kind: Lines, Unit: units.LocaleFormat,
					About:   "Number of transactions in the mempool. Each block empties it, unless more transactions arrive than fit into blocks. When it is full, posts are answered with 503.",
					Queries: []Query{{`lode_mempool_transactions{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Time to answer, slowest of a hundred", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "99th percentile of the duration of HTTP requests over five minutes, without those that wait for a block and those of /metrics. Above 0.5 s for ten minutes, with enough requests, the alert LodeAPISlow fires.",
					Queries: []Query{{`instance:lode_http_request_duration_seconds:p99{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(.1, .5),
				},
				{
					Title: "Peers by node", Kind: Lines, Unit: units.Short,
					About:   "Number of nodes to which each node is connected. At 0, the alert LodeNoPeers fires: the node mines alone, and its blocks are lost when it meets the others.",
					Queries: []Query{{`instance:lode_peers:sum{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Time for a block to arrive", Kind: Lines, Unit: units.Seconds,
					About: "Time from the discovery of a block until it is this node's tip: the median and the 95th percentile. It should be small compared with the block spacing; otherwise branches compete.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_block_propagation_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "half"},
						{`histogram_quantile(0.95, sum by (le) (rate(lode_block_propagation_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "95 %"},
					},
				},
			}},
		},
	}
}
