package api

import (
	"net/url"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain"
)

// FuzzOrigin checks that what is accepted as an origin is one as browsers send it: a
// scheme, a host and a port that is not the scheme's own.
func FuzzOrigin(f *testing.F) {
	for _, text := range []string{"https://app.example:8443", "HTTP://A:80", "http://[::1]:3000", "http://a:", "https://*", "null", "http://a/", "http://u@a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		origin, err := ParseOrigin(text)
		if err != nil {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme+"://"+u.Host != origin || u.Hostname() == "" {
			t.Fatalf("%q was accepted as %q (%v)", text, origin, err)
		}
		if port := map[string]string{"http": "80", "https": "443"}[u.Scheme]; port == "" || u.Port() == port {
			t.Errorf("%q was accepted as %q", text, origin)
		}
		if again, err := ParseOrigin(origin); err != nil || again != origin || strings.ToLower(origin) != origin {
			t.Errorf("%q was accepted as %q, and that as %q (%v)", text, origin, again, err)
		}
	})
}

// FuzzCursor checks that a cursor which is accepted is one that a page may have given.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{"120-3", "0-0", "0-1", "-1-2", "9007199254740993-1", "1-99999999999", "1", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text)
		if (err == nil) == (c == chain.TxCursor{}) {
			t.Fatalf("%q: %v, %v", text, c, err)
		}
		if again, err2 := parseCursor(cursorText(c)); err == nil && (err2 != nil || again != c) {
			t.Errorf("%q is %v, which is written as %q", text, c, cursorText(c))
		}
	})
}

// FuzzMode checks that a mode is read from an object with this one field only.
func FuzzMode(f *testing.F) {
	for _, body := range []string{`{"mode": "on-demand"}`, `{"mode":""}`, `{"mode":1}`, `{"mode":"a","mode":"b"}`, `{"Mode":"a"}`, `[]`, ``} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		mode, err := parseMode(body)
		if err != nil {
			if mode != "" {
				t.Errorf("%q: %q beside %v", body, mode, err)
			}
			return
		}
		if strings.Count(string(body), "{") < 1 || strings.Count(string(body), ":") < 1 {
			t.Errorf("%q: the mode %q", body, mode)
		}
	})
}
