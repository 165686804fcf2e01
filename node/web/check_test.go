package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var errMode = errors.New("no such mode")

func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// checkPage checks what holds for every page: its headers, its markup, and that nothing
// is in it which the policy forbids.
func checkPage(t testing.TB, name string, w *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	if got := w.Header().Get("Content-Security-Policy"); got != Policy {
		t.Errorf("%s: content security policy %q", name, got)
	}
	if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("%s: X-Content-Type-Options %q", name, got)
	}
	if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("%s: content type %q", name, got)
	}
	text := w.Body.String()
	if err := checkMarkup(text); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	ids := map[string]bool{}
	h1, labels, fields := 0, map[string]bool{}, []string(nil)
	walk(doc, func(n *html.Node) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("%s: the id %q is there twice", name, id)
			}
			ids[id] = true
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				t.Errorf("%s: <%s %s=%q> is not allowed by the policy", name, n.Data, a.Key, a.Val)
			}
			if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("%s: <%s %s=%q> leads away from the node", name, n.Data, a.Key, a.Val)
			}
			if strings.HasPrefix(a.Val, "//") {
				t.Errorf("%s: <%s %s=%q> leads to another host", name, n.Data, a.Key, a.Val)
			}
		}
		switch n.Data {
		case "script":
			if attr(n, "src") == "" || n.FirstChild != nil {
				t.Errorf("%s: a script is in the page", name)
			}
		case "style", "iframe", "object", "embed", "base":
			t.Errorf("%s: there is a <%s>", name, n.Data)
		case "h1":
			h1++
		case "label":
			labels[attr(n, "for")] = true
		case "input", "textarea", "select":
			if attr(n, "type") != "hidden" {
				fields = append(fields, attr(n, "id"))
			}
		}
	})
	if h1 != 1 {
		t.Errorf("%s: %d headings of the first level, want 1", name, h1)
	}
	for _, id := range fields {
		if id == "" || !labels[id] {
			t.Errorf("%s: the field %q has no label", name, id)
		}
	}
	for _, id := range []string{"main", "notice", "error"} {
		if !ids[id] {
			t.Errorf("%s: no element with the id %q", name, id)
		}
	}
	return doc
}

// checkMarkup checks that all tags are closed in order, which a parser of HTML would
// repair without a word.
func checkMarkup(text string) error {
	void := strings.Fields("area base br col embed hr img input link meta source track wbr")
	z := html.NewTokenizer(strings.NewReader(text))
	var open []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				return fmt.Errorf("not closed: %s", strings.Join(open, " "))
			}
			return nil
		case html.StartTagToken:
			name, _ := z.TagName()
			if !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return fmt.Errorf("</%s> closes nothing: %s are open", name, strings.Join(open, " "))
			}
			open = open[:len(open)-1]
		}
	}
}

func walk(n *html.Node, f func(*html.Node)) {
	if n.Type == html.ElementNode {
		f(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, f)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// find returns the elements of a page with a name and, unless that is empty, a class.
func find(doc *html.Node, name, class string) []*html.Node {
	var found []*html.Node
	walk(doc, func(n *html.Node) {
		if n.Data == name && (class == "" || slices.Contains(strings.Fields(attr(n, "class")), class)) {
			found = append(found, n)
		}
	})
	return found
}

// textOf returns the text of an element, with each run of white space as one space.
func textOf(n *html.Node) string {
	var b strings.Builder
	var add func(*html.Node)
	add = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			add(c)
		}
	}
	add(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func parse(t testing.TB, text string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
