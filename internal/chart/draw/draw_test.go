package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/lodepow/lode/internal/chart"
)

// sample has every kind of part, and texts with characters that mean something to XML.
func sample() chart.Chart {
	return chart.Chart{
		Name: "sample", Title: "Sample", Alt: `a "picture" of <things>`,
		X: chart.Axis{Label: "x <units>", Min: 0, Max: 10, Grid: true}, Y: chart.Axis{Label: "y", Min: 0, Max: 10, Grid: true},
		Bands:       []chart.Band{{Name: "a band", Lower: []chart.Point{{}, {X: 10}}, Upper: []chart.Point{{Y: 1}, {X: 10, Y: 1}}}},
		Bars:        []chart.Bars{{Name: "some bars", Color: chart.Green, At: []chart.Bar{{From: 1, To: 2, Height: 3}, {From: 2, To: 3, Height: 4}}}},
		Lines:       []chart.Line{{Name: "a line", Points: []chart.Point{{}, {X: 10, Y: 10}}, Color: chart.Purple, Width: 1}},
		Marks:       []chart.Marks{{Name: "marks", At: []chart.Mark{{Point: chart.Point{X: 5, Y: 5}, Lo: 4, Hi: 6}}, Color: chart.Ramp + chart.RampSteps - 1, Shape: chart.Ring, Size: 2}},
		Boxes:       []chart.Box{{Point: chart.Point{X: 2, Y: 8}, Text: "<1>", Below: "now", Color: chart.Blue}, {Point: chart.Point{X: 8, Y: 8}, Text: "2", Color: chart.Vermillion, Dashed: true}},
		Arrows:      []chart.Arrow{{From: 1, To: 0}},
		Labels:      []chart.Label{{Point: chart.Point{X: 5, Y: 9}, Text: "a & b", Place: chart.Center}},
		LegendAbove: true,
	}
}

func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestParts checks that each part of a chart is in the SVG, and escaped.
func TestParts(t *testing.T) {
	svg, err := SVG(sample())
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
	for _, want := range []string{
		">a band<", ">some bars<", ">a line<", ">marks<", ">&lt;1&gt;<", ">now<", ">2<", ">a &amp; b<", ">x &lt;units&gt;<",
		"#009E73", "#A8517F", "#C79A00", "#0072B2", "#D55E00",
	} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("%s is not in the SVG", want)
		}
	}
	again, err := SVG(sample())
	if err != nil || !bytes.Equal(svg, again) {
		t.Errorf("the same chart looks different the second time, or %v", err)
	}
}

// TestInline checks the label of a chart in a page, and that no colour of the palette is
// left without a variable.
func TestInline(t *testing.T) {
	c := sample()
	for color := chart.Ink; color < chart.Ramp+chart.RampSteps; color++ {
		c.Lines = append(c.Lines, chart.Line{Points: []chart.Point{{}, {X: 1, Y: 1}}, Color: color, Width: 1})
	}
	svg, err := Inline(c)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
	if !bytes.HasPrefix(svg, []byte(`<svg role="img" aria-label="a &#34;picture&#34; of &lt;things&gt;" width="100%"`)) {
		t.Errorf("the element begins with %.150s", svg)
	}
	for color := chart.Ink; color < chart.Ramp+chart.RampSteps; color++ {
		if color == chart.Gray {
			continue // it suits light and dark pages
		}
		hex := hexOf(color)
		if rest := strings.ReplaceAll(string(svg), ","+hex+")", ""); strings.Contains(rest, hex) {
			t.Errorf("the colour %d, %s, is in the page without a variable", color, hex)
		}
	}
}

func hexOf(c chart.Color) string {
	r, g, b, _ := colorOf(c).RGBA()
	return fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8)
}

// TestContrast checks that every colour of lines and marks stands out from white as WCAG 2
// asks of graphics: by a ratio of at least 3. Orange and yellow of the ramp are for dots
// beside darker ones.
func TestContrast(t *testing.T) {
	for c := chart.Ink; c < chart.Ramp+3; c++ {
		if ratio := 1.05 / (luminance(colorOf(c)) + 0.05); ratio < 3 {
			t.Errorf("the colour %d has a contrast of %.2f to white", c, ratio)
		}
	}
}

// luminance returns the relative luminance of WCAG 2.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	linear := func(x uint32) float64 {
		v := float64(x) / 0xffff
		if v > 0.04045 {
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return v / 12.92
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

// TestSize checks the size of pictures: a legend above the diagram makes them higher, and
// the factors of width and height apply to the rest.
func TestSize(t *testing.T) {
	size := func(change func(*chart.Chart)) image.Point {
		c := sample()
		change(&c)
		data, err := PNG(c)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return image.Pt(picture.Width, picture.Height)
	}
	const names = 4
	rows := int(math.Round(names * legendRow / 72 * pngDPI))
	for name, c := range map[string]struct {
		change func(*chart.Chart)
		want   image.Point
	}{
		"legend within": {func(c *chart.Chart) { c.LegendAbove = false }, image.Pt(1152, 888)},
		"legend above":  {func(*chart.Chart) {}, image.Pt(1152, 888+rows)},
		"twice as wide": {func(c *chart.Chart) { c.Width, c.Height = 2, 0.5 }, image.Pt(2304, 444+rows)},
	} {
		if got := size(c.change); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

var circles = regexp.MustCompile(`<path d="M([\d.]+),([\d.]+)A`)

// TestCoordinates checks that marks are where the axes say, on linear and logarithmic axes.
func TestCoordinates(t *testing.T) {
	for _, log := range []bool{false, true} {
		norm := func(v float64) float64 { return v / 100 } // from 1 to 100
		if log {
			norm = func(v float64) float64 { return math.Log10(v) / 2 }
		}
		c := chart.Chart{X: chart.Axis{Min: 1, Max: 100, Log: log}, Y: chart.Axis{Min: 1, Max: 100, Log: log, Label: "y"}}
		values := []float64{1, 3, 10, 64, 100}
		var m chart.Marks
		for i, v := range values {
			m.At = append(m.At, chart.Mark{Point: chart.Point{X: v, Y: values[len(values)-1-i]}, Lo: 1, Hi: 1})
		}
		c.Marks = []chart.Marks{m}
		svg, err := SVG(c)
		if err != nil {
			t.Fatal(err)
		}
		var xs, ys []float64
		for _, found := range circles.FindAllStringSubmatch(string(svg), -1) {
			var x, y float64
			if _, err := fmt.Sscan(found[1], &x); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(found[2], &y); err != nil {
				t.Fatal(err)
			}
			xs, ys = append(xs, x), append(ys, y)
		}
		if len(xs) != len(values) {
			t.Fatalf("%d circles for %d marks", len(xs), len(values))
		}
		last := len(values) - 1
		for i, v := range values {
			share := (norm(v) - norm(1)) / (norm(100) - norm(1))
			if x := (xs[i] - xs[0]) / (xs[last] - xs[0]); math.Abs(x-share) > 1e-3 {
				t.Errorf("log %t: x = %g is at %g of the axis, want %g", log, v, x, share)
			}
			if y := (ys[last-i] - ys[last]) / (ys[0] - ys[last]); math.Abs(y-share) > 1e-3 {
				t.Errorf("log %t: y = %g is at %g of the axis, want %g", log, v, y, share)
			}
		}
		if xs[last] <= xs[0] || ys[0] <= ys[last] {
			t.Errorf("log %t: an axis is the wrong way round", log)
		}
	}
}

// TestDecades checks which ticks of a logarithmic axis have a label: a horizontal one has
// less room between its powers of ten than a vertical one.
func TestDecades(t *testing.T) {
	for _, c := range []struct {
		name   string
		few    float64
		lo, hi float64
		want   string
	}{
		{"up, three powers", fewUp, 80e3, 73e6, "100 kH/s|200 kH/s|500 kH/s|1 MH/s|2 MH/s|5 MH/s|10 MH/s|20 MH/s|50 MH/s"},
		{"across, three powers", fewAcross, 80e3, 73e6, "100 kH/s|1 MH/s|10 MH/s"},
		{"across, one power", fewAcross, 0.9e6, 12e6, "1 MH/s|2 MH/s|5 MH/s|10 MH/s"},
		{"up, ten powers", fewUp, 1, 1e10, "1 H/s|100 H/s|10 kH/s|1 MH/s|100 MH/s|10 GH/s"},
	} {
		var labels []string
		for _, tick := range decades("H/s", c.few).Ticks(c.lo, c.hi) {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		if got := strings.Join(labels, "|"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
