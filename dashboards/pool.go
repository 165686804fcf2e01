package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Pool returns the dashboard on machines that mine for others with lode mine: for a pool
// or for a Bitcoin node.
func Pool() Dashboard {
	return Dashboard{
		UID:   "lode-pool",
		Title: "Lode: mining for others",
		About: "Machines that run lode mine with --metrics: whether they have work, what the pool makes of their shares, and what becomes of their blocks. The dashboard Miner shows their hash rates.",
		Rows: []Row{
			{Title: "For a pool", Panels: []Panel{
				{
					Title: "Machines with work of a pool", Kind: Stat, Unit: units.PercentUnit,
					About:   "Share of the machines that mine for a pool and have work. If one has none for five minutes, the alert LodePoolLost fires.",
					Queries: []Query{{`avg(lode_pool_connected{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, bad}, {1, good}},
				},
				{
					Title: "Rate as pools see it", Kind: Stat, Unit: units.HashesPerSecond,
					About:   "Of all machines together, from the accepted shares of ten minutes.",
					Queries: []Query{{`sum(lode_pool_hash_rate{bound="estimate", job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Shares refused by pools", Kind: Stat, Unit: units.PercentUnit,
					About:   "Fraction of the shares of five minutes that pools have refused. A few stale ones are normal.",
					Queries: []Query{{`max(instance:lode_pool_shares_refused:ratio5m{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   rising(0.02, 0.1),
				},
				{
					Title: "Age of a pool's job", Kind: Stat, Unit: units.Seconds,
					About:   "Of the machine whose job is the oldest. Most pools send one every half minute or minute. It is 0 for machines without work.",
					Queries: []Query{{`max(lode_pool_job_age_seconds{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   rising(120, 600),
				},
				{
					Title: "Blocks for pools", Kind: Stat, Unit: units.LocaleFormat,
					About:   "Accepted shares that are also blocks, in the period that is shown.",
					Queries: []Query{{`round(sum(increase(lode_pool_blocks_total{job=~"$job", instance=~"$instance"}[$__range])))`, ""}},
				},
				{
					Title: "Rate by the pool and by the engine", Kind: Lines, Unit: units.HashesPerSecond,
					About: "What the pool can see from the shares, with the limits between which the true rate is with 95 % confidence, beside what the engine has counted. If the engine's line stays above the limits, the pool does not count all work.",
					Queries: []Query{
						{`lode_pool_hash_rate{job=~"$job", instance=~"$instance"}`, "{{instance}}, {{bound}}"},
						{`instance:lode_hashes:rate5m{job=~"$job", instance=~"$instance"} and on (job, instance) lode_pool_connected{job=~"$job", instance=~"$instance"}`, "{{instance}}, engine"},
					},
				},
				{
					Title: "Shares for pools by outcome, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "What became of the shares. unanswered: the pool has not answered, and the share is submitted again.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_pool_shares_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Refusals, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "Shares that pools have refused, by the reason in the pool's own words. The alert LodePoolRefuses fires if more than a tenth is refused for ten minutes.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_pool_rejects_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0` + orNone("reason"), "{{reason}}"}},
				},
				{
					Title: "Difficulty of a pool's shares", Kind: Lines, Unit: units.Short, Log: true,
					About:   "As the pool has set it for each machine. If it changes all the time, the pool's algorithm does not settle.",
					Queries: []Query{{`lode_pool_difficulty{job=~"$job", instance=~"$instance"} > 0`, "{{instance}}"}},
				},
				{
					Title: "Connections and jobs, per minute", Kind: Lines, Unit: units.CountsPerMinute,
					About: "Connections that gave work, connections that ended or failed, and jobs. More than a failure now and then is a bad line or a bad pool.",
					Queries: []Query{
						{`60 * sum(rate(lode_pool_connections_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "connections"},
						{`60 * sum(rate(lode_pool_failures_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "failures"},
						{`60 * sum(rate(lode_pool_jobs_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "jobs"},
					},
				},
				{
					Title: "Work that pools have counted, in hashes a second", Kind: Lines, Unit: units.HashesPerSecond,
					About:   "What the accepted shares were worth. Over a long time it equals the hash rate of the engine, less the refused shares.",
					Queries: []Query{{`sum by (instance) (rate(lode_pool_shares_hashes_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"}},
				},
			}},
			{Title: "For a Bitcoin node", Panels: []Panel{
				{
					Title: "Machines with work of a node", Kind: Stat, Unit: units.PercentUnit,
					About:   "Share of the machines that mine for a Bitcoin node and have work. If one has none for five minutes, the alert LodeTemplatesLost fires.",
					Queries: []Query{{`avg(lode_gbt_connected{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, bad}, {1, good}},
				},
				{
					Title: "Height of the templates", Kind: Stat, Unit: units.LocaleFormat,
					About:   "Height of the block that is searched for, the highest of all machines.",
					Queries: []Query{{`max(lode_gbt_height{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Reward of a block", Kind: Stat, Unit: units.Short,
					About:   "What the block that is searched for pays, in coins of 100 million satoshi.",
					Queries: []Query{{`max(lode_gbt_reward_satoshis{job=~"$job", instance=~"$instance"}) / 1e8`, ""}},
				},
				{
					Title: "Age of the template", Kind: Stat, Unit: units.Seconds,
					About:   "Time since the node sent its latest template. A long poll lasts 90 seconds at most, so a greater age means that the node does not answer. It is 0 for machines without work.",
					Queries: []Query{{`max(lode_gbt_template_age_seconds{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   rising(100, 120),
				},
				{
					Title: "Transactions in the template", Kind: Stat, Unit: units.LocaleFormat,
					About:   "Transactions that the next block will contain, besides the coinbase; the most of all machines.",
					Queries: []Query{{`max(lode_gbt_transactions{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Blocks for nodes by outcome, per hour", Kind: Stack, Unit: units.Short,
					About:   "Attempts to submit a block. unanswered: the node was away, and the block is submitted again for at least nine minutes. lost: another block was faster. invalid should never happen; the log has the reason.",
					Queries: []Query{{`3600 * sum by (outcome) (rate(lode_gbt_blocks_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Templates and works, per minute", Kind: Lines, Unit: units.CountsPerMinute,
					About: "Templates that the nodes have sent, works that were made of them, and times that a node gave no work. A node without long poll is asked every second.",
					Queries: []Query{
						{`60 * sum(rate(lode_gbt_templates_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "templates"},
						{`60 * sum(rate(lode_gbt_works_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "works"},
						{`60 * sum(rate(lode_gbt_failures_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "no work"},
					},
				},
			}},
		},
	}
}
