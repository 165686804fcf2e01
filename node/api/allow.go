package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// allow returns an error if the sender may not make this request: because it is a
// web page of another origin, or because the route needs the token and the
// request lacks it.
func (a *API) allow(w *writer, r *http.Request) error {
	if r.Method == http.MethodPost && !w.trusted {
		if err := a.origins.Check(r); err != nil {
			return refuse(http.StatusForbidden, "a page of another origin may not change this node (%v)", err)
		}
	}
	if r.Method == http.MethodPost || w.route.guarded {
		if err := a.checkHost(r.Host); err != nil {
			return err
		}
	}
	if w.route.guarded && a.config.Token != "" && !hasToken(r, a.config.Token) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="lode"`)
		return refuse(http.StatusUnauthorized, "this needs the node's token: send the header Authorization: Bearer TOKEN")
	}
	return nil
}

// hasToken reports whether the request carries the token. It compares hashes, so
// that the time of the comparison reveals nothing about the token, not even its
// length.
func hasToken(r *http.Request, token string) bool {
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(strings.TrimSpace(given)))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// checkHost defends a node that listens on a loopback address against DNS
// rebinding: a web page's host name is made to resolve to 127.0.0.1, so that the
// browser takes the page and the node for one origin. The Host header then has
// the page's name, which is not one of the node's, and the request is refused.
func (a *API) checkHost(host string) error {
	if a.config.Hosts == nil || host == "" {
		return nil
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(a.config.Hosts, name) {
		return nil
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsLoopback() {
		return nil
	}
	return refuse(http.StatusForbidden, "this node is not called %.60q: call it localhost, or start it with --advertise and that name", host)
}
