// Package page writes a report as an HTML page and as files with its charts. It is
// apart from package report because it needs a library that draws.
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"

	"github.com/lodepow/lode/bench/report"
	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/internal/chart/draw"
)

//go:embed page.html
var source string

// Write writes a report as a single HTML page. The page includes its charts and
// style, and loads nothing from elsewhere.
func Write(w io.Writer, r *report.Report) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"inline": func(c chart.Chart) (template.HTML, error) {
			svg, err := draw.Inline(c)
			return template.HTML(svg), err // safe, because the texts in it are escaped
		},
	}).Parse(source)
	if err != nil {
		return fmt.Errorf("parse the template of the page: %w", err)
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
