package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/internal/chart/draw"
)

//go:embed page.html
var pageSource string

// writePage writes a document as a single HTML page.
func writePage(w io.Writer, d *document) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"inline": func(c chart.Chart) (template.HTML, error) {
			svg, err := draw.Inline(c)
			return template.HTML(svg), err // safe, because the texts in it are escaped
		},
		"long": func(cell string) bool { return len(cell) > 40 && strings.Contains(cell, " ") },
		"wide": func(c chart.Chart) bool { return c.Width != 0 },
		// rem returns the width of a wide chart at which its text has that of a chart of the
		// given width.
		"rem": func(c chart.Chart, usual float64) string { return fmt.Sprintf("%.1frem", usual*c.Width) },
	}).Parse(pageSource)
	if err != nil {
		return fmt.Errorf("parse the template of the page: %w", err)
	}
	return page.Execute(w, d)
}
