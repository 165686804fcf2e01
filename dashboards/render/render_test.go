package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/units"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
	"gonum.org/v1/plot/vg/vgimg"
	"pgregory.net/rapid"

	"github.com/lodepow/lode/dashboards"
	"github.com/lodepow/lode/dashboards/live"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{
		{0, units.HashesPerSecond, "0 H/s"},
		{31_940_000, units.HashesPerSecond, "31.9 MH/s"},
		{999, units.HashesPerSecond, "999 H/s"},
		{1000, units.HashesPerSecond, "1 kH/s"},
		{0, units.Seconds, "0 s"},
		{0.0000451, units.Seconds, "45.1 µs"},
		{0.0025, units.Seconds, "2.5 ms"},
		{9.87654, units.Seconds, "9.88 s"},
		{600, units.Seconds, "10 min"},
		{2 * 3600, units.Seconds, "2 h"},
		{math.Inf(1), units.Seconds, "+∞"},
		{math.NaN(), units.Seconds, "-"},
		{1, units.PercentUnit, "100 %"},
		{.1234, units.PercentUnit, "12.3 %"},
		{1 << 30, units.BytesIEC, "1 GiB"},
		{1536, units.BytesPerSecondIEC, "1.5 KiB/s"},
		{264, units.LocaleFormat, "264"},
		{1234567, units.LocaleFormat, "1234567"},
		{6, units.CountsPerMinute, "6/min"},
		{.25, units.RequestsPerSecond, "0.25/s"},
		{25_800_000, units.SiShort, "25.8 M"},
		{1_234_567, "", "1.23 M"},
		{0.00033, "", "0.00033"},
		{0.00001, "", "1e-5"},
		{-2.5e-12, "", "-2.5e-12"},
		{12.5, "", "12.5"},
	} {
		if got := format(c.v, c.unit); got != c.want {
			t.Errorf("%v in %q: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func TestExpand(t *testing.T) {
	v := vars{job: "lode.*", instance: ".*", scrape: 5 * time.Second}
	for step, want := range map[time.Duration]string{
		5 * time.Second: `rate(x{job=~"lode.*", instance=~".*"}[240s]) / 1800s`,
		5 * time.Minute: `rate(x{job=~"lode.*", instance=~".*"}[360s]) / 1800s`,
	} {
		if got := v.expand(`rate(x{job=~"$job", instance=~"$instance"}[$__rate_interval]) / $__range`, step, 30*time.Minute); got != want {
			t.Errorf("step %s: %s, want %s", step, got, want)
		}
	}
	if got := legend("{{instance}} of {{ job }}{{none}}", map[string]string{"instance": "a", "job": "b"}); got != "a of b" {
		t.Errorf("legend %q", got)
	}
}

// TestHeat checks that the heat map recovers the count of each bucket from cumulative
// counts, in whatever order the series are.
func TestHeat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 8).Draw(t, "counts")
		var all []series
		sum := 0.
		for i, n := range counts {
			sum += float64(n)
			name := strconv.Itoa(i + 1)
			if i == len(counts)-1 {
				name = "+Inf"
			}
			all = append(all, series{name: name, values: []float64{sum}})
		}
		h := newHeat(rapid.Permutation(all).Draw(t, "order"), window{step: time.Second})
		for i, n := range counts {
			if h.in[i][0] != float64(n) {
				t.Fatalf("bucket %d has %v, want %d", i, h.in[i][0], n)
			}
		}
	})
}

// TestHeatTicks checks that the greatest finite bound has a label, and that the bucket
// above it, whose bound would be read as a value, has none.
func TestHeatTicks(t *testing.T) {
	inf := math.Inf(1)
	for _, tc := range []struct {
		tops []float64
		want string
	}{
		{nil, ""},
		{[]float64{inf}, ""},
		{[]float64{1}, "1: 1 s"},
		{[]float64{1, 2, inf}, "1: 1 s, 2: 2 s"},
		{[]float64{1, 2, 3, 4, 6, 10, 20, 50, 100, inf}, "1: 1 s, 3: 3 s, 5: 6 s, 7: 20 s, 9: 100 s"},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, "1: 1 s, 4: 4 s, 7: 7 s, 10: 10 s, 13: 13 s"},
	} {
		var got []string
		for _, tick := range (heat{tops: tc.tops}).ticks(units.Seconds) {
			got = append(got, fmt.Sprint(tick.Value, ": ", tick.Label))
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%v: %q, want %q", tc.tops, got, tc.want)
		}
	}
}

// TestCoincide checks that a line that lies on others is drawn in dashes there, and only
// there, and that the parts of the line are connected.
func TestCoincide(t *testing.T) {
	nan := math.NaN()
	d := curves{panel: dashboards.Panel{Kind: dashboards.Lines}, all: []series{
		{values: []float64{1, 1, 1, 5, 5, 5, 5, 5}},
		{values: []float64{1, 1, 1, 1, 1, 5, nan, nan}},
		{values: []float64{9, 9, 9, 9, 9, 5, 5, 5}},
	}}
	point := func(i int, v float64) vg.Point { return vg.Point{X: vg.Length(i), Y: vg.Length(10 * v)} }
	want := []overlap{{stretch{0, 4}, 1}, {stretch{3, 6}, 0}, {stretch{5, 7}, 2}, {stretch{6, 8}, 1}}
	if got := d.runs(0, stretch{0, 8}, point); !slices.Equal(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
	if got := d.runs(2, stretch{0, 8}, point); !slices.Equal(got, []overlap{{stretch{0, 8}, 0}}) {
		t.Errorf("the lowest line is divided into %v", got)
	}
}

// TestWrap checks that a wrapped text keeps its words, and that no line is too wide
// unless it is a single word.
func TestWrap(t *testing.T) {
	style := textStyle(7, false, faint)
	for _, d := range dashboards.All() {
		for _, p := range d.Layout() {
			lines := wrap(style, p.Panel.About, 150)
			if got := strings.Join(lines, " "); got != p.Panel.About {
				t.Errorf("%q became %q", p.Panel.About, got)
			}
			for _, l := range lines {
				if style.Width(l) > 150 && strings.Contains(l, " ") {
					t.Errorf("the line %q is too wide", l)
				}
			}
		}
	}
}

func TestTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(0, 1e9).Draw(t, "low")
		high := low + rapid.Float64Range(1e-3, 1e9).Draw(t, "span")
		for _, unit := range []string{"", units.BytesIEC, units.Seconds} {
			ticks := scale{unit: unit}.Ticks(low, high)
			if len(ticks) < 1 || len(ticks) > 9 {
				t.Fatalf("%d ticks from %v to %v", len(ticks), low, high)
			}
			for _, tick := range ticks {
				if tick.Value < low || tick.Value > high {
					t.Fatalf("tick %v is not between %v and %v", tick.Value, low, high)
				}
			}
		}
	})
}

// fake returns a client of a fake Prometheus, which answers every range query with
// three series. Their labels le make them a histogram as well.
func fake(t *testing.T) *live.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.ParseFloat(r.FormValue("start"), 64)
		to, _ := strconv.ParseFloat(r.FormValue("end"), 64)
		step, _ := strconv.ParseFloat(r.FormValue("step"), 64)
		if regexp.MustCompile(`\$`).MatchString(r.FormValue("query")) {
			http.Error(w, `{"status":"error","error":"a variable is left"}`, http.StatusBadRequest)
			return
		}
		var result []any
		for i, name := range []string{"1", "2", "+Inf"} {
			var values []any
			for at := from; at <= to; at += step {
				values = append(values, []any{at, fmt.Sprint(float64(i+1) * (2 + math.Sin(at/60)))})
			}
			result = append(result, map[string]any{"metric": map[string]string{"instance": "node-" + name, "le": name}, "values": values})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"status": "success", "data": map[string]any{"resultType": "matrix", "result": result},
		})
	}))
	t.Cleanup(server.Close)
	c := live.NewClient(server.URL)
	t.Cleanup(c.Close)
	return c
}

// widths are those of a phone, a small screen and a large one, in points.
var widths = []vg.Length{leastWidth * 72. / dpi, 640, pageWidth}

// TestDraw draws every dashboard, one of them in three widths, and checks that every chart
// contains the colour of its first line.
func TestDraw(t *testing.T) {
	c := fake(t)
	w := newWindow(time.Unix(1_700_000_000, 0), 10*time.Minute, 5*time.Second)
	for i, d := range dashboards.All() {
		if i > 0 && testing.Short() {
			break
		}
		for _, width := range widths {
			if i > 0 && width != pageWidth {
				continue // one dashboard is enough, and takes seconds
			}
			raw, err := drawDashboard(t.Context(), c, d, vars{job: ".*", instance: ".*", scrape: 5 * time.Second}, w, width)
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			scale := float64(img.Bounds().Dx()) / float64(width)
			_, above := head(d, w, width)
			items, _ := flow(d, width)
			for _, it := range items {
				if it.panel.Kind != dashboards.Lines && it.panel.Kind != dashboards.Stack {
					continue
				}
				seen := 0
				for x := int(scale * float64(it.x)); x < int(scale*float64(it.x+it.w)); x++ {
					for y := int(scale * float64(above+it.y)); y < int(scale*float64(above+it.y+it.h)); y++ {
						if color.NRGBAModel.Convert(img.At(x, y)) == palette(0) {
							seen++
						}
					}
				}
				if seen < 100 {
					t.Errorf("%s at %.0f pt: %q shows %d pixels of its first line", d.UID, width, it.panel.Title, seen)
				}
			}
		}
	}
}

// TestFlow checks that on a wide page the panels have the places that their dashboard
// gives them, and that on every page they are beside or below each other.
func TestFlow(t *testing.T) {
	for _, d := range dashboards.All() {
		items, _ := flow(d, pageWidth)
		column := vg.Length(pageWidth-2*pageMargin) / dashboards.Columns
		for i, p := range d.Layout() {
			if it := items[i]; it.heading != p.Heading || it.panel.Title != p.Panel.Title ||
				it.x != pageMargin+vg.Length(p.X)*column || it.w < vg.Length(p.W)*column-.001 {
				t.Errorf("%s: %q is at %v, %v wide, want column %d and %d columns", d.UID, p.Panel.Title+p.Heading, it.x, it.w, p.X, p.W)
			}
		}
		for _, width := range widths {
			items, height := flow(d, width)
			for i, a := range items {
				if a.x < pageMargin || a.x+a.w > width-pageMargin+.001 || a.y+a.h > height+.001 {
					t.Errorf("%s at %.0f pt: %q is not on the page", d.UID, width, a.panel.Title+a.heading)
				}
				for _, b := range items[:i] {
					if a.x < b.x+b.w-.001 && b.x < a.x+a.w-.001 && a.y < b.y+b.h-.001 && b.y < a.y+a.h-.001 {
						t.Errorf("%s at %.0f pt: %q and %q overlap", d.UID, width, a.panel.Title+a.heading, b.panel.Title+b.heading)
					}
				}
			}
		}
	}
}

// TestTextsHaveRoom draws every dashboard in three widths on a canvas that records what
// is drawn. Every text must be on the page, and no two may overlap.
func TestTextsHaveRoom(t *testing.T) {
	type text struct {
		what                 string
		left, right, low, up vg.Length
	}
	c := fake(t)
	lengths := []time.Duration{3 * time.Minute, 10 * time.Minute, 24 * time.Hour}
	if testing.Short() {
		lengths = lengths[1:2]
	}
	for _, length := range lengths {
		w := newWindow(time.Unix(1_700_000_000, 0), length, 5*time.Second)
		for _, d := range dashboards.All() {
			p, err := fetchPicture(t.Context(), c, d, vars{job: ".*", instance: ".*", scrape: 5 * time.Second}, w)
			if err != nil {
				t.Fatal(err)
			}
			for _, width := range widths {
				var canvas recorder.Canvas
				p.draw(&canvas, width)
				var texts []text
				for _, action := range canvas.Actions {
					a, ok := action.(*recorder.FillString)
					if !ok || a.String == "" {
						continue
					}
					face := font.DefaultCache.Lookup(a.Font, a.Size)
					// Join the pieces in which kernedCanvas writes a text.
					if last := len(texts) - 1; last >= 0 && texts[last].low == a.Point.Y {
						b, first := texts[last], string([]rune(a.String)[:1])
						if next := b.left + face.Width(b.what+first) - face.Width(first); math.Abs(float64(next-a.Point.X)) < 1e-6 {
							b.what += a.String
							b.right = b.left + face.Width(b.what)
							texts[last] = b
							continue
						}
					}
					// Capital letters are about 0.7 as high as the font; what is below the line may touch.
					texts = append(texts, text{a.String, a.Point.X, a.Point.X + face.Width(a.String), a.Point.Y, a.Point.Y + .7*a.Size})
				}
				if len(texts) < 50 {
					t.Fatalf("%s at %.0f pt: %d texts were recorded", d.UID, width, len(texts))
				}
				height := p.height(width)
				for i, a := range texts {
					if a.left < 0 || a.right > width || a.low < 0 || a.up > height {
						t.Errorf("%s at %.0f pt, %v: %q is not on the page", d.UID, width, length, a.what)
					}
					for _, b := range texts[:i] {
						if a.left < b.right && b.left < a.right && a.low < b.up && b.low < a.up {
							t.Errorf("%s at %.0f pt, %v: %q and %q overlap", d.UID, width, length, a.what, b.what)
						}
					}
				}
			}
		}
	}
}

// TestKerning compares the widths of the same letters in two sizes, in pixels. What a font
// takes away between two letters is a part of the size of the text.
func TestKerning(t *testing.T) {
	width := func(size vg.Length) float64 {
		c := vgimg.NewWith(vgimg.UseWH(40*size, 3*size), vgimg.UseDPI(dpi))
		canvas := draw.New(c)
		canvas.FillText(textStyle(size, false, color.Black), vg.Point{X: size, Y: 2 * size}, "T. A To A Too A Tool A Towel A")
		left, right := math.MaxInt, 0
		b := c.Image().Bounds()
		for x := b.Min.X; x < b.Max.X; x++ {
			for y := b.Min.Y; y < b.Max.Y; y++ {
				if r, _, _, _ := c.Image().At(x, y).RGBA(); r < 0x8000 {
					left, right = min(left, x), max(right, x)
				}
			}
		}
		return float64(right-left) / float64(size)
	}
	if small, large := width(16), width(60); math.Abs(small/large-1) > .01 {
		t.Errorf("a text of 16 points is %.1f pixels wide for each point, and one of 60 points %.1f", small, large)
	}
}
