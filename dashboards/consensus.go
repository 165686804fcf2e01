package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Consensus returns the dashboard on the chain, its rules and the mempool.
func Consensus() Dashboard {
	return Dashboard{
		UID:   "lode-consensus",
		Title: "Lode: chain and consensus",
		About: "The state of the chain, whether the nodes agree on it, and which blocks and transactions they refuse.",
		Rows: []Row{
			{Title: "The chain", Panels: []Panel{
				{
					Title: "Network", Kind: Stat, Text: true, Unit: units.Short,
					About:   "Name of the network. Nodes whose network parameters differ in any way ignore each other; put each network into a separate job.",
					Queries: []Query{{`count by (network) (lode_chain_info{job=~"$job", instance=~"$instance"})`, "{{network}}"}},
				},
				{
					Title: "Block spacing aimed at", Kind: Stat, Unit: units.Seconds,
					About:   "The average time between blocks at which the difficulty rule aims. A network with a fixed difficulty has no such aim and shows 0.",
					Queries: []Query{{`max(lode_chain_spacing_seconds{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Block spacing, as it was", Kind: Stat, Unit: units.Seconds,
					About:   "Average time between blocks over the last minutes. If it is far from the aim, the hash rate has just changed; the difficulty follows within an hour.",
					Queries: []Query{{`sum(rate(lode_chain_block_interval_seconds_sum{job=~"$job", instance=~"$instance"}[$__rate_interval])) / (sum(rate(lode_chain_block_interval_seconds_count{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0)`, ""}},
				},
				{
					Title: "Settled height", Kind: Stat, Unit: units.LocaleFormat,
					About:   "Height of the block that is compared between nodes. It is at least 6 blocks below the tip.",
					Queries: []Query{{`max(lode_chain_settled_height{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Branches at that height", Kind: Stat, Unit: units.Short,
					About:   "Number of different blocks that nodes have at the settled height. 1 means that all nodes that have reached it agree. If it is more, see the alert LodeNodesDisagree.",
					Queries: []Query{{`max(count by (job) (count_values by (job) ("fingerprint", lode_chain_settled_fingerprint{job=~"$job"} and on (job, instance) lode_chain_settled_height{job=~"$job"} == on (job) group_left () max by (job) (lode_chain_settled_height{job=~"$job"}))))`, ""}},
					Steps:   []Step{{0, good}, {2, bad}},
				},
				{
					Title: "Chainwork", Kind: Stat, Unit: units.Short,
					About:   "Binary logarithm of the expected number of hashes in the chain: 30 is a billion hashes.",
					Queries: []Query{{`max(instance:lode_chain_work:log2{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Height by node", Kind: Lines, Unit: units.LocaleFormat,
					About:   "Height of each node's tip. The lines should coincide.",
					Queries: []Query{{`lode_chain_height{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Difficulty", Kind: Lines, Log: true, Unit: units.Short,
					About:   "Difficulty of the next block, in units of Bitcoin's least difficulty: 1 stands for 4.3 billion hashes (2^32) on average, so 0.006 stands for 26 million. It at most doubles or halves within a half-life.",
					Queries: []Query{{`lode_chain_difficulty{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Chainwork, binary logarithm", Kind: Lines, Unit: units.Short,
					About:   "Of two branches, the one with more work wins, regardless of their heights.",
					Queries: []Query{{`instance:lode_chain_work:log2{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Blocks", Panels: []Panel{
				{
					Title: "Time between blocks", Kind: Heat, Width: 6, Unit: units.Seconds,
					About:   "Differences between the header times of successive blocks, for blocks connected since the node was started. The average should be the network's spacing. The lowest bucket is full while a new network finds its difficulty, because several blocks then come in a second.",
					Queries: []Query{{`sum by (le) (increase(lode_chain_block_interval_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{le}}"}},
				},
				{
					Title: "Blocks by outcome, per minute", Kind: Stack, Width: 6, Unit: units.CountsPerMinute,
					About:   "best: the block became the tip. side: it is on a side branch. known: the node had it already. held: its parent is missing, or its time is in the future. If many are held, blocks arrive out of order, or clocks differ.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_chain_blocks_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Blocks refused, per minute", Kind: Stack, Width: 6, Unit: units.CountsPerMinute,
					About:   "By the rule that was broken. high-hash and bad-diffbits come from a faulty or dishonest miner, time-too-new from a clock that is ahead, and bad-prevblk from somebody who mines on a branch that was refused.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_chain_refused_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0` + orNone("reason"), "{{reason}}"}},
				},
				{
					Title: "Reorgs by depth", Kind: Heat, Width: 6, Unit: units.Short,
					About:   "Number of blocks disconnected in one reorganisation. Depths of 1 and 2 are ordinary races between miners. More than 3 triggers the alert LodeDeepReorg.",
					Queries: []Query{{`sum by (le) (increase(lode_chain_reorg_depth_blocks_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{le}}"}},
				},
				{
					Title: "Blocks beside the active branch", Kind: Lines, Width: 6, Unit: units.LocaleFormat,
					About:   "Stored blocks on side branches. They are stale unless their branch still wins. Growth means wasted hash rate.",
					Queries: []Query{{`lode_chain_stale_blocks{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks held", Kind: Lines, Width: 6, Unit: units.Short,
					About:   "Blocks kept in memory until their parent arrives, or until the time in their header is reached. The number should return to 0. If it does not, somebody sends blocks of a chain that this node does not have.",
					Queries: []Query{{`lode_chain_held_blocks{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Time to check a block by itself", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About: "Time to check the proof of work, the merkle root, the transactions and the signatures of a block. It grows with the number of signatures.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_chain_verify_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "half"},
						{`histogram_quantile(0.99, sum by (le) (rate(lode_chain_verify_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "99 %"},
					},
				},
				{
					Title: "Time to take a block in", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About: "Time from the arrival of a block until it is on disk and part of its branch. Most of that time is spent on the disk: see the dashboard Node.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_chain_accept_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "half"},
						{`histogram_quantile(0.99, sum by (le) (rate(lode_chain_accept_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "99 %"},
					},
				},
			}},
			{Title: "Mempool", Panels: []Panel{
				{
					Title: "How full it is", Kind: Lines, Unit: units.PercentUnit,
					About: "Share of the limit that is used, by number of transactions or by bytes, whichever is larger. At 100 %, posts are answered with 503 (see the alert LodeMempoolFull): mine blocks, or raise --pool-txs and --pool-bytes.",
					Queries: []Query{
						{`lode_mempool_transactions{job=~"$job", instance=~"$instance"} / lode_mempool_max_transactions >= lode_mempool_bytes / lode_mempool_max_bytes or lode_mempool_bytes{job=~"$job", instance=~"$instance"} / lode_mempool_max_bytes`, "{{instance}}"},
					},
					Steps: rising(.5, .9),
				},
				{
					Title: "Transactions received by outcome, per second", Kind: Stack, Unit: units.CountsPerSecond,
					About:   "added: now pending, and on disk. known: received before. full: the mempool has no room. refused: against the rules. failed: the disk could not be written.",
					Queries: []Query{{`sum by (outcome) (rate(lode_mempool_received_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Transactions refused, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "By the rule that was broken. tx-unsigned means that the network requires signatures and a client does not sign.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_mempool_refused_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{reason}}"}},
				},
			}},
		},
	}
}
