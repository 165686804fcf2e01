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

// SplitLoss returns how many blocks a part of a network with that share of the hash rate
// loses on average if the network falls into two parts for a time in which it finds the
// given number of blocks on average. Messages take no time.
//
// The blocks of both parts are Poisson variables A and B with the means share*blocks and
// (1-share)*blocks. The part with fewer blocks loses all of them. If both have the same
// number, the one that does not find the next block does. Both parts together lose the
// mean of min(A, B), which for long splits is min(share, 1-share)*blocks.
func SplitLoss(share, blocks float64) (lost float64) {
	eachSplit(share, blocks, func(a, b int, p float64) {
		switch {
		case a < b:
			lost += p * float64(a)
		case a == b:
			lost += p * (1 - share) * float64(a)
		}
	})
	return lost
}

// SplitTie returns the probability that both parts of a network find the same number of
// blocks, so that they agree only with the next one. See [SplitLoss].
func SplitTie(share, blocks float64) (tie float64) {
	eachSplit(share, blocks, func(a, b int, p float64) {
		if a == b {
			tie += p
		}
	})
	return tie
}

// eachSplit calls f for each pair of the numbers of blocks that two parts may find, with
// its probability, as far as that matters.
func eachSplit(share, blocks float64, f func(a, b int, p float64)) {
	first, second := poisson(share*blocks), poisson((1-share)*blocks)
	for a, p := range first {
		for b, q := range second {
			f(a, b, p*q)
		}
	}
}

// poisson returns the probabilities of a Poisson variable, up to where they vanish.
func poisson(mean float64) []float64 {
	list := make([]float64, int(mean+12*math.Sqrt(mean)+30))
	for k := range list {
		log, _ := math.Lgamma(float64(k + 1))
		list[k] = math.Exp(float64(k)*math.Log(mean) - mean - log)
	}
	if mean == 0 {
		clear(list)
		list[0] = 1
	}
	return list
}
