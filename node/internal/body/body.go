// Package body implements the checks of HTTP message bodies that the servers and the
// client of a node have in common.
package body

import (
	"net/http"
	"strings"
)

// Compressed reports whether a header says that the body is compressed. Such
// bodies are refused, because a few bytes could become any number of them.
func Compressed(h http.Header) bool {
	codings := h["Content-Encoding"]
	return len(codings) > 1 || len(codings) == 1 && !strings.EqualFold(codings[0], "identity")
}
