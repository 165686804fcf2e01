package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Plot is a diagram of some of the results.
type Plot struct {
	Name  string // name of its files, without extension
	Title string
	Alt   string           // description of what it shows, for readers who cannot see it
	rows  int              // height in rows, for plots with one row for each name; otherwise 0
	fill  func(*plot.Plot) // adds the axes and the data
}

const (
	plotWidth  = 8 * vg.Inch
	plotHeight = 4.2 * vg.Inch
	rowHeight  = 0.24 * vg.Inch
	pngDPI     = 144
)

// The colours are from the palette of Okabe and Ito, which readers with colour
// vision deficiency can tell apart. Marks and lines of different colours also differ
// in shape or dashes.
func blue() color.Color       { return color.NRGBA{0x00, 0x72, 0xb2, 0xff} }
func vermillion() color.Color { return color.NRGBA{0xd5, 0x5e, 0x00, 0xff} }
func gray() color.Color       { return color.NRGBA{0x80, 0x80, 0x80, 0xff} }
func faint() color.Color      { return color.NRGBA{0x80, 0x80, 0x80, 0x50} }
func band() color.Color       { return color.NRGBA{0x56, 0xb4, 0xe9, 0x60} }
func ink() color.Color        { return color.NRGBA{0x1f, 0x23, 0x28, 0xff} }

// The colours ink and blue, as vgsvg writes them.
const (
	inkHex  = "#1F2328"
	blueHex = "#0072B2"
)

// SVG draws the plot as SVG on a white background.
func (p Plot) SVG() ([]byte, error) { return p.svg(color.White) }

func (p Plot) svg(background color.Color) ([]byte, error) {
	c := vgsvg.New(plotWidth, p.height())
	p.draw(draw.New(c), background)
	var out bytes.Buffer
	if _, err := c.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("plot %s: %w", p.Name, err)
	}
	return fonts.ReplaceAll(out.Bytes(), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif")), nil
}

// PNG draws the plot as PNG on a white background, at 144 dpi.
func (p Plot) PNG() ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(plotWidth, p.height()), vgimg.UseDPI(pngDPI))
	p.draw(draw.New(c), color.White)
	var out bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&out); err != nil {
		return nil, fmt.Errorf("plot %s: %w", p.Name, err)
	}
	return out.Bytes(), nil
}

var (
	fonts  = regexp.MustCompile(`font-family:[^;"]*`)
	svgTag = regexp.MustCompile(`(?s)^.*?<svg width="[^"]*" height="[^"]*"`)
)

// inline draws the plot as an SVG element for a page. The element is as wide as its
// container, and takes the colours of its text and marks from the page's style.
func (p Plot) inline() ([]byte, error) {
	svg, err := p.svg(color.Transparent)
	if err != nil {
		return nil, err
	}
	svg = bytes.ReplaceAll(svg, []byte(inkHex), []byte("currentColor"))
	svg = bytes.ReplaceAll(svg, []byte(blueHex), []byte("var(--mark)"))
	return svgTag.ReplaceAll(svg, []byte(`<svg role="img" width="100%"`)), nil
}

func (p Plot) height() vg.Length {
	if p.rows > 0 {
		return 1.2*vg.Inch + vg.Length(p.rows)*rowHeight
	}
	return plotHeight
}

func (p Plot) draw(c draw.Canvas, background color.Color) {
	pl := plot.New()
	pl.BackgroundColor = background
	for _, axis := range []*plot.Axis{&pl.X, &pl.Y} {
		axis.Color = ink()
		axis.Width = vg.Points(0.8)
		axis.Padding = 0
		axis.Label.TextStyle = textStyle(axis.Label.TextStyle, 11)
		axis.Label.Padding = vg.Points(4)
		axis.Tick.Label = textStyle(axis.Tick.Label, 10)
		axis.Tick.Color = ink()
	}
	pl.Legend.TextStyle = textStyle(pl.Legend.TextStyle, 10)
	pl.Legend.Padding = vg.Points(3)
	pl.Legend.ThumbnailWidth = vg.Points(24)
	p.fill(pl)
	margin := vg.Points(8)
	pl.Draw(draw.Crop(c, margin, -2*margin, margin, -margin))
}

func textStyle(s text.Style, size vg.Length) text.Style {
	s.Color = ink()
	s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	return s
}

// marks is a set of points with intervals, or without intervals if lo and hi are
// nil.
type marks struct {
	xys   plotter.XYs
	lo    []float64 // lower ends of the intervals, one for each point
	hi    []float64 // upper ends
	along rune      // direction of the intervals: 'x' or 'y'
	color color.Color
	shape draw.GlyphDrawer
	name  string // entry in the legend; empty for none
}

// addMarks adds points and their intervals to a plot. It cuts off intervals at the
// edges of the axis.
func addMarks(p *plot.Plot, m marks) {
	for i, xy := range m.xys {
		if m.lo == nil {
			break
		}
		var ends plotter.XYs
		if m.along == 'x' {
			ends = plotter.XYs{{X: clamp(m.lo[i], p.X), Y: xy.Y}, {X: clamp(m.hi[i], p.X), Y: xy.Y}}
		} else {
			ends = plotter.XYs{{X: xy.X, Y: clamp(m.lo[i], p.Y)}, {X: xy.X, Y: clamp(m.hi[i], p.Y)}}
		}
		addLine(p, ends, draw.LineStyle{Color: m.color, Width: vg.Points(1.6)}, "")
	}
	s, err := plotter.NewScatter(m.xys)
	if err != nil {
		return // no points
	}
	s.GlyphStyle = draw.GlyphStyle{Color: m.color, Radius: vg.Points(3.6), Shape: m.shape}
	p.Add(s)
	if m.name != "" {
		p.Legend.Add(m.name, s)
	}
}

func clamp(x float64, a plot.Axis) float64 { return min(max(x, a.Min), a.Max) }

func addLine(p *plot.Plot, xys plotter.XYs, style draw.LineStyle, name string) {
	l, err := plotter.NewLine(xys)
	if err != nil {
		return // NewLine fails only without points
	}
	l.LineStyle = style
	p.Add(l)
	if name != "" {
		p.Legend.Add(name, l)
	}
}

func dashes() []vg.Length { return []vg.Length{vg.Points(5), vg.Points(3)} }

// addGrid adds faint lines at the labelled ticks of the x axis, the y axis, or both.
func addGrid(p *plot.Plot, xs, ys bool) {
	style := draw.LineStyle{Color: faint(), Width: vg.Points(0.5)}
	if xs {
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if t.Label != "" && t.Value >= p.X.Min && t.Value <= p.X.Max {
				addLine(p, plotter.XYs{{X: t.Value, Y: p.Y.Min}, {X: t.Value, Y: p.Y.Max}}, style, "")
			}
		}
	}
	if ys {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if t.Label != "" && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
				addLine(p, plotter.XYs{{X: p.X.Min, Y: t.Value}, {X: p.X.Max, Y: t.Value}}, style, "")
			}
		}
	}
}

// addLabels adds text to the right of points.
func addLabels(p *plot.Plot, xys plotter.XYs, labels []string) {
	l, err := plotter.NewLabels(plotter.XYLabels{XYs: xys, Labels: labels})
	if err != nil {
		return
	}
	for i := range l.TextStyle {
		l.TextStyle[i] = textStyle(l.TextStyle[i], 10)
		l.TextStyle[i].YAlign = text.YCenter
	}
	l.Offset = vg.Point{X: vg.Points(8), Y: vg.Points(1.5)}
	p.Add(l)
}

// decades returns the ticks of a logarithmic axis. It labels the powers of ten, and
// twice and five times each of them if there is room, with SI prefixes and the given
// unit.
func decades(unit string) plot.Ticker {
	return plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		var ticks []plot.Tick
		few := math.Log10(hi/lo) < 3
		every := max(1, int(math.Ceil(math.Log10(hi/lo)/9)))
		for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
			for m := 1; m <= 9; m++ {
				v := float64(m) * math.Pow10(e)
				t := plot.Tick{Value: v}
				if v < lo || v > hi {
					continue
				}
				if m == 1 && e%every == 0 || few && (m == 2 || m == 5) {
					t.Label = tickLabel(v) + unit
				}
				ticks = append(ticks, t)
			}
		}
		return ticks
	})
}

// tickLabel formats a round number with an SI prefix.
func tickLabel(x float64) string {
	x, prefix := withPrefix(x)
	return fmt.Sprintf("%.3g %s", x, prefix)
}

// ticksAt returns ticks at the given values, labelled in the given format.
func ticksAt(format string, values ...float64) plot.Ticker {
	var ticks plot.ConstantTicks
	for _, v := range values {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf(format, v)})
	}
	return ticks
}
