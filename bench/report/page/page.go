// Package page writes a report as an HTML page and as files with its charts. It is
// apart from package report because it needs a library that draws.
package page

import (
	"bytes"
	_ "embed"
	"io"
	"os"
	"path/filepath"

	"github.com/lodepow/lode/bench/report"
	"github.com/lodepow/lode/internal/chart/draw"
	"github.com/lodepow/lode/internal/chart/htmlpage"
)

//go:embed page.html
var source string

// Write writes a report as a single HTML page. The page includes its charts and
// style, and loads nothing from elsewhere.
func Write(w io.Writer, r *report.Report) error {
	page, err := htmlpage.New(source, nil)
	if err != nil {
		return err
	}
	return page.Execute(w, r)
}

// WriteDir writes report.html and each chart as SVG and PNG into a folder, which it
// creates if necessary.
func WriteDir(dir string, r *report.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := Write(&page, r); err != nil {
		return err
	}
	files := map[string][]byte{"report.html": page.Bytes()}
	for _, c := range r.Charts() {
		svg, err := draw.SVG(c)
		if err != nil {
			return err
		}
		png, err := draw.PNG(c)
		if err != nil {
			return err
		}
		files[c.Name+".svg"], files[c.Name+".png"] = svg, png
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
