package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Stratum returns the dashboard on the miners that work for a node.
func Stratum() Dashboard {
	return Dashboard{
		UID:   "lode-stratum",
		Title: "Lode: miners",
		About: "Who works for the nodes over Stratum, what becomes of their shares, and how soon they hear of a new tip. Nodes without --stratum are not shown.",
		Rows: []Row{
			{Title: "Now", Panels: []Panel{
				{
					Title: "Sessions", Kind: Stat, Unit: units.Short,
					About:   "Connections of miners that are open, for all nodes together. A node refuses more than --stratum-sessions.",
					Queries: []Query{{`sum(lode_stratum_sessions{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Hash rate", Kind: Stat, Unit: units.HashesPerSecond,
					About:   "Of all miners over five minutes, as their shares show it. It varies by a few percent, because shares come at random; the panel \"Hash rate and its interval\" shows by how much.",
					Queries: []Query{{`sum(lode_stratum_hash_rate{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Shares refused", Kind: Stat, Unit: units.PercentUnit,
					About:   "Fraction of the latest shares that did not count. A few stale ones are normal.",
					Queries: []Query{{`1 - sum(increase(lode_stratum_shares_total{outcome="accepted", job=~"$job", instance=~"$instance"}[$__rate_interval])) / sum(increase(lode_stratum_shares_total{job=~"$job", instance=~"$instance"}[$__rate_interval]) > 0)`, ""}},
					Steps:   rising(0.02, 0.1),
				},
				{
					Title: "Age of the job", Kind: Stat, Unit: units.Seconds,
					About:   "Of the work that the miners search, for the node where it is the oldest. It is renewed every half minute; if it is older than two, the node hangs, and the alert LodeJobTooOld fires. It is 0 if there is no work.",
					Queries: []Query{{`max(lode_stratum_job_age_seconds{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   rising(40, 120),
				},
				{
					Title: "Workers", Kind: Stat, Unit: units.Short,
					About:   "Names of workers that are remembered, present or not.",
					Queries: []Query{{`sum(lode_stratum_workers{job=~"$job", instance=~"$instance"})`, ""}},
				},
			}},
			{Title: "Hash rate and difficulty", Panels: []Panel{
				{
					Title: "Hash rate and its interval", Kind: Lines, Width: 6, Unit: units.HashesPerSecond,
					About: "Hash rate of the miners of each node, from the shares of five minutes. With 95 % confidence the true rate is between the two other lines. 50 shares a minute tell it within 12 %.",
					Queries: []Query{
						{`lode_stratum_hash_rate{job=~"$job", instance=~"$instance"}`, "{{instance}}"},
						{`lode_stratum_hash_rate_low{job=~"$job", instance=~"$instance"}`, "{{instance}}, at least"},
						{`lode_stratum_hash_rate_high{job=~"$job", instance=~"$instance"}`, "{{instance}}, at most"},
					},
				},
				{
					Title: "Difficulty of the sessions", Kind: Lines, Width: 6, Unit: units.Short, Log: true,
					About:   "The least, the median and the greatest difficulty of the sessions of each node. It follows the hash rate of each miner. 1 stands for 4.3 billion hashes (2^32) to a share on average.",
					Queries: []Query{{`lode_stratum_difficulty{job=~"$job", instance=~"$instance"} > 0`, "{{instance}}, {{bound}}"}},
				},
				{
					Title: "Shares of a session, per minute", Kind: Lines, Width: 6, Unit: units.CountsPerMinute,
					About:   "Shares of a session on average, over all sessions of a node. The difficulty aims at 50. Far more means that miners have just begun; far fewer, that sessions do not mine.",
					Queries: []Query{{`60 * sum by (job, instance) (rate(lode_stratum_shares_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) / on (job, instance) (lode_stratum_sessions{job=~"$job", instance=~"$instance"} > 0)`, "{{instance}}"}},
				},
				{
					Title: "Changes of difficulty, per session and hour", Kind: Lines, Width: 6, Unit: units.Short,
					About:   "Difficulties that were sent, over half an hour. About one in an hour is normal, and some at the start of each session. Above 12 for half an hour, the alert LodeVardiffRestless fires.",
					Queries: []Query{{`instance:lode_stratum_difficulty_changes:rate30m{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(4, 12),
				},
			}},
			{Title: "Shares and blocks", Panels: []Panel{
				{
					Title: "Shares by outcome, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "About 50 a minute for each miner. stale: too late. low: the miner uses another difficulty than its job's. duplicate, version, time and malformed point to faulty firmware.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_stratum_shares_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Blocks by outcome, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "Blocks that miners have found, by the answer of the chain. lost: another block was faster. invalid should never happen; the node's log has the reason.",
					Queries: []Query{{`60 * sum by (outcome) (rate(lode_stratum_blocks_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					Title: "Sessions by node", Kind: Lines, Unit: units.Short,
					About:   "Connections of miners by node.",
					Queries: []Query{{`lode_stratum_sessions{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Sessions that ended, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "By the reason. full: there were too many. slow, long and malformed: the miner did not keep to the protocol.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_stratum_sessions_closed_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{reason}}"}},
				},
				{
					Title: "Jobs and difficulties, per minute", Kind: Lines, Unit: units.CountsPerMinute,
					About: "Lines that were sent to miners. A miner gets a job every 5 to 30 seconds, and another difficulty about once an hour.",
					Queries: []Query{
						{`60 * sum(rate(lode_stratum_jobs_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "jobs"},
						{`60 * sum(rate(lode_stratum_difficulties_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "difficulties"},
					},
				},
				{
					Title: "From a new tip to the miners", Kind: Lines, Unit: units.Seconds, Log: true,
					About: "Time until a miner has been sent its first job on a new tip. Until then it works for nothing.",
					Queries: []Query{
						{`histogram_quantile(0.5, sum by (le) (rate(lode_stratum_new_tip_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "half"},
						{`histogram_quantile(0.99, sum by (le) (rate(lode_stratum_new_tip_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))`, "99 %"},
					},
				},
			}},
		},
	}
}
