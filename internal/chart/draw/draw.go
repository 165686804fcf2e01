// Package draw draws charts as SVG and PNG.
package draw

import (
	"bytes"
	"fmt"
	"image/color"
	"regexp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/lodepow/lode/internal/chart"
)

const (
	// The width is that of a small screen, so that text of 9 points is still readable
	// when the chart is as wide as a telephone, 400 pixels.
	width  = 4.8 * vg.Inch
	height = 3.7 * vg.Inch

	rowHeight      = 0.24 * vg.Inch
	labelledHeight = 0.34 * vg.Inch // of a row with text above its mark
	pngDPI         = 240
)

// The colours are from the palette of Okabe and Ito, which readers with colour
// vision deficiency can tell apart.
func colorOf(c chart.Color) color.Color {
	return [...]color.Color{
		chart.Ink:        color.NRGBA{0x1f, 0x23, 0x28, 0xff},
		chart.Blue:       color.NRGBA{0x00, 0x72, 0xb2, 0xff},
		chart.Vermillion: color.NRGBA{0xd5, 0x5e, 0x00, 0xff},
		chart.Gray:       color.NRGBA{0x80, 0x80, 0x80, 0xff},
	}[c]
}

func faint() color.Color { return color.NRGBA{0x80, 0x80, 0x80, 0x50} }
func band() color.Color  { return color.NRGBA{0x56, 0xb4, 0xe9, 0x60} }

// The colours chart.Ink and chart.Blue, as vgsvg writes them.
const (
	inkHex  = "#1F2328"
	blueHex = "#0072B2"
)

// SVG draws a chart as SVG on a white background.
func SVG(c chart.Chart) ([]byte, error) { return svg(c, color.White) }

func svg(c chart.Chart, background color.Color) ([]byte, error) {
	canvas := vgsvg.New(width, heightOf(c))
	paint(c, draw.New(canvas), background)
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw %s: %w", c.Name, err)
	}
	return fonts.ReplaceAll(out.Bytes(), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif")), nil
}

// PNG draws a chart as PNG on a white background, at 240 dpi.
func PNG(c chart.Chart) ([]byte, error) {
	canvas := vgimg.NewWith(vgimg.UseWH(width, heightOf(c)), vgimg.UseDPI(pngDPI))
	paint(c, draw.New(canvas), color.White)
	var out bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw %s: %w", c.Name, err)
	}
	return out.Bytes(), nil
}

var (
	fonts  = regexp.MustCompile(`font-family:[^;"]*`)
	svgTag = regexp.MustCompile(`(?s)^.*?<svg width="[^"]*" height="[^"]*"`)
)

// Inline draws a chart as an SVG element for a page. The element is as wide as its
// container. It takes the colour of its text from the page, and that of blue marks
// from the page's style variable --mark.
func Inline(c chart.Chart) ([]byte, error) {
	out, err := svg(c, color.Transparent)
	if err != nil {
		return nil, err
	}
	out = bytes.ReplaceAll(out, []byte(inkHex), []byte("currentColor"))
	out = bytes.ReplaceAll(out, []byte(blueHex), []byte("var(--mark)"))
	return svgTag.ReplaceAll(out, []byte(`<svg role="img" width="100%"`)), nil
}

func heightOf(c chart.Chart) vg.Length {
	if len(c.Rows) > 0 {
		each := rowHeight
		if len(c.Labels) > 0 {
			each = labelledHeight
		}
		return 1.2*vg.Inch + vg.Length(len(c.Rows)+c.Headroom)*each
	}
	return height
}

// paint draws a chart on a canvas.
func paint(c chart.Chart, canvas draw.Canvas, background color.Color) {
	p := plot.New()
	p.BackgroundColor = background
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color = colorOf(chart.Ink)
		axis.Width = vg.Points(0.8)
		axis.Padding = 0
		axis.Label.TextStyle = textStyle(axis.Label.TextStyle, 10)
		axis.Label.Padding = vg.Points(4)
		axis.Tick.Label = textStyle(axis.Tick.Label, 9)
		axis.Tick.Color = colorOf(chart.Ink)
	}
	p.Legend.TextStyle = textStyle(p.Legend.TextStyle, 9)
	p.Legend.Padding = vg.Points(3)
	p.Legend.ThumbnailWidth = vg.Points(18)

	setAxis(&p.X, c.X)
	if len(c.Rows) > 0 {
		setRows(&p.Y, c)
	} else {
		setAxis(&p.Y, c.Y)
	}
	for _, b := range c.Bands {
		addBand(p, b)
	}
	addGrid(p, c)
	for _, l := range c.Lines {
		addLine(p, l)
	}
	for _, m := range c.Marks {
		addMarks(p, m)
	}
	addLabels(p, c.Labels)
	if c.LegendBelow {
		p.Legend.XOffs, p.Legend.YOffs = vg.Points(-10), vg.Points(10)
	} else {
		p.Legend.Left, p.Legend.Top = true, true
		p.Legend.XOffs = vg.Points(8)
	}
	margin := vg.Points(8)
	p.Draw(draw.Crop(canvas, margin, -2*margin, margin, -margin))
}

func textStyle(s text.Style, size vg.Length) text.Style {
	s.Color = colorOf(chart.Ink)
	s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	return s
}
