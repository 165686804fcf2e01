package main

import (
	"bytes"
	"context"
	"image/color"
	"strings"
	"time"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/lodepow/lode/dashboards"
	"github.com/lodepow/lode/dashboards/live"
)

// The dimensions of the page, in points.
const (
	pageWidth  = 1260 // unless another width is asked for
	rowHeight  = 31   // of the dashboard's grid
	pageMargin = 12
	pageHead   = 34
	panelGap   = 4
	panelPad   = 7
	titleLine  = 12 // of the title of a panel
	aboutLine  = 8.5
)

// dpi is the resolution of the page.
const dpi = 115

var (
	ink      = color.NRGBA{0x24, 0x29, 0x2e, 0xff}
	faint    = color.NRGBA{0x6a, 0x73, 0x7d, 0xff}
	hairline = color.NRGBA{0xd8, 0xdc, 0xe2, 0xff}
	paper    = color.NRGBA{0xf4, 0xf5, 0xf7, 0xff}
)

// colorByName returns the colour with one of Grafana's names, as used in steps.
func colorByName(name string) color.NRGBA {
	switch name {
	case "green":
		return color.NRGBA{0x2f, 0x85, 0x5a, 0xff}
	case "orange":
		return color.NRGBA{0xc4, 0x6a, 0x00, 0xff}
	case "red":
		return color.NRGBA{0xc5, 0x22, 0x1f, 0xff}
	}
	return ink
}

// palette returns the colour of the i-th series. The colours also differ in lightness.
func palette(i int) color.NRGBA {
	colors := []color.NRGBA{
		{0x1f, 0x77, 0xb4, 0xff}, {0xff, 0x7f, 0x0e, 0xff}, {0x2c, 0xa0, 0x2c, 0xff}, {0xb0, 0x3a, 0x8c, 0xff},
		{0x8c, 0x56, 0x4b, 0xff}, {0x17, 0xbe, 0xcf, 0xff}, {0xbc, 0xbd, 0x22, 0xff}, {0x7f, 0x7f, 0x7f, 0xff},
		{0xf4, 0x8f, 0xb9, 0xff}, {0x16, 0x2f, 0x5c, 0xff},
	}
	return colors[i%len(colors)]
}

func textStyle(size vg.Length, bold bool, c color.Color) draw.TextStyle {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return draw.TextStyle{Color: c, Font: f, Handler: newKerned(), YAlign: draw.YTop}
}

// drawDashboard fetches the data of a dashboard, draws it on a page of the given width in
// points, and returns the picture as PNG.
func drawDashboard(ctx context.Context, c *live.Client, d dashboards.Dashboard, v vars, w window, width vg.Length) ([]byte, error) {
	picture, err := fetchPicture(ctx, c, d, v, w)
	if err != nil {
		return nil, err
	}
	canvas := vgimg.NewWith(vgimg.UseWH(width, picture.height(width)), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper))
	picture.draw(canvas, width)
	var out bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// picture is a dashboard with its data.
type picture struct {
	dashboard dashboards.Dashboard
	window    window
	events    []event
	data      map[string][]series // by the title of the panel
}

// fetchPicture fetches the data of a dashboard.
func fetchPicture(ctx context.Context, c *live.Client, d dashboards.Dashboard, v vars, w window) (picture, error) {
	p := picture{dashboard: d, window: w, data: map[string][]series{}}
	var err error
	if p.events, err = fetchEvents(ctx, c, d, v, w); err != nil {
		return picture{}, err
	}
	for _, placed := range d.Layout() {
		if placed.Heading != "" {
			continue
		}
		if p.data[placed.Panel.Title], err = fetch(ctx, c, placed.Panel, v, w); err != nil {
			return picture{}, err
		}
	}
	return p, nil
}

// height returns the height of the page, if it has the given width.
func (p picture) height(width vg.Length) vg.Length {
	_, above := head(p.dashboard, p.window, width)
	_, panels := flow(p.dashboard, width)
	return above + panels + pageMargin
}

// draw draws the page on a canvas of the given width.
func (p picture) draw(canvas vg.Canvas, width vg.Length) {
	height := p.height(width)
	page := draw.NewCanvas(canvas, width, height)
	labels, above := head(p.dashboard, p.window, width)
	for _, l := range labels {
		page.FillText(l.style, vg.Point{X: l.x, Y: height - l.y}, l.text)
	}
	items, _ := flow(p.dashboard, width)
	for _, it := range items {
		box := draw.Canvas{Canvas: page.Canvas}
		box.Min.X, box.Max.X = it.x, it.x+it.w
		box.Max.Y = height - above - it.y
		box.Min.Y = box.Max.Y - it.h
		if it.heading != "" {
			box.FillText(textStyle(12, true, ink), vg.Point{X: box.Min.X + panelGap, Y: box.Max.Y - 7}, it.heading)
			continue
		}
		drawPanel(draw.Crop(box, panelGap, -panelGap, panelGap, -panelGap), it.panel, p.data[it.panel.Title], p.events, p.window)
	}
}

// wrap divides a text into lines that are at most as wide as given.
func wrap(style draw.TextStyle, text string, width vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && style.Width(line+" "+word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// drawAbout writes the description of a panel at the bottom of its box, and returns the
// rest of the box.
func drawAbout(box draw.Canvas, about string) draw.Canvas {
	style := textStyle(7, false, faint)
	lines := wrap(style, about, box.Max.X-box.Min.X)
	for i, text := range lines {
		box.FillText(style, vg.Point{X: box.Min.X, Y: box.Min.Y + aboutLine*vg.Length(len(lines)-i) - 1}, text)
	}
	return draw.Crop(box, 0, 0, aboutLine*vg.Length(len(lines))+4, 0)
}

// drawPanel draws the frame and the title of a panel, its series, and its description.
func drawPanel(box draw.Canvas, p dashboards.Panel, all []series, events []event, w window) {
	corners := []vg.Point{box.Min, {X: box.Max.X, Y: box.Min.Y}, box.Max, {X: box.Min.X, Y: box.Max.Y}}
	box.FillPolygon(color.White, corners)
	box.StrokeLines(draw.LineStyle{Color: hairline, Width: .75}, append(corners, box.Min))
	inside := draw.Crop(box, panelPad, -panelPad, panelPad, -panelPad)
	style := textStyle(10, true, ink)
	for _, line := range wrap(style, p.Title, inside.Max.X-inside.Min.X) {
		inside.FillText(style, vg.Point{X: inside.Min.X, Y: inside.Max.Y}, line)
		inside.Max.Y -= titleLine
	}
	inside.Max.Y -= 4
	inside = drawAbout(inside, p.About)
	switch {
	case len(all) == 0:
		none := textStyle(10, false, faint)
		none.XAlign, none.YAlign = draw.XCenter, draw.YCenter
		inside.FillText(none, inside.Center(), "no data")
	case p.Kind == dashboards.Stat:
		drawStat(inside, p, all)
	case p.Kind == dashboards.Heat:
		drawHeat(inside, p, all, w)
	default:
		drawChart(inside, p, all, events, w)
	}
}

// clock computes the ticks of the time axis.
type clock struct {
	window
	width vg.Length // of the chart, in which the labels must have room
}

// Ticks implements [plot.Ticker].
func (c clock) Ticks(float64, float64) []plot.Tick {
	most := max(2, min(7, int(c.width/(1.6*textStyle(8, false, faint).Width("00:00:00")))))
	every := 12 * time.Hour
	for _, d := range []time.Duration{
		30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour,
	} {
		if c.to.Sub(c.from)/d <= time.Duration(most) {
			every = d
			break
		}
	}
	layout := "15:04"
	if every < time.Minute {
		layout = "15:04:05"
	}
	var ticks []plot.Tick
	for t := c.from.Truncate(every).Add(every); t.Before(c.to); t = t.Add(every) {
		ticks = append(ticks, plot.Tick{Value: float64(t.Unix()), Label: t.UTC().Format(layout)})
	}
	return ticks
}
