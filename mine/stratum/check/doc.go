// Package check tests whether a pool or a miner keeps to Stratum V1.
//
// [Pool] plays a miner and looks at what a pool says; [Miner] plays a pool and looks at
// what a miner says. Both return a [Report]: a verdict for each thing that was looked at,
// with what the other side sent and what it should have sent.
package check
