package validate

import (
	"context"
	"fmt"

	"github.com/lodepow/lode/lab/blocks"
)

func doubleSpendChecks() []Check {
	return []Check{
		{
			Name:      "rosenfeld",
			Title:     "Double spends after z confirmations",
			Source:    "Rosenfeld, Analysis of Hashrate-Based Double Spending, 2014 (arXiv 1402.2009): the probability by equation 1, to the digits of table 1, compared with the paper. A test computes it again as a random walk",
			Criterion: "Wilson's interval of 3.5 standard errors has the published figure",
			Note: "The attacker with the share q of the hash rate has found one block in advance, and overtakes the others after z blocks. " +
				"It gives up 20 blocks behind, which costs it less than 0.00001 of the attempts.",
			rows: rosenfeldRows,
		},
		{
			Name:      "nakamoto",
			Title:     "Double spends by the Bitcoin paper",
			Source:    "Nakamoto, Bitcoin: A Peer-to-Peer Electronic Cash System, 2008, section 11: the first table there, compared with the paper. A test computes it again by the program that the section gives",
			Criterion: "Wilson's interval of 3.5 standard errors has the published figure",
			Note: "Explained: the paper takes the progress of the attacker, while the others find z blocks, for a Poisson variable. " +
				"It is negative binomial, with a larger variance. So the paper's probabilities are too small for q = 0.3 by up to a third, " +
				"as Rosenfeld (2014) and Grunspan and Pérez-Marco (2017) found. A row counts as explained only if our interval has Rosenfeld's exact figure.",
			rows: nakamotoRows,
		},
	}
}

// spend measures how often double spends succeed.
func spend(ctx context.Context, r *runner, what string, q float64, z int) (successes, attempts int64, err error) {
	x := attack(blocks.DoubleSpender{Confirmations: z, GiveUp: 20}, q, 0, r.pick(400_000, 1_000_000))
	x.Tie = blocks.Tie{}
	results, err := r.replicate(ctx, what, x)
	if err != nil {
		return 0, 0, err
	}
	for _, result := range results {
		successes += result.DoubleSpends[0].Successes
		attempts += result.DoubleSpends[0].Attempts
	}
	return successes, attempts, nil
}

// spendRow compares the successes with a published probability.
func spendRow(what string, successes, attempts int64, theirs float64) Row {
	ours := float64(successes) / float64(attempts)
	row := byErrors(Row{What: what, Ours: ours, Theirs: theirs, Percent: true, Digits: 3}, binomialError(theirs, float64(attempts)), 3.5)
	low, high := blocks.Wilson(successes, attempts, 3.5)
	low95, high95 := blocks.Wilson(successes, attempts, 1.96)
	row.Half = (high95 - low95) / 2
	return judge(row, low <= theirs && theirs <= high)
}

// published is a published probability of a double spend.
type published struct {
	q           float64
	z           int
	probability float64
}

var rosenfeldTable = []published{
	{0.1, 1, 0.2}, {0.1, 2, 0.056}, {0.1, 4, 0.00546}, {0.1, 5, 0.00178}, {0.1, 6, 0.00059},
	{0.2, 1, 0.4}, {0.2, 6, 0.02331},
	{0.3, 1, 0.6}, {0.3, 2, 0.432}, {0.3, 6, 0.15645},
}

func rosenfeldRows(ctx context.Context, r *runner) (rows []Row, err error) {
	for _, c := range rosenfeldTable {
		what := fmt.Sprintf("q = %g, z = %d, %%", c.q, c.z)
		k, n, err := spend(ctx, r, what, c.q, c.z)
		if err != nil {
			return nil, err
		}
		rows = append(rows, spendRow(what, k, n, c.probability))
	}
	return rows, nil
}

var nakamotoTable = []published{
	{0.1, 1, 0.2045873}, {0.1, 3, 0.0131722}, {0.1, 5, 0.0009137},
	{0.3, 5, 0.1773523}, {0.3, 10, 0.0416605}, {0.3, 15, 0.0101008},
}

func nakamotoRows(ctx context.Context, r *runner) (rows []Row, err error) {
	for _, c := range nakamotoTable {
		what := fmt.Sprintf("q = %g, z = %d, by the paper, %%", c.q, c.z)
		k, n, err := spend(ctx, r, what, c.q, c.z)
		if err != nil {
			return nil, err
		}
		row := spendRow(what, k, n, c.probability)
		if spendRow("", k, n, blocks.DoubleSpendRosenfeld(c.q, c.z)).Verdict == Agrees {
			row = explained(row)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
