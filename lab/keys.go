package lab

//go:generate go test -run TestDocument$ -update

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// key is a key of the experiment file.
type key struct {
	name string // tables that repeat have [] behind their name
	help string

	// field returns the pointer to the field of a draft that the key sets. i is the
	// index of the table that the key is in, if that repeats.
	field func(d *draft, i int) any

	fallback string // what holds if the key is left out; "" if there is nothing to say
	plan     bool   // belongs to the plan and not to its points, so that it cannot be swept
	positive bool   // 0 is not allowed, because it would mean the default
}

// keyList has all keys in the order of the documentation. Parts of the laboratory add
// theirs in files of their own.
var keyList = concat(planKeys, networkKeys, relayKeys, powerKeys, ruleKeys, changeKeys, clockKeys)

func concat(lists ...[]key) (all []key) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

var planKeys = []key{
	{name: "title", plan: true, help: "What the experiment is about, for the report.", field: func(d *draft, _ int) any { return &d.title }},
	{name: "seed", plan: true, fallback: "1", help: "Seed of the first replica of each point; each further one has the next number. A seed also makes another network.", field: func(d *draft, _ int) any { return &d.seed }},
	{name: "replicas", plan: true, positive: true, fallback: "8", help: "Number of replicas of each point, at least 2. With `half_width` it is the least number.", field: func(d *draft, _ int) any { return &d.replicas }},
	{name: "half_width", plan: true, positive: true, help: "Run replicas of a point until half the width of the 95 % interval of the metric `of` is at most this.", field: func(d *draft, _ int) any { return &d.halfWidth }},
	{name: "of", plan: true, fallback: "stale_rate", help: "Name of the metric for `half_width`.", field: func(d *draft, _ int) any { return &d.of }},
	{name: "max_replicas", plan: true, positive: true, fallback: "1000", help: "Greatest number of replicas of a point, for `half_width`.", field: func(d *draft, _ int) any { return &d.maxReplicas }},
}

var networkKeys = []key{
	{name: "nodes", positive: true, fallback: "1000", help: "Number of nodes.", field: func(d *draft, _ int) any { return &d.x.Nodes }},
	{name: "blocks", positive: true, fallback: "1000", help: "Number of blocks to find in each replica.", field: func(d *draft, _ int) any { return &d.x.Blocks }},
	{name: "interval", positive: true, fallback: "the spacing of the difficulty rule, or 10m", help: "Mean time between two blocks of the whole network at the first difficulty.", field: func(d *draft, _ int) any { return &d.x.Interval }},
	{name: "engine", fallback: "`events` or `paths`: the fastest that is exact", help: "How to compute: `events`, `paths`, or `nodes`, which simulates real nodes; see [engines](laboratory.md#engines).", field: func(d *draft, _ int) any { return &d.x.Engine }},
	{name: "topology.shape", fallback: "random", help: "Who is connected with whom: `random`, `scale-free`, `ring`, `grid`, `star`, `clique` or `edges`.", field: func(d *draft, _ int) any { return &d.x.Topology.Shape }},
	{name: "topology.degree", positive: true, fallback: "8, and 1 for a ring and a star", help: "How many others a node chooses, or the number of hubs of a star.", field: func(d *draft, _ int) any { return &d.x.Topology.Degree }},
	{name: "topology.edges", help: "For the shape `edges`: pairs of nodes, each connection once.", field: func(d *draft, _ int) any { return &d.x.Topology.Edges }},
	{name: "latency.mean", positive: true, fallback: "100ms, unless there are regions", help: "Mean time of a message, one way.", field: func(d *draft, _ int) any { return &d.x.Latency.Mean }},
	{name: "latency.law", fallback: "constant", help: "How the latencies of connections are distributed: `constant`, `uniform`, `exponential` or `lognormal`.", field: func(d *draft, _ int) any { return &d.x.Latency.Law }},
	{name: "latency.spread", fallback: "0", help: "For `uniform` from 0 to 1: from `mean*(1-spread)` to `mean*(1+spread)`. For `lognormal` the deviation of the logarithm, at most 3.", field: func(d *draft, _ int) any { return &d.x.Latency.Spread }},
	{name: "latency.jitter", fallback: "0s", help: "Mean of an exponentially distributed time that is added for each message.", field: func(d *draft, _ int) any { return &d.x.Latency.Jitter }},
	{name: "latency.regions", help: "`world-2019`: six regions of the world with their latencies, bandwidths and shares of Bitcoin's nodes in 2019. Own regions are a table `[regions]`.", field: func(d *draft, _ int) any { return &d.world }},
	{name: "regions.source", help: "Where the figures come from.", field: func(d *draft, _ int) any { return &d.regions.Source }},
	{name: "regions.names", help: "Names of the regions.", field: func(d *draft, _ int) any { return &d.regions.Names }},
	{name: "regions.shares", help: "Shares of the nodes in each region, relative to their sum.", field: func(d *draft, _ int) any { return &d.regions.Shares }},
	{name: "regions.latency", help: "Mean times of a message from each region to each: a list of times for each region. Both directions are equal.", field: func(d *draft, _ int) any { return &d.regions.Latency }},
	{name: "regions.upload", help: "Bits a second that a node of each region sends.", field: func(d *draft, _ int) any { return &d.regions.Upload }},
	{name: "regions.download", help: "Bits a second that a node of each region receives.", field: func(d *draft, _ int) any { return &d.regions.Download }},
	{name: "regions.bandwidth", fallback: "that of the ends", help: "Bits a second that a connection from each region to each carries: a list for each region. `upload` and `download` may then be left out; the slowest of the three counts.", field: func(d *draft, _ int) any { return &d.regions.Bandwidth }},
}

var relayKeys = []key{
	{name: "relay.mode", fallback: "`full`; `headers` for the engine `nodes`", help: "How blocks are passed on: `full`, `headers`, `compact` or `cut-through`.", field: func(d *draft, _ int) any { return &d.x.Relay.Mode }},
	{name: "relay.hit_rate", fallback: "0", help: "For `compact`: how often a node can rebuild a block from its own transactions, from 0 to 1.", field: func(d *draft, _ int) any { return &d.x.Relay.HitRate }},
	{name: "relay.block_bytes", fallback: "0", help: "Mean size of a block in bytes.", field: func(d *draft, _ int) any { return &d.x.Relay.BlockBytes.Mean }},
	{name: "relay.block_bytes_law", fallback: "constant", help: "How the sizes are distributed, as in `latency.law`.", field: func(d *draft, _ int) any { return &d.x.Relay.BlockBytes.Law }},
	{name: "relay.block_bytes_spread", fallback: "0", help: "Spread of the sizes, as in `latency.spread`.", field: func(d *draft, _ int) any { return &d.x.Relay.BlockBytes.Spread }},
	{name: "relay.bandwidth", positive: true, fallback: "that of the regions, or no limit", help: "Bits a second from a node to each neighbour.", field: func(d *draft, _ int) any { return &d.x.Relay.Bandwidth }},
	{name: "relay.validation", fallback: "0s", help: "Time in which a node validates a block of mean size.", field: func(d *draft, _ int) any { return &d.x.Relay.Validation }},
	{name: "relay.queue_uploads", fallback: "false", help: "Whether a node sends to one neighbour after the other. Otherwise each gets the whole bandwidth at the same time.", field: func(d *draft, _ int) any { return &d.x.Relay.QueueUploads }},
	{name: "relay.loss", fallback: "0", help: "Probability that a message is lost.", field: func(d *draft, _ int) any { return &d.x.Relay.Loss }},
	{name: "relay.retry", positive: true, fallback: "never", help: "Time after which a lost message is sent again.", field: func(d *draft, _ int) any { return &d.x.Relay.Retry }},
}

var powerKeys = []key{
	{name: "power.miners", positive: true, fallback: "all nodes", help: "Number of nodes that mine, the first ones of the network.", field: func(d *draft, _ int) any { return &d.x.Power.Miners }},
	{name: "power.zipf", fallback: "0", help: "Exponent of the law by which the hash rate of miner i, from 1, is in proportion to `i^-zipf`. 0: all are equal.", field: func(d *draft, _ int) any { return &d.x.Power.Zipf }},
	{name: "power.shares", help: "Hash rate of each miner, relative to the sum: a list of pools.", field: func(d *draft, _ int) any { return &d.x.Power.Shares }},
	{name: "power.alpha", help: "Share of node 0 in the hash rate, more than 0 and less than 1. The other miners have the rest in equal parts.", field: func(d *draft, _ int) any { return &d.alpha }},
	{name: "power.steps[].at", help: "When the hash rate changes, since the start.", field: func(d *draft, i int) any { return &at(&d.x.Power.Steps, i).At }},
	{name: "power.steps[].factor", help: "What the hash rate of the whole network is multiplied by from then until the next step. Before the first step that is 1, and also if there are only shares.", field: func(d *draft, i int) any { return &at(&d.x.Power.Steps, i).Factor }},
	{name: "power.steps[].shares", fallback: "those before", help: "Hash rate of each miner from then on, in the unit of `power.shares`: a sum that is half of that at the start halves the hash rate of the network.", field: func(d *draft, i int) any { return &at(&d.x.Power.Steps, i).Shares }},
}

var ruleKeys = []key{
	{name: "tie.rule", fallback: "first-seen", help: "Which of two branches with the same work a node prefers: `first-seen`, `random` or `share`.", field: func(d *draft, _ int) any { return &d.x.Tie.Rule }},
	{name: "tie.gamma", fallback: "0", help: "For `share`: probability of the branch of a miner with a strategy.", field: func(d *draft, _ int) any { return &d.x.Tie.Gamma }},
	{name: "difficulty.rule", fallback: "fixed", help: "`fixed`, `asert`, `bitcoin2016` or `lwma`. In a sweep over rules, each takes those of the following keys that mean something to it.", field: func(d *draft, _ int) any { return &d.difficulty.rule }},
	{name: "difficulty.spacing", positive: true, fallback: "10s, and 10m for bitcoin2016", help: "Intended time between two blocks, in whole seconds.", field: func(d *draft, _ int) any { return &d.difficulty.spacing }},
	{name: "difficulty.half_life", positive: true, fallback: "60 times the spacing", help: "For `asert`: time in whole seconds behind the schedule in which the target doubles.", field: func(d *draft, _ int) any { return &d.difficulty.halfLife }},
	{name: "difficulty.window", positive: true, fallback: "2016", help: "For `bitcoin2016`: number of blocks from one change of the target to the next.", field: func(d *draft, _ int) any { return &d.difficulty.window }},
	{name: "difficulty.lwma_window", positive: true, fallback: "60", help: "For `lwma`: number of blocks that are averaged.", field: func(d *draft, _ int) any { return &d.difficulty.lwmaWindow }},
	{name: "difficulty.bits", fallback: "that of the rule", help: "Target of the first block in the compact form of a header, for example `1e0fffff`.", field: func(d *draft, _ int) any { return &d.difficulty.bits }},
	{name: "difficulty.limit", fallback: "2000ffff", help: "Easiest target.", field: func(d *draft, _ int) any { return &d.difficulty.limit }},
	{name: "difficulty.future", positive: true, fallback: "2h, and less for lwma", help: "How far a header may be ahead of a node's clock, in whole seconds.", field: func(d *draft, _ int) any { return &d.difficulty.future }},
	{name: "strategists[].node", fallback: "0", help: "A miner that does not publish its blocks at once.", field: func(d *draft, i int) any { return &at(&d.strategists, i).node }},
	{name: "strategists[].strategy", help: "What it does: `honest`, `sm1`, `stubborn`, `lead-stubborn`, `fork-stubborn`, `trail-stubborn`, `policy`, `optimal` (the best one for its share and gamma), `double-spender` or `withholder` (a member of a pool that throws its blocks away).", field: func(d *draft, i int) any { return &at(&d.strategists, i).strategy }},
	{name: "strategists[].lead", fallback: "false", help: "For `stubborn`: at a lead that has shrunk to one block, match instead of publishing all.", field: func(d *draft, i int) any { return &at(&d.strategists, i).lead }},
	{name: "strategists[].fork", fallback: "false", help: "For `stubborn`: do not end a race with a block that the miner finds.", field: func(d *draft, i int) any { return &at(&d.strategists, i).fork }},
	{name: "strategists[].trail", fallback: "0, and 1 for trail-stubborn", help: "For `stubborn` and `trail-stubborn`: number of blocks that the private chain may be behind.", field: func(d *draft, i int) any { return &at(&d.strategists, i).trail }},
	{name: "strategists[].confirmations", fallback: "6", help: "For `double-spender`: number of blocks that the merchant waits for.", field: func(d *draft, i int) any { return &at(&d.strategists, i).confirmations }},
	{name: "strategists[].give_up", fallback: "20", help: "For `double-spender`: number of blocks that the secret chain is behind when an attempt is given up.", field: func(d *draft, i int) any { return &at(&d.strategists, i).giveUp }},
	{name: "strategists[].truncation", fallback: "40", help: "For `optimal`: greatest length of a chain that is considered, from 2 to 200.", field: func(d *draft, i int) any { return &at(&d.strategists, i).truncation }},
	{name: "strategists[].actions", help: "For `policy`: a row for each length of the private chain from 0, in it an entry for each length of the public chain. An entry has a letter for each state of the race (irrelevant, relevant, active): `w` wait, `a` adopt, `o` override, `m` match.", field: func(d *draft, i int) any { return &at(&d.strategists, i).actions }},
}

// at returns a pointer to an element of a list, which it makes long enough.
func at[T any](list *[]T, i int) *T {
	for len(*list) <= i {
		var zero T
		*list = append(*list, zero)
	}
	return &(*list)[i]
}

var index = regexp.MustCompile(`\[([0-9]+)\]`)

// keyOf returns the key with the name of a setting, and the index of its table.
func keyOf(name string) (*key, int) {
	i := 0
	if m := index.FindStringSubmatch(name); m != nil {
		if _, err := fmt.Sscan(m[1], &i); err != nil {
			return nil, 0
		}
		name = index.ReplaceAllString(name, "[]")
	}
	for k := range keyList {
		if keyList[k].name == name {
			return &keyList[k], i
		}
	}
	return nil, 0
}

// isTable reports whether a path is that of a table; "" is the whole file.
func isTable(path string) bool {
	path = index.ReplaceAllString(path, "[]")
	for _, k := range keyList {
		if path == "" || strings.HasPrefix(k.name, path+".") {
			return true
		}
	}
	return false
}

// knownKeys tells the keys of a table.
func knownKeys(table string) string {
	table = index.ReplaceAllString(table, "[]")
	var names, tables []string
	for _, k := range keyList {
		name := k.name
		if table != "" {
			var ok bool
			if name, ok = strings.CutPrefix(k.name, table+"."); !ok {
				continue
			}
		}
		name, _, inside := strings.Cut(name, ".")
		switch {
		case !inside:
			names = append(names, name)
		case !slices.Contains(tables, name):
			tables = append(tables, name)
		}
	}
	sort.Strings(names)
	sort.Strings(tables)
	where := "outside of tables there are the keys "
	if table != "" {
		where = "the table " + strings.TrimSuffix(table, "[]") + " has the keys "
	}
	text := where + strings.Join(names, ", ")
	if len(tables) > 0 {
		text += ", and the tables " + strings.ReplaceAll(strings.Join(tables, ", "), "[]", "")
	}
	return text
}

// kind tells what values the key has.
func (k *key) kind() string {
	switch k.field(newDraft(), 0).(type) {
	case *float64:
		return "number"
	case *int, *int64, *uint64:
		return "whole number"
	case *time.Duration:
		return "time"
	case *bool:
		return "true or false"
	case *[]float64, *[][]float64, *[]string, *[][2]int, *[][]time.Duration, *[][]string:
		return "list"
	}
	return "text"
}
