package dashboards

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// AlertConfig is what can be set in the recording rules and alerts. The zero value of
// each field stands for the default that its comment states.
//
// The windows cannot be set. They suit every scrape interval from 5 to 60 seconds:
// each range contains at least four scrapes, and each offset at least one.
type AlertConfig struct {
	// Selector is the part between the braces of a PromQL selector. It selects the
	// series of the nodes that are watched. Default: job=~"lode.*".
	Selector string

	TipSpacings     float64       // LodeTipTooOld: age of the tip, in block spacings. Default: 30.
	TipAlways       bool          // LodeTipTooOld: also where no watched node mines continuously
	BlocksBehind    float64       // LodeNodeBehind: blocks below the highest tip. Default: 6.
	ReorgDepth      float64       // LodeDeepReorg: depth up to which a reorg is ordinary, one of ReorgDepths. Default: 3.
	BlocksRefused   float64       // LodeBlocksRefused: blocks in five minutes. Default: 5.
	PostsRefused    float64       // LodeMempoolFull: transactions in five minutes. Default: 10.
	FreeBytes       float64       // LodeDiskSpaceLow: free space. Default: 1 GiB.
	AnswerSeconds   float64       // LodeAPISlow: time to answer, 99th percentile. Default: 0.5.
	AnswerRequests  float64       // LodeAPISlow: least number of requests in five minutes. Default: 100.
	ClockSeconds    float64       // LodeClockWrong: difference from the peers' clocks. Default: 60.
	HashRateShare   float64       // LodeHashRateFallen: share of the average of six hours. Default: 0.5.
	CandidatesWrong float64       // LodeKernelFaulty: wrong candidates in 2^32 hashes. Default: 10.
	KernelCycles    float64       // LodeKernelSlow: cycles of a hash, relative to those expected. Default: 2.3.
	Restarts        float64       // LodeRestarting: restarts in half an hour. Default: 3.
	VersionsFor     time.Duration // LodeVersionsMixed: time that an upgrade may take. Default: 1h.

	SharesRefused     float64 // LodeSharesRefused, LodePoolRefuses: share of the shares. Default: 0.1.
	SharesLeast       float64 // LodeSharesRefused, LodePoolRefuses: least number of shares in five minutes. Default: 20.
	JobSeconds        float64 // LodeJobTooOld: age of the miners' job. Default: 120.
	TipSeconds        float64 // LodeMinersToldLate: 99th percentile of the time to a job on a new tip. Default: 1.
	DifficultyChanges float64 // LodeVardiffRestless: changes for each session and hour. Default: 12.
}

// ReorgDepths returns the thresholds that LodeDeepReorg can have. A node counts reorgs in
// buckets, so a rule knows of a reorg only between which two of these depths it was. They
// are the upper bounds of the buckets but the last one, beyond which a reorg cannot be
// told from one of that depth.
func ReorgDepths() []float64 { return []float64{1, 2, 3, 4, 6, 10, 20, 50, 100} }

// Check returns an error that names every field whose value makes no sense: a threshold
// that is no positive number, a share of 1 or more, or a depth of reorgs that the metric
// cannot tell from others. The zero value of a field is correct, because it stands for
// the default.
func (c AlertConfig) Check() error {
	c = c.withDefaults()
	var errs []error
	for _, f := range c.thresholds() {
		if !(*f.value > 0) || math.IsInf(*f.value, 0) {
			errs = append(errs, fmt.Errorf("%s is %v, want a positive number", f.name, *f.value))
		}
	}
	if c.VersionsFor < 0 {
		errs = append(errs, fmt.Errorf("VersionsFor is %v, want a positive time", c.VersionsFor))
	}
	for name, share := range map[string]float64{"HashRateShare": c.HashRateShare, "SharesRefused": c.SharesRefused} {
		if share >= 1 {
			errs = append(errs, fmt.Errorf("%s is %v, want a share below 1", name, share))
		}
	}
	if !slices.Contains(ReorgDepths(), c.ReorgDepth) {
		errs = append(errs, fmt.Errorf("ReorgDepth is %v, want one of %v: nodes count reorgs in buckets with these bounds, so other depths cannot be told apart", c.ReorgDepth, ReorgDepths()))
	}
	return errors.Join(errs...)
}

// threshold is a number that can be set, with its default.
type threshold struct {
	name   string // of the field
	value  *float64
	preset float64
}

// thresholds returns the numbers of the configuration.
func (c *AlertConfig) thresholds() []threshold {
	return []threshold{
		{"TipSpacings", &c.TipSpacings, 30},
		{"BlocksBehind", &c.BlocksBehind, 6},
		{"ReorgDepth", &c.ReorgDepth, 3},
		{"BlocksRefused", &c.BlocksRefused, 5},
		{"PostsRefused", &c.PostsRefused, 10},
		{"FreeBytes", &c.FreeBytes, 1 << 30},
		{"AnswerSeconds", &c.AnswerSeconds, .5},
		{"AnswerRequests", &c.AnswerRequests, 100},
		{"ClockSeconds", &c.ClockSeconds, 60},
		{"HashRateShare", &c.HashRateShare, .5},
		{"CandidatesWrong", &c.CandidatesWrong, 10},
		{"KernelCycles", &c.KernelCycles, 2.3},
		{"Restarts", &c.Restarts, 3},
		{"SharesRefused", &c.SharesRefused, .1},
		{"SharesLeast", &c.SharesLeast, 20},
		{"JobSeconds", &c.JobSeconds, 120},
		{"TipSeconds", &c.TipSeconds, 1},
		{"DifficultyChanges", &c.DifficultyChanges, 12},
	}
}

// withDefaults returns the configuration with the defaults filled in.
func (c AlertConfig) withDefaults() AlertConfig {
	if c.Selector == "" {
		c.Selector = `job=~"lode.*"`
	}
	if c.VersionsFor == 0 {
		c.VersionsFor = time.Hour
	}
	for _, f := range c.thresholds() {
		if *f.value == 0 {
			*f.value = f.preset
		}
	}
	return c
}

// Rule is a recording rule. Its name follows the convention level:metric:operation.
type Rule struct{ Record, About, Expr string }

// Alert is an alerting rule.
type Alert struct {
	Name          string
	About         string // comment for those who read the file; may be empty
	Expr          string
	For           time.Duration // how long the expression must hold
	KeepFiringFor time.Duration
	Severity      string // critical or warning
	Summary       string // one line, a template of Prometheus
	Description   string // what it means and what to do first
}

// Runbook returns the address of the alert's section in docs/monitoring.md.
func (a Alert) Runbook() string {
	return "https://github.com/lodepow/lode/blob/main/docs/monitoring.md#" + strings.ToLower(a.Name)
}

// uncounted matches the routes whose duration says nothing about the node: /mine waits
// for a block, and /metrics is read only by Prometheus.
const uncounted = `/mine|/metrics`

// Rules returns the recording rules, which panels and alerts share.
func (c AlertConfig) Rules() []Rule {
	c = c.withDefaults()
	rules := []Rule{
		{
			"instance:lode_hashes:rate5m", "Hash rate in H/s. Averaging over five minutes hides the gaps between searches.",
			`sum by (job, instance) (rate(lode_hashes_total{$}[5m]))`,
		},
		{
			"instance:lode_chain_tip:age_seconds", "Age of the tip in seconds, according to the time in its header.",
			`clamp_min(time() - lode_chain_tip_timestamp_seconds{$}, 0)`,
		},
		{
			"instance:lode_chain_work:log2", "Binary logarithm of the chainwork.",
			`log2(lode_chain_work_hashes{$})`,
		},
		{
			"instance:lode_chain_height:behind", "Number of blocks by which the tip of a node is below the highest tip of 75 seconds ago among the nodes of its job. " +
				"It is recorded while the node is scraped, so that a scrape that fails does not make an old height look low.",
			`clamp_min(max by (job) (last_over_time(lode_chain_height{$}[` + bridge + `] offset 75s)) - on (job) group_right () lode_chain_height{$}, 0)`,
		},
		{
			"job:lode_chain_height:spread", "Number of blocks by which the lowest tip of a job's nodes is below the highest tip of 75 seconds ago (see LodeNodeBehind).",
			`clamp_min(max by (job) (lode_chain_height{$} offset 75s) - min by (job) (lode_chain_height{$}), 0)`,
		},
		{
			"instance:lode_chain_reorg_depth_blocks:max10m", "Upper bound of the deepest reorg of the last ten minutes. It is computed from exact differences, because " +
				"increase() extrapolates each bucket differently, so that a shallow reorg can look like a deep one. If the node has been started " +
				"within these minutes, its buckets themselves are the difference.",
			`histogram_quantile(1,
    lode_chain_reorg_depth_blocks_bucket{$} - lode_chain_reorg_depth_blocks_bucket{$} offset 10m
  and on (job, instance)
    time() - process_start_time_seconds{$} > 720
or
    lode_chain_reorg_depth_blocks_bucket{$}
  and on (job, instance)
    time() - process_start_time_seconds{$} <= 720
)`,
		},
		{
			"job:lode_chain_settled:disagree", "1 if the nodes of a job with the highest settled height have different blocks at that height, else 0. " +
				"Nodes with a lower settled height are left out until they reach it.",
			`(
    max by (job) (lode_chain_settled_fingerprint{$} and on (job, instance) (lode_chain_settled_height{$} == on (job) group_left () max by (job) (lode_chain_settled_height{$})))
  !=bool
    min by (job) (lode_chain_settled_fingerprint{$} and on (job, instance) (lode_chain_settled_height{$} == on (job) group_left () max by (job) (lode_chain_settled_height{$})))
)`,
		},
		{
			"instance:lode_http_request_duration_seconds:p99", "99th percentile of the duration of HTTP requests, in seconds, without /mine, which waits for a block, and /metrics, which only Prometheus reads.",
			`histogram_quantile(0.99, sum by (job, instance, le) (rate(lode_http_request_duration_seconds_bucket{$, route!~"` + uncounted + `"}[5m])))`,
		},
		{
			"instance:lode_store_commit_duration_seconds:p99", "99th percentile of the duration of commits, in seconds.",
			`histogram_quantile(0.99, sum by (job, instance, le) (rate(lode_store_commit_duration_seconds_bucket{$}[5m])))`,
		},
		{
			"instance:lode_peers:sum", "Number of peers, in both directions.",
			`sum by (job, instance) (lode_peers{$})`,
		},
		{
			"instance:lode_block_propagation_seconds:p95", "95th percentile of the time from a block's discovery anywhere until it is this node's tip, in seconds.",
			`histogram_quantile(0.95, sum by (job, instance, le) (rate(lode_block_propagation_seconds_bucket{$}[5m])))`,
		},
	}
	rules = append(rules, minerRules()...)
	for i := range rules {
		rules[i].Expr = c.selected(rules[i].Expr)
	}
	return rules
}

// minerRules returns the recording rules on miners that work for a node, and on machines
// that mine for a pool.
func minerRules() []Rule {
	return []Rule{
		{
			"instance:lode_stratum_shares_refused:ratio5m", "Fraction of the shares of five minutes that a node has refused. There is none if there were no shares.",
			`sum by (job, instance) (rate(lode_stratum_shares_total{$, outcome!="accepted"}[5m]))
/
(sum by (job, instance) (rate(lode_stratum_shares_total{$}[5m])) > 0)`,
		},
		{
			"instance:lode_stratum_new_tip_seconds:p99", "99th percentile of the time from a new tip until a miner has been sent its job, in seconds.",
			`histogram_quantile(0.99, sum by (job, instance, le) (rate(lode_stratum_new_tip_seconds_bucket{$}[5m])))`,
		},
		{
			"instance:lode_stratum_difficulty_changes:rate30m", "Difficulties that a session was sent in an hour, on average over all sessions of a node and half an hour.",
			`3600 * rate(lode_stratum_difficulties_total{$}[30m]) / (avg_over_time(lode_stratum_sessions{$}[30m]) > 0)`,
		},
		{
			"instance:lode_pool_shares_refused:ratio5m", "Fraction of the shares of five minutes that the pool has refused, of those that it has answered. There is none if there were no such shares.",
			`sum by (job, instance) (rate(lode_pool_shares_total{$, outcome!~"accepted|unanswered"}[5m]))
/
(sum by (job, instance) (rate(lode_pool_shares_total{$, outcome!="unanswered"}[5m])) > 0)`,
		},
	}
}

// selected replaces each dollar sign in an expression by the selector.
func (c AlertConfig) selected(expr string) string {
	return strings.ReplaceAll(expr, "$", strings.TrimSpace(c.Selector))
}

// RulesFile returns the recording rules as a file for Prometheus.
func (c AlertConfig) RulesFile() string {
	var y yaml
	y.comment("", "Code generated by go generate ./dashboards. DO NOT EDIT.\n\nRecording rules that panels and alerts share. Their names follow the convention level:metric:operation.")
	y.line("", "groups:")
	y.line("  ", "- name: lode")
	y.line("    ", "rules:")
	for i, r := range c.Rules() {
		if i > 0 {
			y.line("", "")
		}
		y.comment("      ", r.About)
		y.line("      ", "- record: "+r.Record)
		y.block("        ", "expr", r.Expr)
	}
	return y.String()
}

// AlertsFile returns the alerts as a file for Prometheus.
func (c AlertConfig) AlertsFile() string {
	var y yaml
	y.comment("", "Code generated by go generate ./dashboards. DO NOT EDIT.\n\nEach alert has a section in docs/monitoring.md that says what it means, how soon it fires, and what to do. The section on one's "+
		"own thresholds says how to change the selector of the nodes and the thresholds.")
	y.line("", "groups:")
	y.line("  ", "- name: lode-alerts")
	y.line("    ", "rules:")
	for i, a := range c.Alerts() {
		if i > 0 {
			y.line("", "")
		}
		if a.About != "" {
			y.comment("      ", a.About)
		}
		y.line("      ", "- alert: "+a.Name)
		y.block("        ", "expr", a.Expr)
		if a.For > 0 {
			y.line("        ", "for: "+promDuration(a.For))
		}
		if a.KeepFiringFor > 0 {
			y.line("        ", "keep_firing_for: "+promDuration(a.KeepFiringFor))
		}
		y.line("        ", "labels: {severity: "+a.Severity+"}")
		y.line("        ", "annotations:")
		y.line("          ", "summary: "+quoted(a.Summary))
		y.line("          ", "description: "+quoted(a.Description))
		y.line("          ", "runbook_url: "+a.Runbook())
	}
	return y.String()
}

// promDuration formats a duration as Prometheus writes it, such as 1h or 1m15s.
func promDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// yaml writes the few forms of YAML that the files need.
type yaml struct{ strings.Builder }

func (y *yaml) line(indent, text string) { fmt.Fprintln(y, strings.TrimRight(indent+text, " ")) }

// block writes a value as a literal block, in which nothing has to be escaped. If the
// first line is indented, YAML has to be told the indentation of the block.
func (y *yaml) block(indent, key, value string) {
	mark := "|"
	if strings.HasPrefix(value, " ") {
		mark = "|2"
	}
	y.line(indent, key+": "+mark)
	for l := range strings.Lines(value) {
		y.line(indent+"  ", strings.TrimRight(l, "\n"))
	}
}

// comment writes a comment in lines of at most 90 characters.
func (y *yaml) comment(indent, text string) {
	for paragraph := range strings.Lines(text) {
		line := "#"
		for _, word := range strings.Fields(paragraph) {
			if len(line)+1+len(word) > 90 {
				y.line(indent, line)
				line = "#"
			}
			line += " " + word
		}
		y.line(indent, line)
	}
}

// quoted returns a string in single quotes, as YAML writes it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
