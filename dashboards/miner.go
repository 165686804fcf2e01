package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Miner is about the engine and the blocks it finds.
func Miner() Dashboard {
	return Dashboard{
		UID:   "lode-miner",
		Title: "Lode: miner",
		About: "How fast the engine hashes, what its searches come to, and what becomes of the blocks.",
		Rows: []Row{
			{Title: "Set up", Panels: []Panel{
				{
					Title: "Kernel", Kind: Stat, Width: 8, Text: true,
					About:   "The inner loop of the nodes. `lode kernels` tells why it was chosen and how fast it is by itself.",
					Queries: []Query{{`count by (kernel, lanes) (lode_kernel_info{job=~"$job", instance=~"$instance"})`, "{{kernel}}, {{lanes}} lanes"}},
				},
				{
					Title: "Workers", Kind: Stat,
					About:   "Goroutines that hash, of all nodes. More than there are cores gains nothing.",
					Queries: []Query{{`sum(lode_workers{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Mode", Kind: Stat, Text: true,
					About:   "When the nodes mine: on demand, while transactions wait, or always.",
					Queries: []Query{{`count by (mode) (lode_miner_info{job=~"$job", instance=~"$instance"})`, "{{mode}}"}},
				},
				{
					Title: "Searches under way", Kind: Stat,
					About:   "1 for each node that mines. Less now and then: between two jobs, or while a miner waits for the clock.",
					Queries: []Query{{`sum(lode_searches_active{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, odd}, {1, good}},
				},
				{
					Title: "Time to a block, expected", Kind: Stat, Unit: units.Seconds,
					About:   "Hashes that the next block takes on average, over the hash rate of all nodes. It should be near the network's spacing.",
					Queries: []Query{{`max(lode_chain_difficulty{job=~"$job", instance=~"$instance"}) * 2^32 / sum(instance:lode_hashes:rate1m{job=~"$job", instance=~"$instance"} > 0)`, ""}},
				},
			}},
			{Title: "Speed", Panels: []Panel{
				{
					Title: "Hash rate by kernel", Kind: Stack, Unit: units.HashesPerSecond,
					About:   "Hashes a second, from the engine's exact count. A slow step down is a hot or busy machine; a sudden one is another kernel or fewer workers.",
					Queries: []Query{{`sum by (instance, kernel) (rate(lode_hashes_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{instance}} {{kernel}}"}},
				},
				{
					Title: "Hash rate of a worker", Kind: Lines, Unit: units.HashesPerSecond,
					About:   "Much below what `lode kernels` shows for one core: the workers share cores, with each other or with other programs.",
					Queries: []Query{{`instance:lode_hashes:rate1m{job=~"$job", instance=~"$instance"} / on (job, instance) lode_workers{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Latency of a cancel", Kind: Lines, Unit: units.Seconds, Log: true,
					About: "From a new tip to the end of the search for the old one. A chunk takes at most 0.4 ms; more is a machine whose cores are taken.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_search_cancel_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "half"},
						{`histogram_quantile(0.99, sum by (le) (rate(lode_search_cancel_seconds_bucket{job=~"$job", instance=~"$instance"}[5m])))`, "99 %"},
					},
				},
			}},
			{Title: "Searches and blocks", Panels: []Panel{
				{
					Title: "Searches by outcome, per minute", Kind: Stack,
					About:   "found: a block; exhausted: a job of two seconds without one, as it should be; cancelled: another block was faster. Mostly cancelled: the node has too small a share, or hears of blocks late.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_searches_total{job=~"$job", instance=~"$instance"}[2m]))`, "{{outcome}}"}},
				},
				{
					Title: "Blocks solved by outcome, per minute", Kind: Stack,
					About:   "best: the new tip; lost: another was faster; failed: refused or not kept, which is never right: the node's log says why.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_miner_blocks_total{job=~"$job", instance=~"$instance"}[2m]))`, "{{outcome}}"}},
				},
				{
					Title: "Time to a block, as it was", Kind: Heat, Unit: units.Seconds,
					About:   "From the start of mining to a solved header. Geometric: most are short, some are four times the average.",
					Queries: []Query{{`sum by (le) (increase(lode_time_to_block_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{le}}"}},
				},
				{
					Title: "Hashes that became chainwork", Kind: Lines, Unit: units.PercentUnit,
					About:   "Growth of the chainwork over ten minutes, over the hashes of all nodes. By luck it is around 100 % and not at it; far below for an hour means that blocks are lost to races, or that nodes disagree.",
					Queries: []Query{{`max by (job) (delta(lode_chain_work_hashes{job=~"$job"}[10m])) / sum by (job) (increase(lode_hashes_total{job=~"$job"}[10m]) > 0)`, "{{job}}"}},
				},
				{
					Title: "Candidates refused, of 2³² hashes", Kind: Lines,
					About:   "Candidates of a kernel whose whole hash missed the target, over ten minutes. One at most, on average; many are a kernel that is wrong: choose another with --kernel, and report it.",
					Queries: []Query{{`2^32 * sum by (kernel) (rate(lode_candidates_refused_total{job=~"$job", instance=~"$instance"}[10m])) / sum by (kernel) (rate(lode_hashes_total{job=~"$job", instance=~"$instance"}[10m]) > 0)`, "{{kernel}}"}},
					Steps:   rising(10, 100),
				},
				{
					Title: "Processor time", Kind: Lines,
					About:   "Cores that each node keeps busy. It should be its workers, and a little.",
					Queries: []Query{{`rate(process_cpu_seconds_total{job=~"$job", instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
				},
			}},
		},
	}
}
