package draw

import (
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/lodepow/lode/internal/chart"
)

const (
	legendSize  = 9    // of the text, in typographic points
	legendRow   = 13.5 // height of a row above the diagram, in typographic points
	legendThumb = 18   // width of the sample beside the text, in typographic points
	axisWidth   = 70   // what a vertical axis with its label takes from the width, in typographic points

	// fallbackWidth is by how much text is wider in DejaVu Sans, the font of readers who have none
	// of those that the pictures ask for.
	fallbackWidth = 1.2
)

// withWrappedNames returns the chart with line breaks in the names of its legend, so that each
// line fits into the picture.
func withWrappedNames(c chart.Chart) chart.Chart {
	style := textStyle(text.Style{Handler: plot.DefaultTextHandler}, legendSize)
	room := widthOf(c) - vg.Points(legendThumb+32)
	if !c.LegendAbove {
		room -= vg.Points(axisWidth)
	}
	wrapped := func(name string) string {
		return wrap(name, func(line string) bool { return style.Width(line)*fallbackWidth <= room })
	}
	c.Bands, c.Bars, c.Lines, c.Marks = slices.Clone(c.Bands), slices.Clone(c.Bars), slices.Clone(c.Lines), slices.Clone(c.Marks)
	for i := range c.Bands {
		c.Bands[i].Name = wrapped(c.Bands[i].Name)
	}
	for i := range c.Bars {
		c.Bars[i].Name = wrapped(c.Bars[i].Name)
	}
	for i := range c.Lines {
		c.Lines[i].Name = wrapped(c.Lines[i].Name)
	}
	for i := range c.Marks {
		c.Marks[i].Name = wrapped(c.Marks[i].Name)
	}
	return c
}

// wrap breaks a text between words, and a word that fits into no line within it, so that each
// line fits. A line of a single character always counts as one that fits.
func wrap(name string, fits func(line string) bool) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(name) {
		joined := word
		if line != "" {
			joined = line + " " + word
		}
		if fits(joined) {
			line = joined
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		line = ""
		for _, r := range word {
			if line != "" && !fits(line+string(r)) {
				lines = append(lines, line)
				line = ""
			}
			line += string(r)
		}
	}
	return strings.Join(append(lines, line), "\n")
}

// addEntry adds a name to the legend, unless it is empty. Only its first line has the sample.
func addEntry(p *plot.Plot, name string, sample plot.Thumbnailer) {
	if name == "" {
		return
	}
	first, rest, more := strings.Cut(name, "\n")
	p.Legend.Add(first, sample)
	for more {
		first, rest, more = strings.Cut(rest, "\n")
		p.Legend.Add(first)
	}
}

// legendHeight returns the height of the rows of a legend above the diagram. The names have
// their line breaks already.
func legendHeight(c chart.Chart) vg.Length {
	if !c.LegendAbove {
		return 0
	}
	rows := 0
	count := func(name string) {
		if name != "" {
			rows += 1 + strings.Count(name, "\n")
		}
	}
	for _, b := range c.Bands {
		count(b.Name)
	}
	for _, b := range c.Bars {
		count(b.Name)
	}
	for _, l := range c.Lines {
		count(l.Name)
	}
	for _, m := range c.Marks {
		count(m.Name)
	}
	return vg.Length(rows) * legendRow
}
