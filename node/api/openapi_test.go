package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// description is the parsed openapi.yaml.
type description struct{ doc *openapi3.T }

func loadDescription(t testing.TB) *description {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(openAPI))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &description{doc}
}

// check compares an answer with the description. Answers that are not described
// for a route (404 for an unknown path, 405, and OPTIONS) must have the form of a
// problem or no body.
func (d *description) check(a *API, r *http.Request, w *httptest.ResponseRecorder) error {
	rt, _ := a.find(cleanPath(r.URL.Path))
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path := d.doc.Paths.Find(rt.pattern)
	var operation *openapi3.Operation
	if path != nil {
		operation = path.GetOperation(method)
	}
	if operation == nil {
		if w.Code < 400 && method != http.MethodOptions {
			return fmt.Errorf("%s %s is not described", r.Method, rt.pattern)
		}
		path = d.doc.Paths.Find("/healthz")
		operation = &openapi3.Operation{
			Responses: openapi3.NewResponses(openapi3.WithStatus(w.Code, d.doc.Components.Responses["BadRequest"])),
		}
	}
	if w.Code == http.StatusNoContent {
		return nil
	}
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r,
			Route:   &routers.Route{Spec: d.doc, Path: rt.pattern, PathItem: path, Method: method, Operation: operation},
		},
		Status: w.Code,
		Header: w.Header(),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			ExcludeResponseBody:   kind == "application/yaml" || kind == "text/event-stream" || kind == "text/html",
		},
	}
	input.SetBodyBytes(w.Body.Bytes())
	return openapi3filter.ValidateResponse(r.Context(), input)
}

// TestDescriptionHasEveryRoute compares the routes, methods and query parameters of
// the description with those of the API.
func TestDescriptionHasEveryRoute(t *testing.T) {
	d := loadDescription(t)
	n := newTestNode(t, testSetup{})
	var want, got []string
	for _, rt := range n.api.routes {
		for method := range rt.methods {
			if method != http.MethodHead {
				want = append(want, method+" "+rt.pattern)
			}
		}
		for _, name := range slices.Concat(rt.params, rt.texts) {
			want = append(want, "GET "+rt.pattern+" ?"+name)
		}
	}
	for pattern, path := range d.doc.Paths.Map() {
		for method, operation := range path.Operations() {
			got = append(got, method+" "+pattern)
			for _, p := range operation.Parameters {
				if p.Value.In == "query" {
					got = append(got, method+" "+pattern+" ?"+p.Value.Name)
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("described:\n%s\nrouted:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
