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
		"wide": func(c chart.Chart) bool { return c.Width > 1 },
		// rem returns the least width at which the text of a wide chart is readable.
		"rem": func(c chart.Chart) string { return fmt.Sprintf("%.1frem", 20*max(c.Width, 1)) },
	}).Parse(pageSource)
	if err != nil {
		return fmt.Errorf("parse the template of the page: %w", err)
	}
	return page.Execute(w, d)
}
