// Package htmlpage makes HTML pages with charts that are complete by themselves. It has the
// head and the style that such pages share.
package htmlpage

import (
	_ "embed"
	"fmt"
	"html/template"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/internal/chart/draw"
)

//go:embed head.html
var head string

// New returns the template of a page. The source begins with {{template "head" .}}, which
// needs the field Title of the page's data and ends with the tag of the body. It may define
// the template "style" with rules of its own, which come after those that all pages share.
// Besides funcs, it can call inline, which draws a chart as a part of the page.
func New(source string, funcs template.FuncMap) (*template.Template, error) {
	page, err := template.New("page").Funcs(template.FuncMap{"inline": inline}).Funcs(funcs).Parse(head)
	if err == nil {
		page, err = page.Parse(source)
	}
	if err != nil {
		return nil, fmt.Errorf("parse the template of the page: %w", err)
	}
	return page, nil
}

func inline(c chart.Chart) (template.HTML, error) {
	svg, err := draw.Inline(c)
	return template.HTML(svg), err // safe, because the texts in it are escaped
}
