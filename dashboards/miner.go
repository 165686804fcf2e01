package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Miner returns the dashboard on the engine and the blocks that it finds.
func Miner() Dashboard {
	return Dashboard{
		UID:   "lode-miner",
		Title: "Lode: miner",
		About: "How fast the engine hashes, how its searches end, and what becomes of the blocks that it finds.",
		Rows: []Row{
			{Title: "Set up", Panels: []Panel{
				{
					Title: "Kernel", Kind: Stat, Width: 8, Text: true, Unit: units.Short,
					About:   "The hashing loop that each node uses. `lode kernels` shows why it was chosen, and how fast it is without the rest of the engine.",
					Queries: []Query{{`count by (kernel, lanes) (lode_kernel_info{job=~"$job", instance=~"$instance"})`, "{{kernel}}, {{lanes}} lanes"}},
				},
				{
					Title: "Workers", Kind: Stat, Unit: units.Short,
					About:   "Number of goroutines that hash, for all nodes together. More workers than cores bring no gain.",
					Queries: []Query{{`sum(lode_workers{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Mode", Kind: Stat, Text: true, Unit: units.Short,
					About:   "When the nodes mine: on demand, while transactions are pending, or continuously.",
					Queries: []Query{{`count by (mode) (lode_miner_info{job=~"$job", instance=~"$instance"})`, "{{mode}}"}},
				},
				{
					Title: "Searches under way", Kind: Stat, Unit: units.Short,
					About:   "One for each node that is mining. It is lower for moments between two jobs, and while a miner waits for its clock.",
					Queries: []Query{{`sum(lode_searches_active{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, odd}, {1, good}},
				},
				{
					Title: "Time to a block, expected", Kind: Stat, Unit: units.Seconds,
					About:   "Average number of hashes that the next block takes, divided by the hash rate of all nodes. It should be near the network's spacing.",
					Queries: []Query{{`max(lode_chain_next_block_hashes{job=~"$job", instance=~"$instance"}) / sum(instance:lode_hashes:rate5m{job=~"$job", instance=~"$instance"} > 0)`, ""}},
				},
			}},
			{Title: "Speed", Panels: []Panel{
				{
					Title: "Hash rate by kernel", Kind: Stack, Unit: units.HashesPerSecond,
					About:   "Hashes per second, from the engine's exact count. If it decreases gradually, the machine is hot or busy. If it drops suddenly, the node has another kernel or fewer workers.",
					Queries: []Query{{`sum by (instance, kernel) (rate(lode_hashes_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{instance}} {{kernel}}"}},
				},
				{
					Title: "Hash rate of a worker", Kind: Lines, Unit: units.HashesPerSecond,
					About:   "Average over the workers of a node. If it is much lower than what `lode kernels` shows for one core, the workers share cores with each other or with other programs.",
					Queries: []Query{{`instance:lode_hashes:rate5m{job=~"$job", instance=~"$instance"} / on (job, instance) lode_workers{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Latency of a cancel", Kind: Lines, Unit: units.Seconds, Log: true,
					About: "Time from a new tip until the search on the old one has ended. A search ends after its current chunk, which takes at most 0.4 ms; if it takes longer, other programs occupy the cores.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_search_cancel_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "half"},
						{`histogram_quantile(0.99, sum by (le) (rate(lode_search_cancel_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "99 %"},
					},
				},
			}},
			{Title: "Searches and blocks", Panels: []Panel{
				{
					Title: "Searches by outcome, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "found: the search found a block. exhausted: a job of two seconds ended without a block, which is normal. cancelled: another block arrived first. If most are cancelled, the node's share of the hash rate is too small, or it receives blocks late.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_searches_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Blocks solved by outcome, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "best: the block became the tip. lost: another block was faster. failed: the block was refused or could not be stored, which should never happen; the node's log has the reason.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_miner_blocks_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Time to a block, as it was", Kind: Heat, Unit: units.Seconds,
					About:   "Time from the start of mining until a header is solved. The distribution is geometric: most times are short, and some are four times the average.",
					Queries: []Query{{`sum by (le) (increase(lode_time_to_block_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{le}}"}},
				},
				{
					Title: "Hashes that became chainwork", Kind: Lines, Unit: units.PercentUnit,
					About:   "Growth of the chainwork, divided by the hashes of all nodes. It varies around 100 % by luck. If it is far lower for an hour, blocks are lost in races, or nodes disagree.",
					Queries: []Query{{`max by (job) (delta(lode_chain_work_hashes{job=~"$job"}[$__rate_interval])) / sum by (job) (increase(lode_hashes_total{job=~"$job"}[$__rate_interval]) > 0)`, "{{job}}"}},
				},
				{
					Title: "Candidates refused, of 2³² hashes", Kind: Lines, Unit: units.Short,
					About:   "Candidates from a kernel that turned out, by their full hash, to miss the target. At most one is normal on average. If there are many, the kernel is faulty: choose another with --kernel, and report it; see the alert LodeKernelFaulty.",
					Queries: []Query{{`2^32 * sum by (kernel) (rate(lode_candidates_refused_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) / sum by (kernel) (rate(lode_hashes_total{job=~"$job", instance=~"$instance"}[$__rate_interval]) > 0)`, "{{kernel}}"}},
					Steps:   rising(10, 100),
				},
				{
					Title: "Processor time", Kind: Lines, Unit: units.Short,
					About:   "Number of cores that each node keeps busy. It should be slightly more than its number of workers.",
					Queries: []Query{{`rate(process_cpu_seconds_total{job=~"$job", instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
				},
			}},
		},
	}
}
