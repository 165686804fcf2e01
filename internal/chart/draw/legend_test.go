package draw

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/lodepow/lode/internal/chart"
)

// TestWrap checks where names of a legend are broken, if ten characters fit.
func TestWrap(t *testing.T) {
	fits := func(line string) bool { return len(line) <= 10 }
	for name, want := range map[string]string{
		"":                          "",
		"ten ten te":                "ten ten te",
		"ten ten ten":               "ten ten\nten",
		"a  b\tc":                   "a b c",
		"short extraordinarily odd": "short\nextraordin\narily odd",
		"extraordinarily":           "extraordin\narily",
		"1234567890":                "1234567890",
	} {
		if got := wrap(name, fits); got != want {
			t.Errorf("%q is wrapped as %q, want %q", name, got, want)
		}
	}
	if got := wrap("no é", func(string) bool { return false }); got != "n\no\né" {
		t.Errorf("where nothing fits, the lines are %q", got)
	}
}

var (
	texts    = regexp.MustCompile(`(?s)<text ([^>]*)>([^<]*)</text>`)
	textX    = regexp.MustCompile(`\bx="([\d.]+)"`)
	viewBox  = regexp.MustCompile(`viewBox="0 0 ([\d.]+) `)
	fontSize = regexp.MustCompile(`font-size:([\d.]+)`)
)

// TestLegendFits checks that all words of long names are in the picture, from its left to its
// right edge, in each kind of entry and wherever the legend is.
func TestLegendFits(t *testing.T) {
	const long = "theory: stale rate by hash share, to the first order of the quotient of the delay and the interval, which are both means"
	for _, place := range []string{"above", "below", "within"} {
		for _, wide := range []float64{0, 0.6, 2} {
			c := sample()
			c.LegendAbove, c.LegendBelow, c.Width = place == "above", place == "below", wide
			c.Bands[0].Name, c.Bars[0].Name, c.Lines[0].Name, c.Marks[0].Name = "band "+long, "bars "+long, "line "+long, "marks "+long
			svg, err := SVG(c)
			if err != nil {
				t.Fatal(err)
			}
			right := number(t, viewBox.FindSubmatch(svg))
			style := textStyle(text.Style{Handler: plot.DefaultTextHandler}, legendSize)
			said := ""
			for _, found := range texts.FindAllSubmatch(svg, -1) {
				line := html.UnescapeString(string(found[2]))
				if size := number(t, fontSize.FindSubmatch(found[0])); size != legendSize {
					continue
				}
				x := number(t, textX.FindSubmatch(found[1]))
				if end := x + style.Width(line).Points(); end > right {
					t.Errorf("%s, %g times as wide: %q ends at %.0f of %.0f", place, wide, line, end, right)
				}
				said += line + " "
			}
			for _, kind := range []string{"band ", "bars ", "line ", "marks "} {
				if !strings.Contains(said, kind+long) {
					t.Errorf("%s, %g times as wide: the legend lacks a part of %q: %s", place, wide, kind+long, said)
				}
			}
		}
	}
}

// TestNamesHaveRoom checks that names below an axis are upright if they have no room side by side.
func TestNamesHaveRoom(t *testing.T) {
	few := []string{"random", "scale-free", "ring", "grid", "star", "clique"}
	for name, c := range map[string]struct {
		names   []string
		upright bool
	}{
		"few":       {few, false},
		"long ones": {[]string{"lead-stubborn", "fork-stubborn", "trail-stubborn", "double-spender", "withholder", "optimal"}, true},
		"many":      {append(few, few...), true},
		"one":       {[]string{"a name that would be longer than the diagram, if it had neighbours"}, false},
		"none":      {nil, false},
	} {
		var a plot.Axis
		a.Tick.Label = textStyle(text.Style{Handler: plot.DefaultTextHandler}, legendSize)
		ticks := make([]float64, len(c.names))
		for i := range ticks {
			ticks[i] = float64(i)
		}
		setAxis(&a, chart.Axis{Max: 12, Ticks: ticks, Names: c.names}, fewAcross)
		turnNames(&a, c.names, widthOf(chart.Chart{})-vg.Points(axisWidth))
		if got := a.Tick.Label.Rotation != 0; got != c.upright || got != (a.Label.Padding > 0) {
			t.Errorf("%s: the names are upright: %t, with a padding of %v, want %t", name, got, a.Label.Padding, c.upright)
		}
		for i, tick := range a.Tick.Marker.Ticks(a.Min, a.Max) {
			if got := strings.TrimPrefix(tick.Label, "\u00a0"); len(c.names) > 0 && got != c.names[i] {
				t.Errorf("%s: the name at %d is %q, want %q", name, i, got, c.names[i])
			}
		}
	}
}

// TestLogarithmicWidth checks that a diagram with a logarithmic axis is as wide as one with a
// linear one, however long the label of the axis is.
func TestLogarithmicWidth(t *testing.T) {
	right := func(log bool) float64 {
		c := chart.Chart{Y: chart.Axis{Max: 1}, X: chart.Axis{Min: 1, Max: 100, Log: log, Ticks: []float64{1, 10}, Label: "a rather long label of the axis, logarithmic"},
			Marks: []chart.Marks{{At: []chart.Mark{{Point: chart.Point{X: 100}}}}}}
		svg, err := SVG(c)
		if err != nil {
			t.Fatal(err)
		}
		return number(t, circles.FindSubmatch(svg))
	}
	if linear, log := right(false), right(true); linear != log {
		t.Errorf("a mark at the right end is at %g on a linear axis and at %g on a logarithmic one", linear, log)
	}
}

func number(t *testing.T, found [][]byte) float64 {
	t.Helper()
	if found == nil {
		t.Fatal("the number is not in the picture")
	}
	x, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", found[0], err))
	}
	return x
}
