package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var pageSource string

// WriteHTML writes the report as a single HTML page. The page includes its plots and
// style, and loads nothing from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"inline": func(p Plot) (template.HTML, error) {
			svg, err := p.inline()
			return template.HTML(svg), err // safe, because vgsvg escapes the texts in it
		},
	}).Parse(pageSource)
	if err != nil {
		return fmt.Errorf("parse the template of the page: %w", err)
	}
	return page.Execute(w, r)
}

// Plots returns the plots of all sections.
func (r *Report) Plots() []Plot {
	var all []Plot
	for _, s := range r.Sections {
		all = append(all, s.Plots...)
	}
	return all
}
