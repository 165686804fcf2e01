package dashboards

import (
	"fmt"
	"time"
)

// minerAlerts returns the alerts on nodes that serve miners over Stratum, and on machines
// that run lode mine. The metrics of the latter begin with lode_pool if they mine for a
// pool, and with lode_gbt if they mine for a Bitcoin node.
func (c AlertConfig) minerAlerts() []Alert {
	return []Alert{
		{
			Name: "LodeSharesRefused", Severity: warning,
			About: "A few shares are always late. Of few shares, one refused says little.",
			Expr: fmt.Sprintf(`  instance:lode_stratum_shares_refused:ratio5m > %v
and on (job, instance)
  sum by (job, instance) (increase(lode_stratum_shares_total{$}[5m])) > %v`, c.SharesRefused, c.SharesLeast),
			For:         10 * time.Minute,
			Summary:     `{{ $labels.instance }} refuses {{ $value | humanizePercentage }} of the shares of its miners`,
			Description: `More shares are refused than lateness explains. The panel "Shares by outcome" of the dashboard on miners shows what is wrong with them: stale points to slow lines, low to a miner that uses the wrong difficulty, and the others to faulty firmware.`,
		},
		{
			Name: "LodeJobTooOld", Severity: critical,
			About:       "The age is 0 without work, so a node that has nothing to mine does not fire.",
			Expr:        fmt.Sprintf(`lode_stratum_job_age_seconds{$} > %v`, c.JobSeconds),
			Summary:     `The miners of {{ $labels.instance }} search a job that is {{ $value | humanizeDuration }} old`,
			Description: `The node renews the job of its miners every half minute, and has not done so. Their shares may be worth nothing. The process hangs or gets no processor time; its log has the reason.`,
		},
		{
			Name: "LodeStratumFull", Severity: warning,
			Expr:        `increase(lode_stratum_sessions_closed_total{$, reason="full"}[5m]) > 0`,
			Summary:     `{{ $labels.instance }} turns miners away, because it has too many sessions`,
			Description: `The node has as many sessions as --stratum-sessions allows, or one address has as many as it may have. Miners that are turned away do not work. Raise the limit, or let some of them work for another node.`,
		},
		{
			Name: "LodeMinersGone", Severity: warning,
			About: "A miner that only looks in, such as a check, is not missed.",
			Expr: `  last_over_time(lode_stratum_sessions{$}[` + bridge + `]) == 0
and
  max_over_time(min_over_time(lode_stratum_sessions{$}[10m])[1h:1m]) > 0`,
			For:         5 * time.Minute,
			Summary:     `All miners of {{ $labels.instance }} are gone`,
			Description: `Within the last hour the node had miners for ten minutes on end, and it has none now. Their machines are off, they cannot reach the node, or they have gone to another pool. The panel "Sessions that ended" shows how the sessions ended.`,
		},
		{
			Name: "LodeMinersToldLate", Severity: warning,
			Expr:        fmt.Sprintf(`instance:lode_stratum_new_tip_seconds:p99 > %v`, c.TipSeconds),
			For:         10 * time.Minute,
			Summary:     `One miner in a hundred of {{ $labels.instance }} waits {{ $value | humanizeDuration }} for a job on a new tip`,
			Description: `Until a miner has its job on a new tip, it works for nothing. The machine of the node has no spare cores, or the lines to some of the miners are slow.`,
		},
		{
			Name: "LodeMinersBlockInvalid", Severity: critical,
			Expr:        `sum by (job, instance) (increase(lode_stratum_blocks_total{$, outcome=~"invalid|low"}[5m])) > 0`,
			Summary:     `{{ $labels.instance }} has refused a block of one of its miners`,
			Description: `The block solved a job of the node itself, and the chain has refused it. That is a bug, and the block is lost. The log of the node has the reason; please report it.`,
		},
		{
			Name: "LodeMinersBlockLost", Severity: critical,
			Expr:        `sum by (job, instance) (increase(lode_stratum_blocks_total{$, outcome="unanswered"}[10m])) > 0`,
			Summary:     `{{ $labels.instance }} has got no answer to a block of one of its miners`,
			Description: `The block was submitted again and again for nine minutes at least, and nobody took it. The source of the work is away, or the node cannot write its store. The log of the node has the reasons.`,
		},
		{
			Name: "LodeVardiffRestless", Severity: warning,
			About: "In an hour with a constant rate, a session has about one change. Each new session has some at its start, so miners that only look in now and then do not count.",
			Expr: fmt.Sprintf(`  instance:lode_stratum_difficulty_changes:rate30m > %v
and on (job, instance)
  min_over_time(lode_stratum_sessions{$}[30m]) > 0`, c.DifficultyChanges),
			For:         30 * time.Minute,
			Summary:     `{{ $labels.instance }} changes the difficulty of a session {{ $value | humanize }} times an hour`,
			Description: `The difficulties of the sessions do not settle. Either miners connect again and again, or their hash rates change all the time, or they suggest difficulties. The panels on difficulties and on sessions that ended tell these apart.`,
		},
		{
			Name: "LodePoolLost", Severity: warning,
			Expr:        `last_over_time(lode_pool_connected{$}[` + bridge + `]) == 0`,
			For:         5 * time.Minute,
			Summary:     `{{ $labels.instance }} mines for no pool`,
			Description: `No pool of the list has given the miner work for five minutes, so its machine does nothing. The log of the miner says why each connection ended.`,
		},
		{
			Name: "LodePoolRefuses", Severity: warning,
			About: "A share whose answer was lost is submitted again, so unanswered ones do not count.",
			Expr: fmt.Sprintf(`  instance:lode_pool_shares_refused:ratio5m > %v
and on (job, instance)
  sum by (job, instance) (increase(lode_pool_shares_total{$, outcome!="unanswered"}[5m])) > %v`, c.SharesRefused, c.SharesLeast),
			For:         10 * time.Minute,
			Summary:     `The pool of {{ $labels.instance }} refuses {{ $value | humanizePercentage }} of its shares`,
			Description: `More shares are refused than lateness explains. The panel "Refusals" of the dashboard on mining for others shows the pool's own words. Stale shares point to a slow line; try another pool or its nearest server.`,
		},
		{
			Name: "LodeTemplatesLost", Severity: warning,
			Expr:        `last_over_time(lode_gbt_connected{$}[` + bridge + `]) == 0`,
			For:         5 * time.Minute,
			Summary:     `{{ $labels.instance }} gets no work from its Bitcoin node`,
			Description: `The Bitcoin node has sent no usable template for five minutes. It is down, still starts, has no peers, or refuses the credentials; the log of the miner says which.`,
		},
	}
}
