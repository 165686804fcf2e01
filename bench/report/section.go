package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/lodepow/lode/internal/chart"
)

// Report is a document. WriteText writes it as text, and package page as HTML with its
// charts.
type Report struct {
	Title    string
	Sections []Section
}

// Section is a part of a report. Any of its parts except ID and Title may be empty.
type Section struct {
	ID     string // identifies the section in links; unique in the report
	Title  string
	Text   []string // paragraphs above the table
	Table  *Table
	Charts []chart.Chart
	After  []string // paragraphs below the table, with remarks about it
}

// Table is a table with a heading for each column. The first column has the names of
// the rows.
type Table struct {
	Head []string
	Rows [][]string
}

// WriteText writes the report as plain text for a terminal, without charts.
func (r *Report) WriteText(w io.Writer) error {
	var out strings.Builder
	for _, s := range r.Sections {
		fmt.Fprintf(&out, "%s\n%s\n", s.Title, strings.Repeat("-", len([]rune(s.Title))))
		for _, p := range s.Text {
			out.WriteString(wrap(p, textWidth) + "\n")
		}
		if s.Table != nil {
			out.WriteString(s.Table.text())
		}
		for _, p := range s.After {
			out.WriteString(wrap(p, textWidth) + "\n")
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

// textWidth is the greatest width of a report as text, in characters. A single word,
// such as the name of a file, can exceed it.
const textWidth = 100

// text returns the table as text: in columns if they fit into the width, and otherwise
// with a paragraph for each row.
func (t *Table) text() string {
	var columns strings.Builder
	w := tabwriter.NewWriter(&columns, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(t.Head, "\t"))
	for _, row := range t.Rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a strings.Builder accepts everything
	fits := true
	for line := range strings.Lines(columns.String()) {
		fits = fits && len([]rune(strings.TrimRight(line, " \n"))) <= textWidth
	}
	if fits {
		return columns.String()
	}
	var rows strings.Builder
	for _, row := range t.Rows {
		for i, cell := range row {
			switch {
			case i == 0:
				fmt.Fprintf(&rows, "%s\n", wrap(cell, textWidth))
			case cell != "":
				text := wrap(t.Head[i]+": "+cell, textWidth-4)
				fmt.Fprintf(&rows, "    %s\n", strings.ReplaceAll(text, "\n", "\n    "))
			}
		}
	}
	return rows.String()
}

// Charts returns the charts of all sections.
func (r *Report) Charts() []chart.Chart {
	var all []chart.Chart
	for _, s := range r.Sections {
		all = append(all, s.Charts...)
	}
	return all
}

// wrap breaks a paragraph into lines of at most width characters. Only a word that is
// longer makes a longer line.
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
