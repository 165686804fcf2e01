package dashboards

import (
	"fmt"
	"time"
)

// The severities of alerts.
const (
	critical = "critical" // wake somebody up
	warning  = "warning"  // can wait until the morning
)

// bridge is how long the latest value of a gauge counts if scrapes fail. Without it, an
// alert that waits for minutes begins anew after each scrape that fails, so it would
// never fire on a machine that is too busy to answer every one of them. It is long enough for
// two scrapes that fail one after the other at the longest interval, which is a minute.
const bridge = "4m"

// Alerts returns the alerts.
func (c AlertConfig) Alerts() []Alert {
	c = c.withDefaults()
	alerts := []Alert{
		{
			Name: "LodeNodeDown", Severity: critical,
			About:       "At a scrape interval of a minute, a single scrape that fails lasts a minute.",
			Expr:        `up{$} == 0`,
			For:         75 * time.Second,
			Summary:     `{{ $labels.instance }} does not answer`,
			Description: `Prometheus has not been able to read the metrics of the node for more than a minute. Either the process has ended, or it cannot be reached. The end of its log has the reason.`,
		},
		{
			Name: "LodeNothingScraped", Severity: critical,
			Expr:        `absent(up{$})`,
			For:         2 * time.Minute,
			Summary:     `Prometheus sees no node at all`,
			Description: `Prometheus has no target that the alerts watch, so no other alert can fire. Look at its page of targets, and at the list of nodes in its configuration.`,
		},
		c.hashingStalled(),
		{
			Name: "LodeHashRateFallen", Severity: warning,
			Expr: fmt.Sprintf(`  instance:lode_hashes:rate5m > 0
and
  instance:lode_hashes:rate5m < %v * avg_over_time(instance:lode_hashes:rate5m[6h])
and on (job, instance)
  lode_miner_info{$, mode="continuous"}`, c.HashRateShare),
			For:         10 * time.Minute,
			Summary:     `{{ $labels.instance }} hashes at {{ $value | humanize }}H/s, far more slowly than usual`,
			Description: `The hash rate of a node that mines continuously has fallen far below its average of six hours. The machine is busy, hot or short of power, or the node was started with fewer workers or another kernel.`,
		},
		{
			Name: "LodeKernelFaulty", Severity: warning,
			About: "A sound kernel proposes about one wrong candidate in 2^32 hashes.",
			Expr: fmt.Sprintf(`  sum by (job, instance, kernel) (increase(lode_candidates_refused_total{$}[1h])) > 10
and
  2^32 * sum by (job, instance, kernel) (increase(lode_candidates_refused_total{$}[1h]))
    > %v * sum by (job, instance, kernel) (increase(lode_hashes_total{$}[1h]))`, c.CandidatesWrong),
			Summary:     `The kernel {{ $labels.kernel }} of {{ $labels.instance }} has proposed {{ $value | humanize }} wrong candidates within an hour`,
			Description: `Candidates of the kernel turn out, by their full hash, to miss the target far more often than chance allows. The kernel, the memory or the processor computes wrongly, so the node may miss blocks too. Choose another kernel with --kernel, and report it.`,
		},
		{
			Name: "LodeKernelSlow", Severity: warning,
			About:       "A kernel is measured when a node starts, and every minute while it is slow. Other load on the core can make it slow for a while.",
			Expr:        fmt.Sprintf(`last_over_time(lode_kernel_cycles_per_hash{$}[`+bridge+`]) > %v * last_over_time(lode_kernel_expected_cycles_per_hash{$}[`+bridge+`])`, c.KernelCycles),
			For:         5 * time.Minute,
			Summary:     fmt.Sprintf(`A hash of the kernel {{ $labels.kernel }} takes {{ $value | humanize }} cycles on {{ $labels.instance }}, more than %v times as many as it should`, c.KernelCycles),
			Description: `The kernel is far slower than on other processors of this family. Either the core was shared with other load in each of several measurements, or the program lies badly in memory. Restart the node; if that does not help, copy its file to another name and start the copy.`,
		},
		c.tipTooOld(),
		{
			Name: "LodeNodesDisagree", Severity: critical,
			About:         "The sides of a split can be compared only while they are at the same height, which is part of the time.",
			Expr:          `avg_over_time(job:lode_chain_settled:disagree[5m]) > 0.3`,
			KeepFiringFor: 5 * time.Minute,
			Summary:       `Nodes of {{ $labels.job }} are on different branches, at least 6 blocks deep`,
			Description:   `Two nodes have different blocks at the same height, so deep below their tips that it is not a race between two blocks. The network is split, or one side refuses the other's blocks.`,
		},
		{
			Name: "LodeNodeBehind", Severity: warning,
			About: "Nodes are scraped at different moments, up to a scrape interval apart. The highest tip of 75 seconds ago was scraped before any of " +
				"the heights with which it is compared, so that a healthy node is not below it.",
			Expr:        fmt.Sprintf(`last_over_time(instance:lode_chain_height:behind[`+bridge+`]) > %v`, c.BlocksBehind),
			For:         2 * time.Minute,
			Summary:     fmt.Sprintf(`{{ $labels.instance }} is {{ $value }} blocks behind, more than %v`, c.BlocksBehind),
			Description: `The tip of the node is far below that of another node of the same network. It is still downloading, its peers do not answer, or it refuses blocks that the others accept; its log says which.`,
		},
		{
			Name: "LodeDeepReorg", Severity: warning,
			Expr:        fmt.Sprintf(`instance:lode_chain_reorg_depth_blocks:max10m > %v`, c.ReorgDepth),
			Summary:     fmt.Sprintf(`{{ $labels.instance }} has disconnected more than %v blocks at once`, c.ReorgDepth),
			Description: `The node has switched to another branch with more work and has disconnected many blocks. Who relied on as many confirmations was wrong. After a split this is the repair; otherwise somebody with much hash rate has mined in secret.`,
		},
		{
			Name: "LodeBlocksRefused", Severity: warning,
			Expr:        fmt.Sprintf(`sum by (job, instance) (increase(lode_chain_refused_total{$}[5m])) > %v`, c.BlocksRefused),
			Summary:     `{{ $labels.instance }} has refused {{ $value | humanize }} blocks in five minutes`,
			Description: `Somebody sends blocks that break the rules: a faulty miner, a wrong clock, another version, or an attack. The panel "Blocks refused" shows the reasons.`,
		},
		{
			Name: "LodeNoPeers", Severity: warning,
			Expr:        `last_over_time(instance:lode_peers:sum[` + bridge + `]) == 0 and on (job) count by (job) (last_over_time(lode_chain_height{$}[` + bridge + `])) > 1`,
			For:         2 * time.Minute,
			Summary:     `{{ $labels.instance }} has no peers`,
			Description: `The node is connected to no other node, although there are others. The blocks that it mines are lost once it finds them. Its log has the results of its attempts to connect.`,
		},
		{
			Name: "LodeClockWrong", Severity: warning,
			Expr:        fmt.Sprintf(`abs(last_over_time(lode_peer_clock_offset_seconds{$}[`+bridge+`])) > %v`, c.ClockSeconds),
			For:         5 * time.Minute,
			Summary:     `The clock of {{ $labels.instance }} differs from its peers' clocks by {{ $value | humanizeDuration }}`,
			Description: `The clock of the node differs from the median of its peers' clocks. At two hours the node is cut off from the others. Set the clock, and keep it right with a time service; the node need not be restarted.`,
		},
		{
			Name: "LodeVersionsMixed", Severity: warning,
			Expr:        `count by (job) (count by (job, version, revision) (lode_build_info{$})) > 1`,
			For:         c.VersionsFor,
			Summary:     `The nodes of {{ $labels.job }} run {{ $value }} different versions`,
			Description: `Nodes of one network run different versions for longer than an upgrade takes. If the versions judge a block differently, the network splits. The panel "Version" shows which versions there are.`,
		},
		{
			Name: "LodeRestarting", Severity: critical,
			Expr: fmt.Sprintf(`  changes(process_start_time_seconds{$}[30m]) > %v
and
  time() - process_start_time_seconds{$} < 600`, c.Restarts),
			Summary:     `{{ $labels.instance }} has been started {{ $value }} times within half an hour`,
			Description: `The node ends again and again, and something starts it each time. The end of the log of each run has the reason.`,
		},
		{
			Name: "LodeDiskFull", Severity: critical,
			Expr:        `increase(lode_store_failures_total{$, reason="no-space"}[5m]) > 0`,
			Summary:     `{{ $labels.instance }} cannot write to its store, because no space is left`,
			Description: `The disk is full, or a quota is used up. Posts are answered with 507, and blocks are not stored. Free some space; the node then continues by itself.`,
		},
		{
			Name: "LodeStoreBroken", Severity: critical,
			Expr:        `lode_store_broken{$} == 1`,
			Summary:     `The store of {{ $labels.instance }} accepts no changes until the node is restarted`,
			Description: `A write to the disk has failed in such a way that the state of the disk is unknown. The node ends within 15 seconds. Look for disk errors in the log of the system before you start it again.`,
		},
		{
			Name: "LodeNoDescriptors", Severity: critical,
			Expr:        `increase(lode_http_accept_failures_total{$}[5m]) > 0`,
			Summary:     `{{ $labels.instance }} cannot accept connections, because it has no file descriptors left`,
			Description: `The process or the machine has no file descriptor left, so clients have been turned away. Raise the limit, or lower --connections.`,
		},
		{
			Name: "LodeDiskSpaceLow", Severity: warning,
			Expr:        fmt.Sprintf(`last_over_time(lode_store_free_bytes{$}[`+bridge+`]) < %.0f`, c.FreeBytes),
			For:         5 * time.Minute,
			Summary:     `{{ $labels.instance }} has {{ $value | humanize1024 }}B of disk space left`,
			Description: `The disk of the store is nearly full. Free some space before the node cannot write any more.`,
		},
		{
			Name: "LodeMempoolFull", Severity: warning,
			About:       "A single post that finds the mempool full says little.",
			Expr:        fmt.Sprintf(`sum by (job, instance) (increase(lode_mempool_received_total{$, outcome="full"}[5m])) > %v`, c.PostsRefused),
			For:         time.Minute,
			Summary:     `{{ $labels.instance }} refuses posts, because its mempool is full`,
			Description: `The mempool holds as many transactions as it can, and posts are answered with 503. Either nobody mines, or more transactions arrive than fit into blocks.`,
		},
		{
			Name: "LodeAPISlow", Severity: warning,
			About: "Of few requests, the slowest is one in a hundred. A single slow one leaves the window of the rule before the alert fires.",
			Expr: fmt.Sprintf(`  instance:lode_http_request_duration_seconds:p99 > %v
and on (job, instance)
  sum by (job, instance) (increase(lode_http_requests_total{$, route!~"`+uncounted+`"}[5m])) > %v`, c.AnswerSeconds, c.AnswerRequests),
			For:         10 * time.Minute,
			Summary:     `One request in a hundred to {{ $labels.instance }} takes more than {{ $value | humanizeDuration }}`,
			Description: `The node answers slowly, requests that wait for a block aside. The panel "Time to answer" of the dashboard on nodes shows which route is slow; often it is the disk, or a machine without spare cores.`,
		},
	}
	alerts = append(alerts, c.minerAlerts()...)
	for i := range alerts {
		alerts[i].Expr = c.selected(alerts[i].Expr)
	}
	return alerts
}

// hashingStalled compares two scrapes rather than computing a rate, so that it is as
// quick as the scrape interval allows.
func (c AlertConfig) hashingStalled() Alert {
	return Alert{
		Name: "LodeHashingStalled", Severity: critical,
		About: "Two different scrapes show the same number of hashes. The scrapes are at least 75 seconds apart, or, if the interval is longer " +
			"than that, next to each other. The timestamps make sure that they are different.",
		Expr: `  sum by (job, instance) (lode_hashes_total{$}) == sum by (job, instance) (lode_hashes_total{$} offset 75s)
and on (job, instance)
  timestamp(lode_workers{$}) > timestamp(lode_workers{$} offset 75s)
and on (job, instance)
  (
      lode_miner_info{$, mode="continuous"}
    or
      lode_miner_info{$, mode="pending"}
    and on (job, instance)
      lode_mempool_transactions{$} > 0
    and on (job, instance)
      lode_mempool_transactions{$} offset 75s > 0
  )`,
		For:         30 * time.Second,
		Summary:     `{{ $labels.instance }} should be mining, but does not hash`,
		Description: `The node mines continuously, or has transactions to mine, and yet has computed no hash for more than a minute. Other programs occupy the cores, the disk is full, or its clock is behind; its log has the reason.`,
	}
}

// tipTooOld leaves out networks on which nobody has to mine.
func (c AlertConfig) tipTooOld() Alert {
	a := Alert{
		Name: "LodeTipTooOld", Severity: critical,
		Expr: fmt.Sprintf(`last_over_time(instance:lode_chain_tip:age_seconds[`+bridge+`]) > %v * (last_over_time(lode_chain_spacing_seconds{$}[`+bridge+`]) > 0)`, c.TipSpacings),
		For:  time.Minute,

		Summary:     `{{ $labels.instance }} has had no block for {{ $value | humanizeDuration }}`,
		Description: `No block has come for many times the block spacing of the network. Either the hash rate has fallen sharply, or blocks do not reach the node.`,
	}
	if !c.TipAlways {
		a.About = "A network on which nodes mine on demand may be idle. So a node that mines continuously must have run for as long as no block has come."
		a.Expr += fmt.Sprintf(`
and on (job)
  (
      max by (job) (
            time() - last_over_time(process_start_time_seconds{$}[`+bridge+`])
        and on (job, instance)
            last_over_time(lode_miner_info{$, mode="continuous"}[`+bridge+`])
      )
    > on (job)
      %v * max by (job) (last_over_time(lode_chain_spacing_seconds{$}[`+bridge+`]))
  )`, c.TipSpacings)
	}
	return a
}
