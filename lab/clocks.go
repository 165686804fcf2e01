package lab

import "github.com/lodepow/lode/lab/blocks"

// clockKeys are the keys of wrong times, and of hash rate that comes and goes.
var clockKeys = []key{
	{name: "clocks.error", fallback: "0s", help: "Mean of the time by which the clock of a node is wrong. Half of the clocks are ahead, half behind. At most 30 days, and 6 hours with the engine `nodes`, with which no two clocks may differ by more than 7 days.", field: func(d *draft, _ int) any { return &d.clockError }},
	{name: "clocks.error_law", fallback: "constant", help: "How the errors are distributed, as in `latency.law`.", field: func(d *draft, _ int) any { return &d.x.Clocks.Error.Law }},
	{name: "clocks.error_spread", fallback: "0", help: "Spread of the errors, as in `latency.spread`.", field: func(d *draft, _ int) any { return &d.x.Clocks.Error.Spread }},
	{name: "clocks.liars[].node", fallback: "0", help: "A miner that lies about the time of its blocks, as far as the rules allow.", field: func(d *draft, i int) any { return &at(&d.x.Clocks.Liars, i).Node }},
	{name: "clocks.liars[].offset", fallback: "0s", help: "What it adds to the time of its clock; negative: subtracts.", field: func(d *draft, i int) any { return &at(&d.x.Clocks.Liars, i).Offset }},
	{name: "clocks.liars[].warp", fallback: "false", help: "Whether it takes part in a timewarp attack on the rule `bitcoin2016`, without an offset.", field: func(d *draft, i int) any { return &at(&d.x.Clocks.Liars, i).Warp }},
	{name: "clocks.liars[].from", fallback: "0", help: "Height from which on it lies.", field: func(d *draft, i int) any { return &at(&d.x.Clocks.Liars, i).From }},
	{name: "hopping.share", fallback: "0", help: "Part of each miner's hash rate that mines here only while it pays, from 0 to 0.99.", field: func(d *draft, _ int) any { return &d.x.Hopping.Share }},
	{name: "hopping.threshold", positive: true, fallback: "1", help: "What a hash earns elsewhere, as a mean over the hash rate that hops, if it earns 1 here at the first difficulty.", field: func(d *draft, _ int) any { return &d.x.Hopping.Threshold.Mean }},
	{name: "hopping.threshold_law", fallback: "constant", help: "How that is distributed, as in `latency.law`.", field: func(d *draft, _ int) any { return &d.x.Hopping.Threshold.Law }},
	{name: "hopping.threshold_spread", fallback: "0", help: "Spread of that, as in `latency.spread`.", field: func(d *draft, _ int) any { return &d.x.Hopping.Threshold.Spread }},
	{name: "hopping.volatility", fallback: "0", help: "Deviation of the logarithm of the price after a day, from 0 to 1: the price is a random walk.", field: func(d *draft, _ int) any { return &d.x.Hopping.Volatility }},
	{name: "hopping.prices[].at", help: "When the price changes, since the start.", field: func(d *draft, i int) any { return &at(&d.x.Hopping.Prices, i).At }},
	{name: "hopping.prices[].price", help: "Price from then until the next change. Before the first one it is 1.", field: func(d *draft, i int) any { return &at(&d.x.Hopping.Prices, i).Price }},
}

// finishClocks turns the error of clocks into seconds.
func (d *draft) finishClocks(x *blocks.Experiment) { x.Clocks.Error.Mean = d.clockError.Seconds() }
