package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/internal/chart/htmlpage"
)

//go:embed page.html
var pageSource string

// writePage writes a document as a single HTML page.
func writePage(w io.Writer, d *document) error {
	page, err := htmlpage.New(pageSource, template.FuncMap{
		"long": func(cell string) bool { return len(cell) > 40 && strings.Contains(cell, " ") },
		"wide": func(c chart.Chart) bool { return c.Width != 0 },
		// rem returns the width of a wide chart at which its text has that of a chart of the
		// given width.
		"rem": func(c chart.Chart, usual float64) string { return fmt.Sprintf("%.1frem", usual*c.Width) },
	})
	if err != nil {
		return err
	}
	return page.Execute(w, d)
}
