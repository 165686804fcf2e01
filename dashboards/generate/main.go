// Command generate writes the dashboards as JSON files for Grafana into the folder
// grafana of a given folder, and the recording rules and alerts as files for
// Prometheus into its folder prometheus. go generate ./dashboards runs it.
//
// Its flags set which nodes are watched and when the alerts fire:
//
//	go run ./dashboards/generate -selector 'job="mine", cluster="attic"' -reorg-depth 6 /etc/lode/monitoring
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lodepow/lode/dashboards"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var c dashboards.AlertConfig
	flags := newFlags(&c)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("want one argument, the folder to write to, got %q", flags.Args())
	}
	if strings.ContainsAny(c.Selector, "{}$") {
		return fmt.Errorf("-selector %s: want only what stands between the braces of a selector, such as job=\"mine\"", c.Selector)
	}
	if err := check(flags, c); err != nil {
		return err
	}
	return write(flags.Arg(0), c)
}

// newFlags returns the flags that set a configuration. A flag that is not given, or is
// 0, means the default.
func newFlags(c *dashboards.AlertConfig) *flag.FlagSet {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.StringVar(&c.Selector, "selector", `job=~"lode.*"`, "label matchers of the nodes to watch")
	number := func(field *float64, name string, value float64, usage string) {
		flags.Float64Var(field, name, value, usage)
	}
	number(&c.TipSpacings, "tip-spacings", 30, "LodeTipTooOld: age of the tip, in block spacings")
	flags.BoolVar(&c.TipAlways, "tip-always", false, "LodeTipTooOld: fire also where no watched node mines continuously, because the miners are elsewhere")
	number(&c.BlocksBehind, "blocks-behind", 6, "LodeNodeBehind: blocks below the highest tip")
	number(&c.ReorgDepth, "reorg-depth", 3, fmt.Sprintf("LodeDeepReorg: depth up to which a reorg is ordinary, one of %v", dashboards.ReorgDepths()))
	number(&c.BlocksRefused, "blocks-refused", 5, "LodeBlocksRefused: blocks in five minutes")
	number(&c.PostsRefused, "posts-refused", 10, "LodeMempoolFull: transactions in five minutes")
	number(&c.FreeBytes, "free-bytes", 1<<30, "LodeDiskSpaceLow: free space, in bytes")
	number(&c.AnswerSeconds, "answer-seconds", .5, "LodeAPISlow: 99th percentile of the time to answer")
	number(&c.AnswerRequests, "answer-requests", 100, "LodeAPISlow: least number of requests in five minutes")
	number(&c.ClockSeconds, "clock-seconds", 60, "LodeClockWrong: difference from the peers' clocks")
	number(&c.HashRateShare, "hash-rate-share", .5, "LodeHashRateFallen: share of the average of six hours")
	number(&c.CandidatesWrong, "candidates-wrong", 10, "LodeKernelFaulty: wrong candidates in 2^32 hashes")
	number(&c.KernelCycles, "kernel-cycles", 2.3, "LodeKernelSlow: cycles of a hash, relative to those expected")
	number(&c.Restarts, "restarts", 3, "LodeRestarting: restarts in half an hour")
	number(&c.SharesRefused, "shares-refused", .1, "LodeSharesRefused, LodePoolRefuses: share of the shares")
	number(&c.SharesLeast, "shares-least", 20, "LodeSharesRefused, LodePoolRefuses: least number of shares in five minutes")
	number(&c.JobSeconds, "job-seconds", 120, "LodeJobTooOld: age of the miners' job")
	number(&c.TipSeconds, "tip-seconds", 1, "LodeMinersToldLate: 99th percentile of the time to a job on a new tip")
	number(&c.DifficultyChanges, "difficulty-changes", 12, "LodeVardiffRestless: changes of difficulty for each session and hour")
	flags.DurationVar(&c.VersionsFor, "versions-for", time.Hour, "LodeVersionsMixed: time that an upgrade may take")
	return flags
}

// check returns an error if a flag has a value that makes no sense. The error calls the
// flags by their names, which are those of the fields in other letters.
func check(flags *flag.FlagSet, c dashboards.AlertConfig) error {
	err := c.Check()
	if err == nil {
		return nil
	}
	text := err.Error()
	flags.VisitAll(func(f *flag.Flag) {
		var field string
		for word := range strings.SplitSeq(f.Name, "-") {
			field += strings.ToUpper(word[:1]) + word[1:]
		}
		text = strings.ReplaceAll(text, field+" is ", "-"+f.Name+" is ")
	})
	return errors.New(text)
}

// write writes all files into the folders grafana and prometheus of dir.
func write(dir string, c dashboards.AlertConfig) error {
	files := map[string]string{
		"prometheus/rules.yml":  c.RulesFile(),
		"prometheus/alerts.yml": c.AlertsFile(),
	}
	for _, d := range dashboards.All() {
		g, err := d.Grafana()
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			return err
		}
		files["grafana/"+d.UID+".json"] = string(text) + "\n"
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
