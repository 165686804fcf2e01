// Package draw draws charts as SVG and PNG.
package draw

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"
	"strings"

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
		chart.Green:      color.NRGBA{0x00, 0x9e, 0x73, 0xff},
		chart.Purple:     color.NRGBA{0xa8, 0x51, 0x7f, 0xff}, // darker than in the palette, to stand out from white
		chart.Orange:     color.NRGBA{0xb3, 0x77, 0x00, 0xff}, // the same

		// Like matplotlib's plasma, without the ends that white or black swallow.
		chart.Ramp:     color.NRGBA{0x30, 0x12, 0x8c, 0xff},
		chart.Ramp + 1: color.NRGBA{0x7c, 0x0a, 0xa0, 0xff},
		chart.Ramp + 2: color.NRGBA{0xb5, 0x2f, 0x7d, 0xff},
		chart.Ramp + 3: color.NRGBA{0xd9, 0x53, 0x4f, 0xff},
		chart.Ramp + 4: color.NRGBA{0xe0, 0x7b, 0x22, 0xff},
		chart.Ramp + 5: color.NRGBA{0xc7, 0x9a, 0x00, 0xff},
	}[c]
}

func faint() color.Color { return color.NRGBA{0x80, 0x80, 0x80, 0x50} }
func band() color.Color  { return color.NRGBA{0x56, 0xb4, 0xe9, 0x60} }

// The colours of charts in a page: style variables of the page, or the colours of the
// files if the page does not set them. The hexadecimal numbers are as vgsvg writes them.
var pageColors = strings.NewReplacer(
	"#1F2328", "currentColor",
	"#0072B2", "var(--mark)",
	"#D55E00", "var(--mark-vermillion,#D55E00)",
	"#009E73", "var(--mark-green,#009E73)",
	"#A8517F", "var(--mark-purple,#A8517F)",
	"#B37700", "var(--mark-orange,#B37700)",
	"#30128C", "var(--ramp-0,#30128C)",
	"#7C0AA0", "var(--ramp-1,#7C0AA0)",
	"#B52F7D", "var(--ramp-2,#B52F7D)",
	"#D9534F", "var(--ramp-3,#D9534F)",
	"#E07B22", "var(--ramp-4,#E07B22)",
	"#C79A00", "var(--ramp-5,#C79A00)",
)

// SVG draws a chart as SVG on a white background.
func SVG(c chart.Chart) ([]byte, error) { return svg(c, color.White) }

func svg(c chart.Chart, background color.Color) ([]byte, error) {
	c = withWrappedNames(c)
	canvas := vgsvg.New(widthOf(c), heightOf(c))
	paint(c, draw.New(canvas), background)
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw %s: %w", c.Name, err)
	}
	return fonts.ReplaceAll(out.Bytes(), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif")), nil
}

// PNG draws a chart as PNG on a white background, at 240 dpi.
func PNG(c chart.Chart) ([]byte, error) {
	c = withWrappedNames(c)
	canvas := vgimg.NewWith(vgimg.UseWH(widthOf(c), heightOf(c)), vgimg.UseDPI(pngDPI))
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

// Inline draws a chart as an SVG element for a page, with [chart.Chart.Alt] as its label.
// The element is as wide as its container. It takes the colour of its text from the page,
// that of blue marks from the page's style variable --mark, and the others from variables
// such as --mark-green and --ramp-0, which the page may leave out.
func Inline(c chart.Chart) ([]byte, error) {
	out, err := svg(c, color.Transparent)
	if err != nil {
		return nil, err
	}
	text := pageColors.Replace(string(svgTag.ReplaceAllLiteral(out, nil)))
	return []byte(`<svg role="img" aria-label="` + html.EscapeString(c.Alt) + `" width="100%"` + text), nil
}

func widthOf(c chart.Chart) vg.Length { return width * times(c.Width) }

// times returns a factor of which 0 means 1.
func times(factor float64) vg.Length {
	if factor == 0 {
		return 1
	}
	return vg.Length(factor)
}

func heightOf(c chart.Chart) vg.Length { return diagramHeight(c) + legendHeight(c) }

// diagramHeight returns the height of a chart without a legend above it.
func diagramHeight(c chart.Chart) vg.Length {
	if len(c.Rows) > 0 {
		each := rowHeight
		if len(c.Labels) > 0 {
			each = labelledHeight
		}
		return 1.2*vg.Inch + vg.Length(len(c.Rows)+c.Headroom)*each
	}
	return height * times(c.Height)
}

// paint draws a chart on a canvas. The names of its legend have their line breaks already.
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
	p.Legend.TextStyle = textStyle(p.Legend.TextStyle, legendSize)
	p.Legend.Padding = vg.Points(3)
	p.Legend.ThumbnailWidth = vg.Points(legendThumb)

	setAxis(&p.X, c.X, fewAcross)
	turnNames(&p.X, c.X.Names, widthOf(c)-vg.Points(axisWidth))
	switch {
	case c.Plain:
		setAxis(&p.Y, c.Y, fewUp)
		p.HideAxes()
	case len(c.Rows) > 0:
		setRows(&p.Y, c)
	default:
		setAxis(&p.Y, c.Y, fewUp)
	}
	for _, b := range c.Bands {
		addBand(p, b)
	}
	for _, b := range c.Bars {
		addBars(p, b)
	}
	addGrid(p, c)
	for _, l := range c.Lines {
		addLine(p, l)
	}
	for _, m := range c.Marks {
		addMarks(p, m)
	}
	if len(c.Boxes) > 0 {
		p.Add(boxes{c.Boxes, c.Arrows})
	}
	addLabels(p, c.Labels)
	margin := vg.Points(8)
	above := plot.NewLegend()
	if c.LegendBelow {
		p.Legend.XOffs, p.Legend.YOffs = vg.Points(-10), vg.Points(10)
	} else {
		p.Legend.Left, p.Legend.Top = true, true
		p.Legend.XOffs = vg.Points(8)
	}
	if c.LegendAbove {
		above, p.Legend = p.Legend, above
	}
	if background != color.Transparent {
		canvas.SetColor(background)
		canvas.Fill(canvas.Path())
	}
	diagram := draw.Crop(canvas, margin, -2*margin, margin, -margin-legendHeight(c))
	if c.Y.Log && len(c.Rows) == 0 {
		diagram = drawLabel(&p.Y, diagram)
	}
	if c.X.Log {
		diagram = drawLabelBelow(&p.X, diagram)
	}
	p.Draw(diagram)
	above.Draw(draw.Crop(canvas, margin, 0, 0, -margin/2))
}

// drawLabel draws the label of a vertical axis, takes it out of the axis, and returns the
// rest of the canvas. On a logarithmic axis, plot.Draw would leave room above the diagram,
// because it takes the label's place for a value of the axis.
func drawLabel(axis *plot.Axis, canvas draw.Canvas) draw.Canvas {
	style := axis.Label.TextStyle
	style.Rotation = math.Pi / 2
	style.XAlign, style.YAlign = text.XCenter, text.YTop
	canvas.FillText(style, vg.Point{X: canvas.Min.X, Y: canvas.Center().Y}, axis.Label.Text)
	room := style.FontExtents().Height + axis.Label.Padding
	axis.Label.Text = ""
	return draw.Crop(canvas, room, 0, 0, 0)
}

// drawLabelBelow is drawLabel for a horizontal axis, where plot.Draw would leave room to the right
// of the diagram.
func drawLabelBelow(axis *plot.Axis, canvas draw.Canvas) draw.Canvas {
	style := axis.Label.TextStyle
	style.XAlign, style.YAlign = text.XCenter, text.YBottom
	canvas.FillText(style, vg.Point{X: canvas.Center().X, Y: canvas.Min.Y + style.FontExtents().Descent}, axis.Label.Text)
	room := style.FontExtents().Height + axis.Label.Padding
	axis.Label.Text = ""
	return draw.Crop(canvas, 0, 0, room, 0)
}

func textStyle(s text.Style, size vg.Length) text.Style {
	s.Color = colorOf(chart.Ink)
	s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	return s
}
