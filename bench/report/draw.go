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

// Plot is a picture of some of the results.
type Plot struct {
	Name  string // of its files, without their ends
	Title string
	Alt   string // what it shows, in words
	rows  int    // that it needs room for, if it has a row for each name
	fill  func(*plot.Plot)
}

const (
	plotWidth  = 8 * vg.Inch
	plotHeight = 4.2 * vg.Inch
	rowHeight  = 0.24 * vg.Inch
	pngDPI     = 144
)

// The colours are Okabe and Ito's, which do not need colour vision; what they
// tell apart differs in shape or in dashes too.
func blue() color.Color       { return color.NRGBA{0x00, 0x72, 0xb2, 0xff} }
func vermillion() color.Color { return color.NRGBA{0xd5, 0x5e, 0x00, 0xff} }
func gray() color.Color       { return color.NRGBA{0x80, 0x80, 0x80, 0xff} }
func faint() color.Color      { return color.NRGBA{0x80, 0x80, 0x80, 0x50} }
func band() color.Color       { return color.NRGBA{0x56, 0xb4, 0xe9, 0x60} }
func ink() color.Color        { return color.NRGBA{0x1f, 0x23, 0x28, 0xff} }

// As SVG writes them.
const (
	inkHex  = "#1F2328"
	blueHex = "#0072B2"
)

// SVG draws the plot on white.
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

// PNG draws the plot on white, at twice the size of a plain screen.
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

// inline draws the plot as a part of a page, whose colours of text and marks it
// takes on and whose width it fills.
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

// marks are points with intervals, or without if lo and hi are nil.
type marks struct {
	xys   plotter.XYs
	lo    []float64 // in the direction of the intervals
	hi    []float64
	along rune // 'x' or 'y': which way the intervals go
	color color.Color
	shape draw.GlyphDrawer
	name  string // in the legend; "": none
}

// addMarks draws points and their intervals. An end that is infinite goes to the
// edge of the axis.
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
		return // fewer points than a line has
	}
	l.LineStyle = style
	p.Add(l)
	if name != "" {
		p.Legend.Add(name, l)
	}
}

func dashes() []vg.Length { return []vg.Length{vg.Points(5), vg.Points(3)} }

// grid draws faint lines at the ticks that have labels.
func grid(p *plot.Plot, xs, ys bool) {
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

// words writes text beside points.
func words(p *plot.Plot, xys plotter.XYs, labels []string) {
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

// decades are ticks of a logarithmic axis: at 1, 2 and 5 if there is room, else at
// 1, with labels in base units and SI prefixes.
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

// tickLabel writes a round number with an SI prefix.
func tickLabel(x float64) string {
	prefixes := []string{"n", "µ", "m", "", "k", "M", "G", "T"}
	i := 3
	for ; x > 999.5 && i < len(prefixes)-1; i++ {
		x /= 1000
	}
	for ; x < 0.9995 && i > 0; i-- {
		x *= 1000
	}
	return fmt.Sprintf("%.3g %s", x, prefixes[i])
}

// ticksAt are ticks at these values, written plainly.
func ticksAt(format string, values ...float64) plot.Ticker {
	var ticks plot.ConstantTicks
	for _, v := range values {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf(format, v)})
	}
	return ticks
}
