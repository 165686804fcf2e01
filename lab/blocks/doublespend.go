package blocks

import (
	"fmt"
	"math"
)

// DoubleSpender is a miner that tries to spend the same coins twice, again and again: the
// race of the Bitcoin paper, section 11, in the form of Rosenfeld, "Analysis of
// Hashrate-Based Double Spending", 2014.
//
// It mines a block in secret, with a payment to itself. When it has found it, it pays a
// merchant with the same coins. The next block of the others has that payment. Once the
// others have found the confirmations that the merchant waits for, and the secret chain is
// longer than the public one, it publishes the secret chain: the payment is undone. If
// it falls too far behind it gives up. Either way a new attempt begins.
type DoubleSpender struct {
	// Confirmations is the number of blocks, from 1 to 1000, that the merchant waits for,
	// that with the payment included.
	Confirmations int

	// GiveUp is the number of blocks, from 1 to 10,000, that the secret chain is behind
	// when the attempt is given up.
	GiveUp int
}

// Name returns "double-spender".
func (DoubleSpender) Name() string { return "double-spender" }

// Act implements [Strategy].
func (d DoubleSpender) Act(p Position) Action {
	switch {
	case p.Private == 0 && p.Public > 0, p.Public-p.Private >= d.GiveUp:
		return Adopt
	case p.Public >= d.Confirmations && p.Private > p.Public:
		return Release
	}
	return Wait
}

func (d DoubleSpender) validate() error {
	switch {
	case d.Confirmations < 1 || d.Confirmations > 1000:
		return fmt.Errorf("double-spender: %d confirmations: want 1 to 1000", d.Confirmations)
	case d.GiveUp < 1 || d.GiveUp > 10_000:
		return fmt.Errorf("double-spender: gives up %d blocks behind: want 1 to 10000", d.GiveUp)
	}
	return nil
}

// DoubleSpends counts what a [DoubleSpender] has tried.
type DoubleSpends struct {
	Node      int
	Attempts  int64 // that have ended
	Successes int64
}

// count counts an attempt if it ends with this action.
func (d *DoubleSpends) count(p Position, a Action) {
	switch {
	case p.Private == 0:
	case a == Release:
		d.Attempts++
		d.Successes++
	case a == Adopt:
		d.Attempts++
	}
}

// Rate returns the share of the attempts that succeeded.
func (d DoubleSpends) Rate() float64 { return ratio(d.Successes, d.Attempts) }

// Wilson returns the bounds of Wilson's interval for a share of which n trials had k
// successes, for the given number of standard errors: 1.96 for 95 %. Unlike the usual
// interval it is right for rare successes too (Wilson, "Probable Inference, the Law of
// Succession, and Statistical Inference", 1927).
func Wilson(k, n int64, errors float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	p, size := float64(k)/float64(n), float64(n)
	z2 := float64(errors * errors)
	middle := (p + z2/(2*size)) / (1 + z2/size)
	half := float64(errors / (1 + z2/size) * math.Sqrt(float64(p*(1-p))/size+z2/float64(4*size*size)))
	return max(0, middle-half), min(1, middle+half)
}

// DoubleSpendGivingUp returns the probability that an attempt of a [DoubleSpender] with the
// share q of the hash rate succeeds, exactly. With a growing deficit at which it gives up,
// it goes up to [DoubleSpendRosenfeld].
func DoubleSpendGivingUp(q float64, d DoubleSpender) float64 {
	p := 1 - q
	// at has the probabilities of the numbers of secret blocks, for a number of public
	// ones. It stops where more are too improbable to matter.
	const most = 2000
	at := make([]float64, most+1)
	at[1] = 1
	for public := 1; public <= d.Confirmations; public++ {
		next := make([]float64, most+1)
		for secret := 1; secret < most; secret++ {
			at[secret+1] += float64(at[secret] * q)
			if public-secret < d.GiveUp {
				next[secret] = float64(at[secret] * p)
			}
		}
		at = next
	}
	success := 0.0
	for secret, probability := range at {
		success += float64(probability * ruin(q, d.Confirmations-secret, d.GiveUp))
	}
	return success
}

// ruin returns the probability that a chain that is behind by a number of blocks, and
// grows with the probability q where the other one grows otherwise, gets ahead before it
// is behind by giveUp blocks (the gambler's ruin).
func ruin(q float64, behind, giveUp int) float64 {
	r := q / (1 - q)
	power := func(n int) float64 { return math.Pow(r, float64(n)) }
	switch {
	case behind < 0:
		return 1
	case behind >= giveUp:
		return 0
	case r == 1:
		return 1 - float64(behind+1)/float64(giveUp+1)
	}
	return (power(behind+1) - power(giveUp+1)) / (1 - power(giveUp+1))
}

// Withholder is a member of a mining pool that hands in shares but never a block: what it
// finds is lost (Rosenfeld, "Analysis of Bitcoin Pooled Mining Reward Systems", 2011). The
// pool pays for its shares, and earns nothing by them.
type Withholder struct{}

// Name returns "withholder".
func (Withholder) Name() string { return "withholder" }

// Act throws each block away.
func (Withholder) Act(p Position) Action {
	if p.Private > 0 || p.Public > 0 {
		return Adopt
	}
	return Wait
}
