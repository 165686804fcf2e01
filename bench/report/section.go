package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Report is what the files say: a page of sections, written as text or as HTML.
type Report struct {
	Title    string
	Sections []Section
}

// Section is a heading with what stands under it; each part may be missing.
type Section struct {
	ID    string
	Title string
	Text  []string // paragraphs
	Table *Table
	Plots []Plot
	After []string // paragraphs under the table: what to know about it
}

// Table has a heading for each column. Columns after the first are numbers.
type Table struct {
	Head []string
	Rows [][]string
}

// WriteText writes the report for a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var out strings.Builder
	for _, s := range r.Sections {
		fmt.Fprintf(&out, "%s\n%s\n", s.Title, strings.Repeat("-", len([]rune(s.Title))))
		for _, p := range s.Text {
			out.WriteString(wrap(p, 100) + "\n")
		}
		if s.Table != nil {
			table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, strings.Join(s.Table.Head, "\t"))
			for _, row := range s.Table.Rows {
				fmt.Fprintln(table, strings.Join(row, "\t"))
			}
			if err := table.Flush(); err != nil {
				return err
			}
		}
		for _, p := range s.After {
			out.WriteString(wrap(p, 100) + "\n")
		}
		out.WriteString("\n")
	}
	for line := range strings.Lines(out.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// wrap breaks a paragraph into lines of at most that many characters, where words
// allow it.
func wrap(s string, width int) string {
	var out strings.Builder
	column := 0
	for _, word := range strings.Fields(s) {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > width:
			out.WriteString("\n")
			column = 0
		default:
			out.WriteString(" ")
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String()
}
