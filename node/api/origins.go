package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Headers by which web pages of other origins may use the API; see Config.AllowOrigins.
const (
	corsRequestHeaders  = "Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer"
	corsResponseHeaders = "Link, Location, Retry-After, X-Total-Count"
	corsMaxAge          = "600" // seconds for which a browser remembers a preflight
)

// ParseOrigin returns an origin, such as https://app.example:8443, in the form in which
// browsers send it. It must be named in full: "*" and "null" would be every page, and the
// pages that have no origin.
func ParseOrigin(text string) (string, error) {
	u, err := url.Parse(strings.ToLower(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(u.Host, "*,") ||
		u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || strings.HasSuffix(text, "#") || strings.HasSuffix(text, "?") {
		return "", fmt.Errorf("origin %.80q: want the origin of a web page, such as https://app.example or http://127.0.0.1:3000, with nothing behind it", text)
	}
	host := u.Host
	if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":"), nil
}

// allowOrigin lets a page read the answer if it is of an origin that Config.AllowOrigins
// names. It never allows credentials: a browser then sends no cookies and no passwords
// that it has stored, and the node uses none. A page has to know the token to send it.
func (a *API) allowOrigin(w *writer, r *http.Request) {
	if len(a.config.AllowOrigins) == 0 || w.route.network != nil || w.route == a.other {
		return
	}
	w.variesByOrigin = true
	origin := r.Header["Origin"]
	if len(origin) != 1 || !a.allowed[origin[0]] {
		return
	}
	w.trusted = true
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", origin[0])
	header.Set("Access-Control-Expose-Headers", corsResponseHeaders)
}

// answerOptions answers the method OPTIONS, by which browsers also ask whether a page of
// another origin may send a request (the preflight).
func (a *API) answerOptions(w *writer, r *http.Request) {
	header := w.Header()
	header.Set("Allow", w.route.allow)
	if w.trusted && r.Header.Get("Access-Control-Request-Method") != "" {
		header.Set("Access-Control-Allow-Methods", w.route.allow)
		header.Set("Access-Control-Allow-Headers", corsRequestHeaders)
		header.Set("Access-Control-Max-Age", corsMaxAge)
	}
	w.WriteHeader(http.StatusNoContent)
}
