package web

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func readDescription(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAPIPageIsComplete compares what the page says with the description as a library for
// OpenAPI reads it: all operations, parameters, answers and schemas are there.
func TestAPIPageIsComplete(t *testing.T) {
	text := readDescription(t)
	page, err := readOpenAPI(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			at := method + " " + path
			want = append(want, at+": "+o.Summary)
			for _, p := range o.Parameters {
				want = append(want, at+" ?"+p.Value.Name+" "+p.Value.In)
			}
			if o.RequestBody != nil {
				want = append(want, at+" body")
			}
			for status, a := range o.Responses.Map() {
				if status == "default" {
					status = "other"
				}
				for media := range a.Value.Content {
					want = append(want, at+" "+status+" "+media)
				}
				for name := range a.Value.Headers {
					want = append(want, at+" "+status+" header "+name)
				}
			}
		}
	}
	for name, schema := range doc.Components.Schemas {
		want = append(want, "schema "+name)
		for field := range schema.Value.Properties {
			want = append(want, "schema "+name+"."+field)
		}
	}
	for _, o := range page.Operations {
		at := o.Method + " " + o.Path
		got = append(got, at+": "+o.Summary)
		for _, p := range o.Params {
			got = append(got, at+" ?"+p.Name+" "+p.In)
		}
		if o.Body != nil {
			got = append(got, at+" body")
		}
		for _, a := range o.Answers {
			for _, s := range a.Shapes {
				got = append(got, at+" "+a.Status+" "+s.Media)
			}
			for _, h := range a.Headers {
				got = append(got, at+" "+a.Status+" header "+h.Name)
			}
			if len(a.Description) == 0 {
				t.Errorf("%s: the answer %s has no description", at, a.Status)
			}
		}
	}
	for _, s := range page.Schemas {
		got = append(got, "schema "+s.Name)
		for _, f := range s.Fields {
			got = append(got, "schema "+s.Name+"."+f.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	for _, w := range want {
		if _, ok := slices.BinarySearch(got, w); !ok {
			t.Errorf("the page lacks %q", w)
		}
	}
	for _, g := range got {
		if _, ok := slices.BinarySearch(want, g); !ok {
			t.Errorf("the page has %q, and the description has not", g)
		}
	}
}

// TestAPIPageInOrder looks at the order of the operations, and follows the links to
// schemas.
func TestAPIPageInOrder(t *testing.T) {
	text := readDescription(t)
	page, err := readOpenAPI(text)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^      operationId: (\w+)$`).FindAllSubmatch(text, -1) {
		want = append(want, string(m[1]))
	}
	var got []string
	for _, o := range page.Operations {
		got = append(got, o.Anchor)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the operations are in the order %v, want %v", got, want)
	}
	schemas := map[string]bool{"": true}
	for _, s := range page.Schemas {
		schemas[s.Name] = true
	}
	var check func(fields []apiField)
	check = func(fields []apiField) {
		for _, f := range fields {
			if !schemas[f.Schema] {
				t.Errorf("the field %s has the schema %s, which the page does not describe", f.Name, f.Schema)
			}
			if strings.TrimSpace(f.Type) == "" {
				t.Errorf("the field %s has no type", f.Name)
			}
			check(f.Fields)
		}
	}
	for _, o := range page.Operations {
		check(o.Params)
		for _, a := range o.Answers {
			for _, s := range a.Shapes {
				if !schemas[s.Schema] {
					t.Errorf("%s %s has the schema %s, which the page does not describe", o.Method, o.Path, s.Schema)
				}
				check(s.Fields)
			}
		}
	}
	for _, s := range page.Schemas {
		check(s.Fields)
	}
}

// TestTextBlocks reads the marks that descriptions use.
func TestTextBlocks(t *testing.T) {
	plain := func(text string) []textSpan { return []textSpan{{Text: text}} }
	for text, want := range map[string][]textBlock{
		"":                        nil,
		"one\ntwo":                {{Text: plain("one two")}},
		"one\n\ntwo\n":            {{Text: plain("one")}, {Text: plain("two")}},
		"take `a` or `b`":         {{Text: []textSpan{{Text: "take "}, {true, "a"}, {Text: " or "}, {true, "b"}}}},
		"a ` alone":               {{Text: plain("a ` alone")}},
		"1. first\n   more\n2. b": {{Items: [][]textSpan{plain("first more"), plain("b")}}},
		"1.5 is no item":          {{Text: plain("1.5 is no item")}},
	} {
		if got := textBlocks(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// TestCurlHost keeps what a shell could run out of the commands of the page.
func TestCurlHost(t *testing.T) {
	for host, want := range map[string]string{
		"127.0.0.1:8000": "127.0.0.1:8000", "node.example": "node.example", "a;rm -rf ~": "localhost:8000", "$(id)": "localhost:8000", "a b": "localhost:8000", "": "localhost:8000",
	} {
		if got := curlHost(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

// TestNoDescription makes sure that a description that cannot be read is an error.
func TestNoDescription(t *testing.T) {
	for _, text := range []string{"", "a: [", "\t"} {
		if page, err := readOpenAPI([]byte(text)); err == nil && len(page.Operations) > 0 {
			t.Errorf("%q: %+v", text, page)
		}
	}
}
