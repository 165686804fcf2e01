package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example":         "https://app.example",
		"HTTPS://App.Example":         "https://app.example",
		"https://app.example:443":     "https://app.example",
		"http://app.example:80":       "http://app.example",
		"http://127.0.0.1:3000":       "http://127.0.0.1:3000",
		"http://[::1]:3000":           "http://[::1]:3000",
		"http://localhost:443":        "http://localhost:443",
		"*":                           "",
		"null":                        "",
		"":                            "",
		"app.example":                 "",
		"https://*.example":           "",
		"https://app.example/":        "",
		"https://app.example/x":       "",
		"https://app.example?":        "",
		"https://app.example#":        "",
		"https://a@app.example":       "",
		"ftp://app.example":           "",
		"https://":                    "",
		"https://:8443":               "",
		"https://a.example,b":         "",
		"https://a.example https://b": "",
	} {
		got, err := ParseOrigin(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q (%v), want %q", text, got, err, want)
		}
	}
}

// corsHeaders returns the headers of an answer by which a browser decides whether a page may
// read it, as one text.
func corsHeaders(w *httptest.ResponseRecorder) string {
	var all []string
	for name, values := range w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			all = append(all, name)
		}
		if name == "Vary" && strings.Contains(strings.Join(values, ","), "Origin") {
			all = append(all, "Vary")
		}
	}
	return strings.Join(all, " ")
}

// TestOriginsAreOff checks that without AllowOrigins no answer has a header of CORS, and
// that a page of another origin can change nothing.
func TestOriginsAreOff(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for _, rt := range n.api.routes {
		path := strings.Replace(rt.pattern, "{id}", "tip", 1)
		for _, method := range []string{"GET", "OPTIONS", "POST"} {
			if rt.stream && method == "GET" {
				method = "HEAD"
			}
			w := n.do(method, path, "{}", "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
			if got := corsHeaders(w); got != "" {
				t.Errorf("%s %s has %s", method, path, got)
			}
			if method == "POST" && rt.methods["POST"] != nil && w.Code != 403 {
				t.Errorf("POST %s from another origin: %d", path, w.Code)
			}
		}
	}
}

// TestAllowOrigins checks what pages of a named origin may do, and that others may not.
func TestAllowOrigins(t *testing.T) {
	const app, other = "https://app.example", "https://other.example"
	n := newTestNode(t, testSetup{
		config: Config{AllowOrigins: []string{app}, Token: "secret"},
		next:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }),
	})
	cross := []string{"Sec-Fetch-Site", "cross-site"}
	with := func(origin string, more ...string) []string {
		return append(append([]string{"Origin", origin}, cross...), more...)
	}

	const tx = `{"author":"ann","content":"from a page"}`
	w := n.describedCall("POST", "/new_transaction", tx, with(app, "Content-Type", "application/json")...)
	n.want(w, 201, "Success")
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != app {
		t.Errorf("the answer is for %q, want %q", got, app)
	}
	if got := w.Header().Get("Access-Control-Expose-Headers"); !strings.Contains(got, "Location") {
		t.Errorf("the page may read %q", got)
	}
	for _, origin := range []string{other, "null", "https://app.example.evil", "https://app.example:8443", "http://app.example", "HTTPS://APP.EXAMPLE"} {
		w := n.describedCall("POST", "/new_transaction", tx, with(origin)...)
		n.want(w, 403, "another origin")
		if got := corsHeaders(w); got != "Vary" {
			t.Errorf("%s: the refusal has %s, want Vary alone", origin, got)
		}
		if got := corsHeaders(n.do("GET", "/status", "", with(origin)...)); got != "Vary" {
			t.Errorf("%s: /status has %s, want Vary alone", origin, got)
		}
	}
	w = n.do("POST", "/new_transaction", tx, with(app, "Origin", other)...) // two origins
	n.want(w, 403, "another origin")

	// The token is required all the same, and the page can read that.
	w = n.describedCall("POST", "/mine", "", with(app, "Accept", "application/json")...)
	n.want(w, 401, `"reason":"no-token"`)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != app {
		t.Errorf("a refusal is for %q", got)
	}
	n.want(n.describedCall("GET", "/mine", "", with(app, "Authorization", "Bearer secret")...), 200, "Block #1 is mined.")
	n.want(n.describedCall("GET", "/mine", "", with(other, "Authorization", "Bearer secret")...), 403, "another origin")
	n.want(n.describedCall("GET", "/mine", "", append(cross, "Authorization", "Bearer secret")...), 403, "another origin") // an image has no origin

	// The preflight.
	w = n.do("OPTIONS", "/mine", "", with(app, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")...)
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Methods") != "GET, OPTIONS, POST" || w.Header().Get("Access-Control-Allow-Origin") != app ||
		!strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") || w.Header().Get("Access-Control-Max-Age") != "600" || w.Header().Get("Vary") != "Origin" {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
	w = n.do("OPTIONS", "/mine", "", with(other, "Access-Control-Request-Method", "POST")...)
	if got := corsHeaders(w); w.Code != 204 || got != "Vary" {
		t.Errorf("preflight of another origin: %d, %s", w.Code, got)
	}

	// Nothing allows credentials, and the pages are for the node's own origin alone.
	for _, target := range []string{"/status", "/chain", "/events", "/nothing", "/page"} {
		w := n.do("HEAD", target, "", with(app)...)
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s allows credentials", target)
		}
	}
	if got := corsHeaders(n.do("GET", "/page", "", with(app)...)); got != "" {
		t.Errorf("a page has %s", got)
	}
	n.want(n.do("POST", "/forms/post", "", with(app)...), 403, "another origin")
}
