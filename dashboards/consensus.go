package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Consensus is about the chain, its rules and the mempool.
func Consensus() Dashboard {
	return Dashboard{
		UID:   "lode-consensus",
		Title: "Lode: chain and consensus",
		About: "What the chain looks like, whether the nodes agree on it, and what they refuse.",
		Rows: []Row{
			{Title: "The chain", Panels: []Panel{
				{
					Title: "Network", Kind: Stat, Text: true,
					About:   "Name of the network. Nodes whose networks differ in anything have nothing to do with each other; give them jobs of their own.",
					Queries: []Query{{`count by (network) (lode_chain_info{job=~"$job", instance=~"$instance"})`, "{{network}}"}},
				},
				{
					Title: "Block spacing aimed at", Kind: Stat, Unit: units.Seconds,
					About:   "0 is a network with a fixed difficulty, which aims at none.",
					Queries: []Query{{`max(lode_chain_spacing_seconds{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Block spacing, as it was", Kind: Stat, Unit: units.Seconds,
					About:   "Average of ten minutes. Far from the aim: the hash rate has just changed, and the difficulty follows within an hour.",
					Queries: []Query{{`sum(rate(lode_chain_block_interval_seconds_sum{job=~"$job", instance=~"$instance"}[10m])) / (sum(rate(lode_chain_block_interval_seconds_count{job=~"$job", instance=~"$instance"}[10m])) > 0)`, ""}},
				},
				{
					Title: "Settled height", Kind: Stat, Unit: units.LocaleFormat,
					About:   "The block that is compared, at least 6 below the tip.",
					Queries: []Query{{`max(lode_chain_settled_height{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Branches at that height", Kind: Stat,
					About:   "1: all nodes that are as far have the same block. More: see the alert LodeNodesDisagree.",
					Queries: []Query{{`max(count by (job) (count_values by (job) ("fingerprint", lode_chain_settled_fingerprint{job=~"$job"} and on (job, instance) lode_chain_settled_height{job=~"$job"} == on (job) group_left () max by (job) (lode_chain_settled_height{job=~"$job"}))))`, ""}},
					Steps:   []Step{{0, good}, {2, bad}},
				},
				{
					Title: "Chainwork", Kind: Stat,
					About:   "Its binary logarithm: 30 is a billion hashes.",
					Queries: []Query{{`max(instance:lode_chain_work:log2{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Height by node", Kind: Lines, Unit: units.LocaleFormat,
					About:   "The lines should lie on each other.",
					Queries: []Query{{`lode_chain_height{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Difficulty", Kind: Lines, Log: true,
					About:   "Of the next block, in units of Bitcoin's least. It doubles or halves at most every half-life.",
					Queries: []Query{{`lode_chain_difficulty{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Chainwork, binary logarithm", Kind: Lines,
					About:   "Of two branches the one with more work wins, whatever its height.",
					Queries: []Query{{`instance:lode_chain_work:log2{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Blocks", Panels: []Panel{
				{
					Title: "Time between blocks", Kind: Heat, Width: 6, Unit: units.Seconds,
					About:   "From the header times, of blocks connected since the start. The average should be the spacing; the lowest bucket is full while a chain catches up.",
					Queries: []Query{{`sum by (le) (increase(lode_chain_block_interval_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{le}}"}},
				},
				{
					Title: "Blocks by outcome, per minute", Kind: Stack, Width: 6,
					About:   "best: the new tip; side: beside the active branch; known: came again; held: its parent or its time was to come. Many held: blocks arrive out of order, or clocks differ.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_chain_blocks_total{job=~"$job", instance=~"$instance"}[2m]))`, "{{outcome}}"}},
				},
				{
					Title: "Blocks refused, per minute", Kind: Stack, Width: 6,
					About:   "By the word of the rule. high-hash and bad-diffbits: a broken or lying miner; time-too-new: a clock that is ahead; bad-prevblk: somebody mines on a branch that was refused.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_chain_refused_total{job=~"$job", instance=~"$instance"}[2m])) > 0` + orNone("reason"), "{{reason}}"}},
				},
				{
					Title: "Reorgs by depth", Kind: Heat, Width: 6,
					About:   "Blocks disconnected at a time. 1 and 2 are races; more than 3 is the alert LodeDeepReorg.",
					Queries: []Query{{`sum by (le) (increase(lode_chain_reorg_depth_blocks_bucket{job=~"$job", instance=~"$instance"}[2m]))`, "{{le}}"}},
				},
				{
					Title: "Blocks beside the active branch", Kind: Lines, Width: 6, Unit: units.LocaleFormat,
					About:   "Stored, and stale unless their branch wins yet. Growth is wasted hash rate.",
					Queries: []Query{{`lode_chain_stale_blocks{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks held", Kind: Lines, Width: 6,
					About:   "In memory until their parent or their time comes. It should return to 0; if not, somebody sends blocks of a chain that this node does not have.",
					Queries: []Query{{`lode_chain_held_blocks{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Time to check a block by itself", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About: "Proof of work, merkle root, transactions and signatures. It grows with the signatures in a block.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_chain_verify_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "half"},
						{`histogram_quantile(0.99, sum by (le) (rate(lode_chain_verify_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "99 %"},
					},
				},
				{
					Title: "Time to take a block in", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About: "From its coming in to its being on disk and on its branch. Most of it is the disk: see dashboard Node.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_chain_accept_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "half"},
						{`histogram_quantile(0.99, sum by (le) (rate(lode_chain_accept_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "99 %"},
					},
				},
			}},
			{Title: "Mempool", Panels: []Panel{
				{
					Title: "How full it is", Kind: Lines, Unit: units.PercentUnit,
					About: "By count and by bytes, whichever is more. At 100 % posts get 503 (LodeMempoolFull): mine, or raise --pool-txs and --pool-bytes.",
					Queries: []Query{
						{`lode_mempool_transactions{job=~"$job", instance=~"$instance"} / lode_mempool_max_transactions >= lode_mempool_bytes / lode_mempool_max_bytes or lode_mempool_bytes{job=~"$job", instance=~"$instance"} / lode_mempool_max_bytes`, "{{instance}}"},
					},
					Steps: rising(.5, .9),
				},
				{
					Title: "Transactions received by outcome, per second", Kind: Stack,
					About:   "added: pending and on disk; known: posted again; full: no room; refused: against the rules; failed: the disk.",
					Queries: []Query{{`sum by (outcome) (rate(lode_mempool_received_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Transactions refused, per minute", Kind: Stack,
					About:   "By the word of the rule. tx-unsigned: the network wants signatures and a client does not sign.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_mempool_refused_total{job=~"$job", instance=~"$instance"}[2m]))`, "{{reason}}"}},
				},
			}},
		},
	}
}
