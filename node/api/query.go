package api

import (
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/pow"
)

const (
	maxLocator = 64      // hashes in a locator
	maxQuery   = 8 << 10 // bytes of a query: enough for a locator
)

// parseQuery parses a query and refuses parameters that the route does not take.
// Otherwise a parameter with a typing error would be ignored silently.
func parseQuery(raw string, takes []string) (url.Values, error) {
	if len(raw) > maxQuery {
		return nil, refuse(http.StatusRequestURITooLong, "the query has %d bytes, at most %d are read", len(raw), maxQuery)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the query cannot be read: want name=value, with & between parameters and other characters escaped as %%XX")
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // so that the same query always gets the same sentence
	for _, name := range names {
		switch {
		case len(takes) == 0:
			return nil, refuse(http.StatusBadRequest, "unknown parameter %.40q: there are none here", name)
		case !slices.Contains(takes, name):
			return nil, refuse(http.StatusBadRequest, "unknown parameter %.40q: want %s", name, strings.Join(takes, ", "))
		case len(values[name]) > 1:
			return nil, refuse(http.StatusBadRequest, "parameter %s stands %d times, want it once", name, len(values[name]))
		}
	}
	return values, nil
}

// number returns the value of a parameter that is a whole number from least to
// most, or otherwise if the parameter is missing.
func number(values url.Values, name string, least, most, otherwise int64) (int64, error) {
	text, ok := values[name]
	if !ok {
		return otherwise, nil
	}
	n, err := parseDigits(text[0])
	if err != nil || n < least || n > most {
		want := fmt.Sprintf("%d to %d", least, most)
		if most == math.MaxInt64 {
			want = fmt.Sprintf("%d or more", least)
		}
		return 0, refuse(http.StatusBadRequest, "parameter %s is %.40q: want a number, %s", name, text[0], want)
	}
	return n, nil
}

// parseDigits parses decimal digits. Unlike [strconv.ParseInt] it takes no sign.
func parseDigits(s string) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// locator parses a list of block hashes, the newest first, separated by commas.
func locator(text string) ([]pow.Hash, error) {
	words := strings.Split(text, ",")
	if len(words) > maxLocator {
		return nil, refuse(http.StatusBadRequest, "parameter after has %d hashes, at most %d are read", len(words), maxLocator)
	}
	hashes := make([]pow.Hash, len(words))
	for i, word := range words {
		var err error
		if hashes[i], err = pow.ParseHash(word); err != nil {
			return nil, refuse(http.StatusBadRequest, "parameter after: %v; want block hashes with commas between them, the newest first", err)
		}
	}
	return hashes, nil
}

// splitList yields the elements of a header's list, which commas separate.
func splitList(line string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for element := range strings.SplitSeq(line, ",") {
			if !yield(strings.TrimSpace(element)) {
				return
			}
		}
	}
}
