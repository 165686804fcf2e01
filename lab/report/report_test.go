package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// evil is text that must never get into a page or a picture as it is.
const evil = `<script>alert("hi")</script> & 'friends'` + "\x01"

// pageOf returns the page of a report.
func pageOf(t *testing.T, plan *lab.Plan, s *lab.Summary, replicas []lab.Replica) (string, *document) {
	t.Helper()
	trace, err := NewTrace(t.Context(), plan.Points[pointToShow(plan, s)], plan.Seed)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDocument(plan, s, replicas, trace)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := writePage(&page, d); err != nil {
		t.Fatal(err)
	}
	return page.String(), d
}

// files makes a report and returns its files.
func files(t *testing.T, plan *lab.Plan, s *lab.Summary, replicas []lab.Replica) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := Make(t.Context(), dir, plan, s, replicas); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found[d.Name()] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checkXML fails if the text is not well-formed XML.
func checkXML(t *testing.T, name, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

var (
	loads    = regexp.MustCompile(`(?i)(src|href)="[^#"][^"]*"|url\(|@import|<script|<link|<img|<iframe`)
	svgs     = regexp.MustCompile(`(?s)<svg .*?</svg>`)
	labels   = regexp.MustCompile(`^<svg role="img" aria-label="[^"]{20,}"`)
	headings = regexp.MustCompile(`<h([1-6])`)
	ids      = regexp.MustCompile(`id="([^"]*)"`)
)

// checkPage checks what holds for every page: it is well-formed, complete by itself, and
// each picture has a label.
func checkPage(t *testing.T, page string) {
	t.Helper()
	body := strings.TrimPrefix(page, "<!DOCTYPE html>\n")
	body = regexp.MustCompile(`<meta [^>]*>`).ReplaceAllString(body, "")
	body = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(body, "")
	checkXML(t, "report.html", body)
	if found := loads.FindString(page); found != "" {
		t.Errorf("the page loads something: %s", found)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "ZgotmplZ") {
		t.Error("the page has a script, or text that the template refused")
	}
	for _, svg := range svgs.FindAllString(page, -1) {
		if !labels.MatchString(svg) {
			t.Errorf("a picture has no label: %.80s", svg)
		}
	}
	level := "1"
	for i, h := range headings.FindAllStringSubmatch(page, -1) {
		if (i == 0) != (h[1] == "1") || h[1] > "2" {
			t.Errorf("heading %d is of the level %s after %s", i, h[1], level)
		}
		level = h[1]
	}
	seen := map[string]bool{}
	for _, id := range ids.FindAllStringSubmatch(page, -1) {
		if seen[id[1]] {
			t.Errorf("the id %s occurs twice", id[1])
		}
		seen[id[1]] = true
	}
}

// TestSweepReport checks the report of a sweep whose texts come from an enemy: every
// metric is in it, texts are escaped, pictures have different names, and the same results
// give the same bytes.
func TestSweepReport(t *testing.T) {
	plan := selfish([]float64{0.2, 0.4}, []float64{0, 1}, 300)
	plan.Title, plan.File = evil, []byte("title = '"+evil+"'\n")
	for i := range plan.Points {
		plan.Points[i].Values[1].Text += evil
	}
	s, replicas := run(t, plan)
	page, d := pageOf(t, plan, s, replicas)
	checkPage(t, page)
	if strings.Count(page, "&lt;script&gt;") < 3 {
		t.Error("title, file and values are not all in the page")
	}
	for _, m := range lab.Metrics(plan.Points[0].Experiment) {
		if !strings.Contains(page, m.Name+": "+m.Help) {
			t.Errorf("the metric %s is not in the tables", m.Name)
		}
	}
	for _, want := range []string{s.Hash, s.Version, "seed of the first replica", "How does miner_0_revenue (share of node 0 in the blocks of the main chain) depend on", "4 points with 4 replicas each"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	names := map[string]bool{}
	for _, part := range d.Sections {
		for _, c := range part.Charts {
			if names[c.Name] {
				t.Errorf("two pictures are called %s", c.Name)
			}
			names[c.Name] = true
		}
	}
	if pictures := strings.Count(page, "<svg "); len(names) != pictures || pictures < 15 {
		t.Errorf("%d pictures in the page, of %d", pictures, len(names))
	}
	if again, _ := pageOf(t, plan, s, replicas); again != page {
		t.Error("the page is different the second time")
	}
}

// TestPointReport checks the report of a single point, with each picture as SVG and PNG.
func TestPointReport(t *testing.T) {
	plan := propagation(60, 200, 2*time.Second)
	s, replicas := run(t, plan)
	found := files(t, plan, s, replicas)
	page := found["report.html"]
	checkPage(t, page)
	if pictures := strings.Count(page, "<svg "); len(found) != 2*pictures+1 || pictures < 5 {
		t.Errorf("%d pictures in the page, and %d files", pictures, len(found))
	}
	for name, data := range found {
		switch filepath.Ext(name) {
		case ".svg":
			checkXML(t, name, data)
			if _, err := png.DecodeConfig(strings.NewReader(found[strings.TrimSuffix(name, "svg")+"png"])); err != nil {
				t.Errorf("%s has no PNG: %v", name, err)
			}
		case ".png", ".html":
		default:
			t.Errorf("what is %s?", name)
		}
	}
	for _, m := range lab.Metrics(plan.Points[0].Experiment) {
		if !strings.Contains(page, `<th scope="row">`+m.Name+`</th>`) {
			t.Errorf("the metric %s is not in the table", m.Name)
		}
	}
	for _, want := range []string{
		"What is stale_rate (share of stale blocks in those that were published)? It is ", "from 8 replicas of 200 blocks in a network of 60 nodes.",
		"exponential law", "europe", "The longest fork", "height ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if strings.Contains(page, `id="curves"`) {
		t.Error("a single point has curves")
	}
}

// TestShapes makes the report of networks of every shape, with as little as possible in
// them.
func TestShapes(t *testing.T) {
	for name, x := range map[string]blocks.Experiment{
		"one node":   {Nodes: 1, Blocks: 1},
		"two nodes":  {Nodes: 2, Blocks: 2, Topology: blocks.Topology{Shape: blocks.Grid}},
		"grid":       {Nodes: 12, Blocks: 30, Interval: time.Second, Topology: blocks.Topology{Shape: blocks.Grid}},
		"ring":       {Nodes: 9, Blocks: 30, Interval: time.Second, Topology: blocks.Topology{Shape: blocks.Ring}},
		"star":       {Nodes: 9, Blocks: 30, Interval: time.Second, Topology: blocks.Topology{Shape: blocks.Star}},
		"scale-free": {Nodes: 20, Blocks: 30, Interval: time.Second, Topology: blocks.Topology{Shape: blocks.ScaleFree, Degree: 2}},
		"lossy":      {Nodes: 20, Blocks: 30, Interval: time.Second, Relay: blocks.Relay{Loss: 0.9}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := &lab.Plan{Replicas: 2, Seed: 5, Points: []lab.Point{{Experiment: x}}}
			s, replicas := run(t, plan)
			page, _ := pageOf(t, plan, s, replicas)
			checkPage(t, page)
		})
	}
}

// TestWrite checks what Write refuses, and that it needs neither trace nor replicas.
func TestWrite(t *testing.T) {
	plan := &lab.Plan{Replicas: 2, Seed: 1, Points: []lab.Point{{Experiment: blocks.Experiment{Nodes: 3, Blocks: 3}}}}
	s, replicas := run(t, plan)
	dir := t.TempDir()
	if err := Write(dir, plan, s, nil, nil); err != nil {
		t.Error(err)
	}
	trace, err := NewTrace(t.Context(), plan.Points[0], plan.Seed)
	if err != nil {
		t.Fatal(err)
	}
	other := slices.Clone(replicas)
	other[0].Hash[0]++
	for want, err := range map[string]error{
		"the plan has no points":           Make(t.Context(), dir, &lab.Plan{}, s, nil),
		"the plan has 1 points and the":    Write(dir, plan, &lab.Summary{}, nil, nil),
		"of another experiment or version": Write(dir, plan, s, other, trace),
		"report.html":                      Write(filepath.Join(dir, "report.html"), plan, s, replicas, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one that says %q", err, want)
		}
	}
	s.Complete = false
	s.Points[0].Metrics = nil
	if err := Write(dir, plan, s, nil, nil); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The run is not complete", "no replica has a value"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is not in the page", want)
		}
	}
}
