// Package vardiff chooses the difficulty of the shares of a mining session, so that
// they arrive at a steady rate whatever the speed of the miner.
//
// A [Controller] is told when a job with some difficulty went out and when each
// share came in. It decides by itself when the shares no longer fit the difficulty.
// It has no clock: the caller passes the time with every call, and time that stands
// still or steps back counts as no time.
//
// # How it decides
//
// Shares of a difficulty d come from a miner of rate r, in difficulties a second, as
// a Poisson process of intensity r/d. The controller therefore measures time in
// units in which the difficulty does not appear: the exposure grows by dt/d. A
// window in which n shares arrived during an exposure a speaks for the rate n/a, and
// against the rate r0 that the present difficulty is right for, with a logarithmic
// likelihood ratio of
//
//	n ln(n/e) - n + e, where e = r0 a is the number of shares expected.
//
// The controller looks at the windows that begin at each of its latest shares, and
// takes the one that speaks most clearly for another rate. Its beginning is where
// the rate has most likely changed. The difficulty changes only if the ratio exceeds
// a threshold, which keeps false changes rare, and if the difference is worth a
// change. What came before the change of the rate is then forgotten.
//
// The first estimate after a change of the rate rests on few shares. So the
// controller looks at it again, twice, when it has more of them.
package vardiff
