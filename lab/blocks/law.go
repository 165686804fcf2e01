package blocks

import (
	"fmt"
	"math"
)

// Law names a distribution of positive numbers.
type Law string

// The laws. Each has the mean of its [Dist].
const (
	Constant    Law = "constant"
	Uniform     Law = "uniform"     // from Mean*(1-Spread) to Mean*(1+Spread), with a Spread up to 1
	Exponential Law = "exponential" // has no Spread
	LogNormal   Law = "lognormal"   // Spread is the deviation of the logarithm, at most 3
)

// Dist is a distribution of positive numbers. An empty Law is [Constant].
type Dist struct {
	Law    Law
	Mean   float64
	Spread float64
}

func (d Dist) validate(what string) error {
	switch {
	case !inRange(d.Mean, 0, math.MaxFloat64):
		return fmt.Errorf("%s: mean %v: want a number that is not negative", what, d.Mean)
	case (d.Law == "" || d.Law == Constant || d.Law == Exponential) && d.Spread != 0:
		return fmt.Errorf("%s: a spread of %v means nothing to the law %q: leave it out, or take %q or %q", what, d.Spread, d.law(), Uniform, LogNormal)
	case d.Law == Uniform && !inRange(d.Spread, 0, 1):
		return fmt.Errorf("%s: spread %v: want 0 to 1 for the law %q", what, d.Spread, d.Law)
	case d.Law == LogNormal && !inRange(d.Spread, 0, 3):
		return fmt.Errorf("%s: spread %v: want 0 to 3 for the law %q", what, d.Spread, d.Law)
	}
	switch d.law() {
	case Constant, Uniform, Exponential, LogNormal:
		return nil
	}
	return fmt.Errorf("%s: law %q: want %q, %q, %q or %q", what, d.Law, Constant, Uniform, Exponential, LogNormal)
}

// inRange reports whether x is from lo to hi. A number that is none (NaN) is not.
func inRange(x, lo, hi float64) bool { return x >= lo && x <= hi }

func (d Dist) law() Law {
	if d.Law == "" {
		return Constant
	}
	return d.Law
}

// varies reports whether two draws can differ.
func (d Dist) varies() bool {
	return d.Mean > 0 && (d.law() == Exponential || d.law() != Constant && d.Spread > 0)
}

// draw returns a number of the distribution.
func (d Dist) draw(s *stream) float64 {
	switch d.law() {
	case Uniform:
		return float64(d.Mean * (1 + float64(d.Spread*(2*s.open()-1))))
	case Exponential:
		return float64(d.Mean * s.exponential())
	case LogNormal:
		return float64(d.Mean * exp(float64(d.Spread*s.normal())-float64(d.Spread*d.Spread)/2))
	}
	return d.Mean
}
