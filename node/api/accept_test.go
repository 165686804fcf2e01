package api

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestWantsJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                                     false,
		"*/*":                                  false,
		"text/plain":                           false,
		"text/html":                            false,
		"image/png":                            false,
		"application/json":                     true,
		"Application/JSON":                     true,
		" application/json ; charset=utf-8 ":   true,
		"application/*":                        true,
		"application/json;q=0":                 false,
		"application/json;q=0.001":             true,
		"application/json; Q=0.5, text/plain":  false,
		"application/json;q=0.5, text/*;q=0.4": true,
		"application/json, text/plain, */*":    true, // what axios sends
		"text/plain, application/json":         false,
		"application/json, */*":                true,
		"*/*, application/json":                true,
		"*/*;q=0.5, application/json;q=0.5":    true,
		"application/json;q=0.4, */*;q=0.5":    false,
		"text/*, application/*":                false,
		"application/*, text/*":                true,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false, // a browser
		"application/json;q=2":      false,
		"application/json;q=-1":     false,
		"application/json;q=NaN":    false,
		"application/json;q=Inf":    false,
		"application/json;q=":       false,
		"application/jsonx":         false,
		"application/problem+json":  false,
		",,,;;;,=":                  false,
		"*/*;q=0, application/json": true,
		"text/plain;q=0, */*":       true,
	} {
		if got := wantsJSON([]string{accept}); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
	if !wantsJSON([]string{"text/plain;q=0.5", "application/json"}) {
		t.Error("two Accept headers do not count as one list")
	}
}

func FuzzAccept(f *testing.F) {
	f.Add("application/json;q=0.5, text/*;q=0.4, */*")
	f.Add("a/b;c=d;q=1,,;")
	f.Fuzz(func(t *testing.T, accept string) {
		got := wantsJSON([]string{accept})
		if got != wantsJSON(strings.Split(accept, ",")) {
			t.Errorf("%q: the answer differs if the elements come in several headers", accept)
		}
		if got && !strings.Contains(strings.ToLower(accept), "application/") && !strings.Contains(accept, "*/*") {
			t.Errorf("%q: JSON for a client that does not name it", accept)
		}
		if wantsJSON([]string{"text/plain", accept}) && !strings.Contains(strings.ToLower(accept), "text/plain") {
			t.Errorf("%q: JSON although plain text comes first", accept)
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("from=1&limit=2", "1")
	f.Add("after=%31;x", "00")
	f.Fuzz(func(t *testing.T, raw, id string) {
		takes := []string{"from", "limit", "after"}
		values, err := parseQuery(raw, takes)
		if err == nil {
			for name, v := range values {
				if len(v) != 1 || !slices.Contains(takes, name) {
					t.Errorf("%q: %v", raw, values)
				}
			}
			if n, err := number(values, "from", 3, 9, 5); err == nil && (n < 3 || n > 9) {
				t.Errorf("%q: from is %d", raw, n)
			}
			if after, ok := values["after"]; ok {
				_, err = locator(after[0])
			}
		}
		if err != nil {
			if p, known := explain(err); !known || p.status < 400 || p.status > 499 {
				t.Errorf("%q: %v", raw, err)
			}
		}
		clean := cleanPath("/" + id)
		if strings.Contains(clean, "//") || cleanPath(clean) != clean || clean[0] != '/' {
			t.Errorf("path %q becomes %q", id, clean)
		}
	})
}

// TestNewlineForTerminals checks that texts, and refusals in text, end in a newline for
// curl alone, and that JSON does not change.
func TestNewlineForTerminals(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for _, tc := range []struct {
		agent, accept string
		newline       bool
	}{
		{"curl/8.14.1", "*/*", true},
		{"curl/7.1", "", true},
		{"curl/8.14.1", "text/plain", false},
		{"curl/8.14.1", "application/json", false},
		{"Go-http-client/1.1", "", false},
		{"python-requests/2.32.3", "*/*", false},
		{"Mozilla/5.0 curl/8", "*/*", false},
		{"", "*/*", false},
	} {
		for path, status := range map[string]int{"/healthz": http.StatusOK, "/blocks/7": http.StatusNotFound} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Header.Set("User-Agent", tc.agent)
			if tc.accept != "" {
				r.Header.Set("Accept", tc.accept)
			}
			w := httptest.NewRecorder()
			n.api.ServeHTTP(w, r)
			body := w.Body.String()
			text, found := strings.CutSuffix(body, "\n")
			if tc.accept == "application/json" {
				if w.Code != status || !found || !strings.HasPrefix(body, "{") {
					t.Errorf("%s, JSON: %d %q", path, w.Code, body)
				}
				continue
			}
			if w.Code != status || found != tc.newline || text == "" || strings.Contains(text, "\n") {
				t.Errorf("%s, agent %q, accept %q: %d %q", path, tc.agent, tc.accept, w.Code, body)
			}
			if vary := w.Header().Get("Vary"); vary != "Accept, User-Agent" {
				t.Errorf("%s: Vary: %s", path, vary)
			}
		}
	}
}
