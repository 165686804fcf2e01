package api

import (
	"net/http"
	"strconv"
	"strings"
)

// preference is how much a client wants a media type.
type preference struct {
	quality  float64 // 0: not at all
	specific int     // 3: named in full, 2: as type/*, 1: as */*, 0: not at all
	place    int     // position in the header, from 1
}

// wantsJSON reads the Accept header (RFC 9110, 12.5.1) and reports whether the
// client prefers JSON to text. A client without a preference gets text, as from
// the original tutorial. If both have the same quality, the type that is named
// more specifically wins, then the one that is named first. Elements that cannot
// be parsed are ignored.
func wantsJSON(accept []string) bool { return wantsJSONOver("text/plain", accept) }

// wantsJSONOver does the same as wantsJSON with another type of text in place of
// text/plain.
func wantsJSONOver(textType string, accept []string) bool {
	if len(accept) == 0 || len(accept) == 1 && accept[0] == "*/*" {
		return false
	}
	var json, text preference
	place := 0
	for _, line := range accept {
		for element := range strings.SplitSeq(line, ",") {
			place++
			kind, quality, ok := mediaRange(element)
			if !ok {
				continue
			}
			json.consider(kind, quality, place, "application/json", "application/*")
			text.consider(kind, quality, place, textType, "text/*")
		}
	}
	switch {
	case json.quality != text.quality:
		return json.quality > text.quality
	case json.quality == 0:
		return false
	case json.specific != text.specific:
		return json.specific > text.specific
	}
	return json.place < text.place
}

// consider records the media range kind if it covers the media type full, such as
// text/plain, and is more specific than the ranges recorded before. family is the
// range of all its subtypes, such as text/*.
func (p *preference) consider(kind string, quality float64, place int, full, family string) {
	specific := 0
	switch kind {
	case full:
		specific = 3
	case family:
		specific = 2
	case "*/*":
		specific = 1
	}
	if specific > p.specific {
		*p = preference{quality, specific, place}
	}
}

// mediaRange parses one element of an Accept header, such as text/*;q=0.5. ok is
// false if it cannot be parsed.
func mediaRange(element string) (kind string, quality float64, ok bool) {
	kind, params, _ := strings.Cut(element, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	quality = 1
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) { // NaN fails both comparisons
			return "", 0, false
		}
		quality = q
	}
	return kind, quality, kind != ""
}

// isTyped reports whether somebody probably reads the answer on a terminal: the request
// is from curl, which adds no newline of its own, so that the prompt of the shell would
// stand behind the text. A program that compares texts gets the tutorial's, which have
// none; so does a call of curl with an Accept header of its own. A shell drops the
// newline in $(curl ...).
func isTyped(r *http.Request) bool {
	accept := r.Header["Accept"]
	return strings.HasPrefix(r.UserAgent(), "curl/") && (len(accept) == 0 || len(accept) == 1 && accept[0] == "*/*")
}
