package validate

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// number formats a figure of the row.
func (r Row) number(x float64) string { return fmt.Sprintf("%.*f", r.Digits, r.scale(x)) }

// interval formats the 95 % interval.
func (r Row) interval() string {
	if math.IsNaN(r.Half) {
		return "–"
	}
	return fmt.Sprintf("%s to %s", r.number(r.Ours-r.Half), r.number(r.Ours+r.Half))
}

// WriteText prints the groups as a table for a terminal.
func WriteText(w io.Writer, groups []Group) error {
	for _, g := range groups {
		fmt.Fprintf(w, "%s (%s)\n%s\n\n", g.Title, g.Name, g.Source)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "\tours\t95 %% interval\ttheirs\toff by\tverdict\n")
		for _, r := range g.Rows {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.What, r.number(r.Ours), r.interval(), r.number(r.Theirs), r.Off, r.Verdict)
		}
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintln(w, summary(groups))
	return err
}

// summary counts the verdicts.
func summary(groups []Group) string {
	counts := map[Verdict]int{}
	for _, g := range groups {
		for _, r := range g.Rows {
			counts[r.Verdict]++
		}
	}
	return fmt.Sprintf("%d rows agree, %d differ as explained, %d differ.", counts[Agrees], counts[Explained], counts[Differs])
}

const head = `<!-- Written by lodelab validate%s --write; do not edit. -->

# Validation

This page compares the laboratory (package lab/blocks) with what is published: closed forms, tables of papers, and
measurements. The command ` + "`lodelab validate`" + ` computes it; this is its %s form. [The laboratory](laboratory.md)
describes the model and its limits.

The seed of a run is the hash of the text of its row, and no criterion was loosened after a result had been seen. But not
everything was fixed before the first results: how the rows of sm1 and optimal are estimated (number of replicas, correction
for luck, one long run in parts) was settled after first results had been seen. The bandwidth of the gervais rows was fitted to
one figure of their table, the 14.7 s at ten minutes, and the delay of the bitcoin row to the observed rate, so that these two
figures prove nothing.

The usual criterion is 3.5 standard errors, because five of a hundred rows would differ by chance if it were an interval of
95 %%. A right model misses it in one of two thousand rows, or in one of seven hundred where the error is estimated from 32
replicas or parts. The intervals are nevertheless those of 95 %%, and where rows are computed and not measured there are none.

%s

The tests of package lab/validate put faults into the model and see that rows differ: a relay that forgets every hundredth
message, a miner with 1 %% too much power, ties that always go to the same miner.
`

// WriteDocument writes the groups as docs/validation.md.
func WriteDocument(w io.Writer, groups []Group, form Form) error {
	flag := ""
	if form == Full {
		flag = " --full"
	}
	var b strings.Builder
	fmt.Fprintf(&b, head, flag, form, summary(groups))
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g.Title)
		fmt.Fprintf(&b, "- Source: %s.\n- Criterion: %s.\n", g.Source, g.Criterion)
		if g.Note != "" {
			fmt.Fprintf(&b, "- %s\n", g.Note)
		}
		fmt.Fprintf(&b, "- Rows of this check alone: `lodelab validate%s --only %s`\n\n", flag, g.Name)
		fmt.Fprintf(&b, "| | ours | 95 %% interval | theirs | off by | verdict |\n|---|---|---|---|---|---|\n")
		for _, r := range g.Rows {
			b.WriteString(r.line())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line is the row in the document.
func (r Row) line() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", r.What, r.number(r.Ours), r.interval(), r.number(r.Theirs), r.Off, r.Verdict)
}
