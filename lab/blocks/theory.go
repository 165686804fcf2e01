package blocks

import "math"

// The functions below are closed forms from the literature, to be set beside what a run
// measures. They compute with the precision of float64 and do not take part in a run.

// CliqueStaleRate returns the share of stale blocks in a clique of n equal miners whose
// messages all take the delay, if all together find a block every interval on average.
// Delay and interval have the same unit.
//
// While a block is under way, the other n-1 miners find x = (n-1)/n * delay/interval
// blocks on the same height, and each of them makes one block stale, so that the rate is
// x/(1+x). The law forgets that a miner builds on its own block at once. That is of the
// order of x*x/n: with a delay of a tenth of the interval it takes millions of blocks to
// see it even in a clique of ten, but with two miners and a delay of a whole interval the
// rate is a quarter and not a third.
func CliqueStaleRate(n int, delay, interval float64) float64 {
	x := float64(n-1) / float64(n) * delay / interval
	return x / (1 + x)
}

// SelfishRevenue returns the share of the main chain's blocks that a miner with the share
// alpha of the hash rate gets by [SM1], if the share gamma of the others mines on its
// branch in a race. It is equation 8 of Eyal and Sirer, 2014, for alpha up to a half.
func SelfishRevenue(alpha, gamma float64) float64 {
	a, g := alpha, gamma
	return (a*(1-a)*(1-a)*(4*a+g*(1-2*a)) - a*a*a) / (1 - a*(1+(2-a)*a))
}

// SelfishThreshold returns the share of the hash rate above which [SM1] pays (Eyal and
// Sirer, 2014, observation 1).
func SelfishThreshold(gamma float64) float64 { return (1 - gamma) / (3 - 2*gamma) }

// DoubleSpendNakamoto returns the probability of the Bitcoin paper, section 11, that an
// attacker with the share q of the hash rate ever catches up from z blocks behind. The
// paper takes the attacker's progress while the others find z blocks for a Poisson
// variable, which it is only nearly.
func DoubleSpendNakamoto(q float64, z int) float64 {
	if q >= 0.5 {
		return 1
	}
	p := 1 - q
	lambda := float64(z) * q / p
	sum := 1.0
	poisson := math.Exp(-lambda)
	for k := 0; k <= z; k++ {
		sum -= poisson * (1 - math.Pow(q/p, float64(z-k)))
		poisson *= lambda / float64(k+1)
	}
	return sum
}

// DoubleSpendRosenfeld returns the probability that an attacker with the share q of the
// hash rate, who has found one block in advance, overtakes the others after they have
// found z blocks (Rosenfeld, "Analysis of Hashrate-Based Double Spending", 2014, equation
// 1). The attacker's progress has a negative binomial distribution.
func DoubleSpendRosenfeld(q float64, z int) float64 {
	if q >= 0.5 {
		return 1
	}
	p := 1 - q
	sum := 0.0
	term := math.Pow(p, float64(z)) // C(m+z-1, m) p^z q^m
	for m := 0; m <= z; m++ {
		other := math.Pow(p, float64(m)) * math.Pow(q, float64(z))
		binomial := math.Exp(lchoose(m+z-1, m))
		sum += term - binomial*other
		term *= float64(m+z) / float64(m+1) * q
	}
	return 1 - sum
}

func lchoose(n, k int) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// StaleRate returns the share of a miner's blocks that go stale, if the miners have the
// given shares of the hash rate, whose sum is 1, and all messages take the same delay. It
// is right to the first order in delay/interval.
//
// A block is in a race if another miner finds one less than a delay before or after it.
// All but the two finders get the earlier of the two blocks first and mine on it. So the
// later one goes stale unless its own finder has the next block, and the earlier one only
// if the finder of the later one has it.
func StaleRate(shares []float64, miner int, delay, interval float64) float64 {
	own := shares[miner]
	rate := (1 - own) * (1 - own)
	for i, s := range shares {
		if i != miner {
			rate += s * s
		}
	}
	return rate * delay / interval
}
