// Package optimal finds the best strategy of a miner who may hide blocks, and what it
// earns: the Markov decision process of Sapirshtein, Sompolinsky and Zohar, "Optimal
// Selfish Mining Strategies in Bitcoin", Financial Cryptography 2016 (arXiv 1507.06183).
//
// A state is the length a of the miner's private chain and the length h of the public one
// since they parted, and whether the miner can split the others between two branches of
// the same length, or has done so. Actions are those of [blocks.Action]. A strategy is
// worth the miner's share of the blocks that remain, which is a quotient. So the solver
// asks for a given share ρ what a strategy wins in the mean if each own block in the
// chain counts 1-ρ and each block of the others -ρ. The best strategy wins nothing at
// exactly one ρ, and that is its revenue.
//
// # How it is solved
//
// Whenever the miner adopts the public chain everything begins anew, so that one cycle
// from an adoption to the next is enough. The paper halves an interval of ρ and solves a
// decision process for each. This package computes the revenue of a strategy, then
// improves the strategy for this ρ in each state, and so on until nothing can be improved
// (Howard's policy iteration), which takes about ten rounds. The states are finite: at a
// length of [Problem.Truncation] the miner must adopt or override. What the strategy then
// earns is a lower bound of the best revenue. For an upper bound, the miner is given more
// at these states than it can get.
package optimal
