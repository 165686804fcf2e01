package headers

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// TestLargeStreams checks that only a value is bounded, and not all of them together: a
// table and JSON with the headers of a whole chain have hundreds of megabytes.
func TestLargeStreams(t *testing.T) {
	const long = maxToken / 16
	all := realHeaders(t, 20)
	note := strings.Repeat("x", long)
	for name, tc := range map[string]struct {
		start, end string
		format     func(pow.Header) string
	}{
		"a table": {"version,prev,merkle,time,bits,nonce,note\n", "", func(h pow.Header) string {
			return fmt.Sprintf("%d,%s,%s,%d,%s,%d,%s\n", h.Version, h.Prev, h.MerkleRoot, h.Time, h.Bits, h.Nonce, note)
		}},
		"JSON": {"[", "1]", func(h pow.Header) string {
			return strings.Replace(explorerJSON(h), "{", `{"note":"`+note+`",`, 1) + ","
		}},
	} {
		parts := []io.Reader{strings.NewReader(tc.start)}
		for _, h := range all {
			parts = append(parts, strings.NewReader(tc.format(h)))
		}
		got, _, err := readAll(io.MultiReader(append(parts, strings.NewReader(tc.end))...))
		if err != nil || !slices.Equal(got, all) {
			t.Errorf("%s: %d headers, %v; want %d", name, len(got), err, len(all))
		}
	}
}

// TestLinesOfJSON checks the line that is named for an object, which is where it begins,
// and for what is no JSON.
func TestLinesOfJSON(t *testing.T) {
	all := realHeaders(t, 2)
	first, second := coreJSON(all[0]), coreJSON(all[1])
	lines := uint64(strings.Count(first, "\n") + 1) // of each
	wrong := strings.Replace(second, "merkleroot", "x", 1)
	for _, tc := range []struct {
		what, stream string
		headers      int
		last         uint64 // line of the last header
		err          string
		line         uint64 // for the error
	}{
		{"lines", first + "\n" + second, 2, lines + 1, "", 0},
		{"empty lines", "\n\n" + first + "\n\n\n" + second + "\n\n", 2, lines + 5, "", 0},
		{"an array", "[\n" + first + ",\n" + second + "\n]\n", 2, lines + 2, "", 0},
		{"one line", "[" + explorerJSON(all[0]) + "," + explorerJSON(all[1]) + "]", 2, 1, "", 0},
		{"long lines", "[{\"a\": \"" + strings.Repeat("x", 10_000) + "\"}, " + explorerJSON(all[0]) + ",\n" + explorerJSON(all[1]) + "]", 2, 2, "", 0},
		{"an object inside", "[{\"a\":\n{\"result\":\n" + first + "}}]", 1, 3, "", 0},
		{"a wrong object", first + "\n" + wrong + "\n\n", 1, 1, "malformed: the merkle root is missing", lines + 1},
		{"a wrong value", first + "\n{\n\n\"a\": b}\n\n", 1, 1, "malformed: this is no JSON", lines + 3},
		{"an end", first + "\n{\n\n", 1, 1, "truncated", lines + 2},
	} {
		reader := NewReader(strings.NewReader(tc.stream))
		for i := range tc.headers {
			if h, err := reader.Next(); err != nil || h != all[i] {
				t.Fatalf("%s, header %d: %v, %v", tc.what, i, h, err)
			}
		}
		if got, want := reader.Where(), fmt.Sprintf("line %d", tc.last); got != want {
			t.Errorf("%s: the last header is on %s, want %s", tc.what, got, want)
		}
		_, err := reader.Next()
		if tc.err == "" {
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", tc.what, err)
			}
			continue
		}
		if !strings.HasPrefix(err.Error(), tc.err) || reader.Where() != fmt.Sprintf("line %d", tc.line) {
			t.Errorf("%s: %v on %s, want %q on line %d", tc.what, err, reader.Where(), tc.err, tc.line)
		}
	}
}
