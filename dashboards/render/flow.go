package main

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/lodepow/lode/dashboards"
)

// Below these widths of the page, panels are wider than their dashboard says, so that
// their charts and texts stay readable.
const (
	mediumWidth = 1000 // points; below, two charts are beside each other instead of three or four
	narrowWidth = 520  // points; below, only one
)

// The least heights of what is inside panels, without title and description, in points.
const (
	leastStat  = 34
	leastChart = 130
)

// item is the heading of a row or a panel, with its place on the page. y is measured
// downwards from the end of the page's head.
type item struct {
	heading    string // empty for a panel
	panel      dashboards.Panel
	x, y, w, h vg.Length
}

// flow returns the places of all headings and panels on a page of the given width, and
// the height that they take. Panels are as high as their texts demand.
func flow(d dashboards.Dashboard, width vg.Length) (items []item, height vg.Length) {
	column := (width - 2*pageMargin) / dashboards.Columns
	begun := 0 // index of the first item beside which the next one may stand
	x, y := uint32(0), vg.Length(0)
	endRow := func() {
		tallest := vg.Length(0)
		for _, it := range items[begun:] {
			tallest = max(tallest, it.h)
		}
		for i := range items[begun:] {
			items[begun+i].h = tallest
		}
		x, y, begun = 0, y+tallest, len(items)
	}
	for _, row := range d.Rows {
		items = append(items, item{heading: row.Title, x: pageMargin, y: y, w: width - 2*pageMargin, h: rowHeight})
		endRow()
		for _, p := range row.Panels {
			w, h := p.Size()
			w = span(w, width)
			if x+w > dashboards.Columns {
				endRow()
			}
			it := item{panel: p, x: pageMargin + vg.Length(x)*column, y: y, w: vg.Length(w) * column}
			it.h = max(vg.Length(h)*rowHeight, heightOf(p, it.w))
			items = append(items, it)
			x += w
		}
		endRow()
	}
	return items, y
}

// span returns how many columns a panel takes on a page of the given width, if its
// dashboard gives it some columns of a wide page.
func span(columns uint32, width vg.Length) uint32 {
	switch {
	case width >= mediumWidth:
		return columns
	case columns <= 4 && width >= narrowWidth:
		return dashboards.Columns / 3
	case columns <= 4, columns <= 8 && width >= narrowWidth:
		return dashboards.Columns / 2
	}
	return dashboards.Columns
}

// insideWidth is the width of what is inside a panel.
func insideWidth(w vg.Length) vg.Length { return w - 2*panelGap - 2*panelPad }

// heightOf returns the least height of a panel of the given width.
func heightOf(p dashboards.Panel, w vg.Length) vg.Length {
	least := vg.Length(leastChart)
	if p.Kind == dashboards.Stat {
		least = leastStat
	}
	titles := len(wrap(textStyle(10, true, ink), p.Title, insideWidth(w)))
	lines := len(wrap(textStyle(7, false, faint), p.About, insideWidth(w)))
	return 2*panelGap + 2*panelPad + titleLine*vg.Length(titles) + 4 + least + aboutLine*vg.Length(lines) + 4
}

// label is a line of text on the page. y is measured downwards from its upper edge.
type label struct {
	style draw.TextStyle
	text  string
	x, y  vg.Length
}

// head returns the texts above the panels, and the height that they take. On a narrow
// page they are below each other.
func head(d dashboards.Dashboard, w window, width vg.Length) (labels []label, height vg.Length) {
	title, when := textStyle(17, true, ink), textStyle(10, false, faint)
	period := fmt.Sprintf("%s to %s UTC", w.from.UTC().Format("2006-01-02 15:04"), w.to.UTC().Format("15:04"))
	var marks []label
	marksWidth := vg.Length(0)
	for _, m := range d.Marks {
		mark := label{style: textStyle(8, false, colorByName(m.Color)), text: "| " + m.Name, x: marksWidth}
		marksWidth += mark.style.Width(mark.text) + 12
		marks = append(marks, mark)
	}
	marksWidth -= 12
	right := width - pageMargin
	if title.Width(d.Title)+max(when.Width(period), marksWidth)+24 <= right-pageMargin {
		labels = []label{
			{title, d.Title, pageMargin, pageMargin},
			{when, period, right - when.Width(period), pageMargin + 5},
		}
		for _, m := range marks {
			m.x, m.y = m.x+right-marksWidth, pageMargin+19
			labels = append(labels, m)
		}
		return labels, pageMargin + pageHead
	}
	y := vg.Length(pageMargin)
	for _, line := range wrap(title, d.Title, right-pageMargin) {
		labels = append(labels, label{title, line, pageMargin, y})
		y += 22
	}
	labels = append(labels, label{when, period, pageMargin, y})
	y += 15
	for _, m := range marks {
		m.x, m.y = pageMargin, y
		labels = append(labels, m)
		y += 11
	}
	return labels, y + 4
}

// fit returns a text that is at most as wide as given: the text itself, or its beginning
// with an ellipsis.
func fit(style draw.TextStyle, text string, width vg.Length) string {
	if style.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && style.Width(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimSpace(string(runes)) + "…"
}
