package validate

import (
	"context"
	"fmt"
	"math"

	"github.com/lodepow/lode/lab/blocks"
)

func difficultyChecks() []Check {
	return []Check{
		{
			Name:      "asert",
			Title:     "ASERT after the hash rate has changed",
			Source:    "logistic equation of the rule (Toomim and Lundeberg, specification of ASERT for Bitcoin Cash, 2020): the error of the interval halves in each half-life",
			Criterion: "within ±0.1 of the intended interval",
			Note:      "Mean time of a block by its difficulty and the hash rate, relative to the intended interval, some half-lives after the hash rate has been multiplied. A half-life is a thousand intervals, so that one run has a noise of some percent.",
			Cheap:     true,
			rows:      asertRows,
		},
		{
			Name:      "timewarp",
			Title:     "Timewarp attack on the 2016-block rule",
			Source:    "closed form of the recursion (blocks.Timewarp). BIP 54 says that the worst case takes 38 days",
			Criterion: "within 15 %",
			Note:      "All miners lie about the time from one window on. Difficulty of the windows relative to that before the attack.",
			Cheap:     true,
			rows:      timewarpRows,
		},
		{
			Name:      "hopping",
			Title:     "Coin hopping under the 2016-block rule",
			Source:    "closed form of the cycle that Meshkov, Chepurnoy and Jansen, Revisiting Difficulty Control for Blockchain Systems, 2017, describe",
			Criterion: "within 5 %",
			Note:      "Half of the hash rate mines only while the difficulty is low: slow and fast windows alternate, and blocks take a quarter longer on average.",
			Cheap:     true,
			rows:      hoppingRows,
		},
	}
}

func asertRows(ctx context.Context, _ *runner) (rows []Row, err error) {
	halfLives := []float64{0, 1, 2, 4}
	for _, factor := range []float64{4, 0.25} {
		got, err := blocks.MeasureAsertStep(ctx, factor, halfLives, seed(fmt.Sprintf("hash rate × %g", factor)))
		if err != nil {
			return nil, err
		}
		for i, h := range halfLives {
			row := Row{What: fmt.Sprintf("hash rate × %g, after %g half-lives", factor, h), Ours: got[i], Half: math.NaN(), Theirs: blocks.AsertStep(factor, h), Digits: 3}
			// The error is relative to the interval itself, which is long after a fall.
			rows = append(rows, byTolerance(row, 0.1*max(1, row.Theirs)))
		}
	}
	return rows, nil
}

func timewarpRows(ctx context.Context, _ *runner) (rows []Row, err error) {
	const windows = 4
	got, err := blocks.MeasureTimewarp(ctx, windows, 2016, seed("timewarp"))
	if err != nil {
		return nil, err
	}
	for i, want := range blocks.Timewarp(windows) {
		row := Row{What: fmt.Sprintf("window %d: difficulty", i+1), Ours: got[i].Difficulty, Half: math.NaN(), Theirs: want.Difficulty, Digits: 4}
		rows = append(rows, byFactor(row, 1.15))
	}
	return rows, nil
}

func hoppingRows(ctx context.Context, _ *runner) ([]Row, error) {
	const share = 0.5
	slow, fast, mean, err := blocks.MeasureHoppingCycle(ctx, share, 8, 2016, seed("hopping"))
	if err != nil {
		return nil, err
	}
	wantSlow, wantFast, wantMean := blocks.HoppingCycle(share)
	var rows []Row
	for _, c := range []struct {
		what         string
		ours, theirs float64
	}{{"slow windows", slow, wantSlow}, {"fast windows", fast, wantFast}, {"all windows", mean, wantMean}} {
		row := Row{What: c.what + ": interval, relative to the intended one", Ours: c.ours, Half: math.NaN(), Theirs: c.theirs, Digits: 3}
		rows = append(rows, byFactor(row, 1.05))
	}
	return rows, nil
}
