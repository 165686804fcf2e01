package page_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lodepow/lode/bench/report"
	"github.com/lodepow/lode/bench/report/page"
	"github.com/lodepow/lode/internal/chart/draw"
)

func mustRead(t testing.TB, label, file string) *report.File {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := report.Read(label, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustNew(t testing.TB, files ...*report.File) *report.Report {
	t.Helper()
	r, err := report.New(files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPage checks that the page is well-formed, contains every chart, escapes labels,
// and loads nothing from elsewhere.
func TestPage(t *testing.T) {
	r := mustNew(t, mustRead(t, "before", "../testdata/loaded.txt"), mustRead(t, "<after>", "../testdata/few.txt"))
	var out bytes.Buffer
	if err := page.Write(&out, r); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if charts := strings.Count(text, "<svg "); charts != len(r.Charts()) || charts != 11 {
		t.Errorf("%d charts in the page, of %d; want 11", charts, len(r.Charts()))
	}
	if strings.Contains(text, "<after>") || !strings.Contains(text, "&lt;after&gt;") {
		t.Error("a label is not escaped")
	}
	if fetch := regexp.MustCompile(`(?i)(src|href)="[^#"][^"]*"|url\(|@import|<script|<link|<img|<iframe`).FindString(text); fetch != "" {
		t.Errorf("the page loads something: %s", fetch)
	}
	if head, cells := strings.Count(text, "<td "), strings.Count(text, "<td data-head="); head != cells || head == 0 {
		t.Errorf("%d of %d cells name their column, which narrow screens show instead of the heading", cells, head)
	}
	if !strings.Contains(text, `<td data-head="rate"><span>`) {
		t.Error("no cell with the heading rate")
	}
	ids := map[string]bool{}
	for _, s := range r.Sections {
		if ids[s.ID] {
			t.Errorf("two sections have the id %s", s.ID)
		}
		ids[s.ID] = true
	}
	for svg := range strings.SplitSeq(text, "<svg ") {
		body, _, ok := strings.Cut(svg, "</svg>")
		if !ok {
			continue
		}
		d := xml.NewDecoder(strings.NewReader("<svg " + body + "</svg>"))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCharts checks the charts as files: the SVG is well-formed XML, the PNG has the
// expected width, and no two charts have the same name.
func TestCharts(t *testing.T) {
	r := mustNew(t, mustRead(t, "a", "../testdata/loaded.txt"), mustRead(t, "b", "../testdata/few.txt"), mustRead(t, "c", "../testdata/gotest.txt"))
	names := map[string]bool{}
	for _, c := range r.Charts() {
		if names[c.Name] {
			t.Errorf("two charts are called %s", c.Name)
		}
		names[c.Name] = true
		svg, err := draw.SVG(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(svg, new(struct{})); err != nil {
			t.Errorf("%s.svg: %v", c.Name, err)
		}
		data, err := draw.PNG(c)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil || picture.Bounds().Dx() != 1152 {
			t.Errorf("%s.png: %v, %v", c.Name, picture.Bounds(), err)
		}
	}
}
