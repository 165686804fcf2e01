package headers

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// TestHexText checks labels, prefixes and lines of hex, and the lines at which headers
// begin.
func TestHexText(t *testing.T) {
	all := realHeaders(t, 3)
	first, second, third := all[0].String(), all[1].String(), all[2].String()
	long := strings.Repeat("a", maxLabel-1)
	for _, tc := range []struct {
		what, stream string
		want         int    // headers
		err          string // part of it; "" at the end of the stream
		where        string
	}{
		{"a prefix", "0x" + first + "\n0X" + second, 2, "", "line 2"},
		{"a label with a prefix", "a:0x" + first + "\nb: 0X" + second, 2, "", "line 2"},
		{"a label on its own line", first + "\nb:\n\n" + second, 2, "", "line 4"},
		{"an empty label", ":" + first, 1, "", "line 1"},
		{"the longest label", long + ":" + first, 1, "", "line 1"},
		{"too long a label", first + "\n" + long + "a:" + second, 1, "malformed: ':' is no hex digit", "line 2"},
		{"a label inside a line", first + "\n" + second + " b: " + third, 2, "malformed: ':' is no hex digit", "line 2"},
		{"a label inside a line, after one on its own line", first + "\na:\n" + second + " b: " + third, 2, "malformed: ':' is no hex digit", "line 3"},
		{"a prefix inside a line", first + "\n" + second + " 0x" + third, 2, "malformed: 'x' is no hex digit", "line 2"},
		{"a label behind digits of the line before", first + "\nabcd\nb:" + second, 1, "malformed: ':' is no hex digit", "line 2"},
		{"spaces are no lines", first + "\n \t " + second + "  \r\n\n", 2, "", "line 2"},
		{"a label at the end", first + "\n\nb:", 1, "", "line 1"},
		{"a label at the end, and a line", first + "\n\nb:\n", 1, "", "line 1"},
		{"empty lines at the end", first + "\n\n\n", 1, "", "line 1"},
		{"one digit", first + "\n1", 1, "truncated: the stream ends after 1 of", "line 2"},
		{"159 digits", first + "\n" + second[:159], 1, "truncated: the stream ends after 159 of", "line 2"},
		{"upper case in short lines", wrap(strings.ToUpper(first+second), 7), 2, "", "line 23"},
		{"lower case in short lines", wrap(first+second, 7), 2, "", "line 23"},
		{"a bad digit", first + "\n" + second[:100] + "g" + second[101:], 1, "malformed: 'g' is no hex digit", "line 2"},
	} {
		got, reader, err := readAll(strings.NewReader(tc.stream))
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) || !slices.Equal(got, all[:tc.want]) {
			t.Errorf("%s: %d headers, %v; want %d, %q", tc.what, len(got), err, tc.want, tc.err)
		}
		if reader.count != uint64(tc.want) {
			t.Errorf("%s: %d headers were counted, want %d", tc.what, reader.count, tc.want)
		}
		if reader.Form() != "hex" || reader.Where() != tc.where {
			t.Errorf("%s: %s at %s, want hex at %s", tc.what, reader.Form(), reader.Where(), tc.where)
		}
	}
}

func TestHexEnd(t *testing.T) {
	broken := errors.New("broken")
	if err := hexEnd(io.EOF, 0); !errors.Is(err, io.EOF) {
		t.Errorf("an end between headers: %v", err)
	}
	wantReason(t, hexEnd(io.EOF, 1), Truncated)
	if err := hexEnd(broken, 1); !errors.Is(err, broken) {
		t.Errorf("a failure inside a header: %v", err)
	}
}

func TestHexDigit(t *testing.T) {
	const digits = "0123456789abcdef"
	for c := range 256 {
		want := strings.IndexByte(digits, byte(c))
		if upper := strings.IndexByte(strings.ToUpper(digits), byte(c)); upper >= 0 {
			want = upper
		}
		if got, ok := hexDigit(byte(c)); ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("%q: %d, %v; want %d", rune(c), got, ok, want)
		}
	}
}

// TestLooseText checks where headers end among other digits, and the lines at which they
// begin.
func TestLooseText(t *testing.T) {
	all := realHeaders(t, 4)
	child := damaged(all[1]) // which does not prove its work
	for _, tc := range []struct {
		what, stream string
		want         []pow.Header
		where        string
	}{
		{"lines", "[\n\"" + all[0].String() + "\",\n\n\"" + all[1].String() + "\"\n]", all[:2], "line 4"},
		{"other digits", "a1b2, 'cafe',\n'" + all[0].String() + "'\n", all[:1], "line 2"},
		{"a child that does not prove its work", `"` + all[0].String() + child.String() + `"`, []pow.Header{all[0], child}, "line 1"},
		{"another header", `"` + all[0].String() + all[3].String() + `"`, []pow.Header{all[0]}, "line 1"},
		{"the rest of a block", `"` + all[0].String() + strings.Repeat("12", 300) + `", "` + all[1].String() + `"`, all[:2], "line 1"},
		{"a short rest of a block", `"` + all[0].String() + strings.Repeat("12", 61) + `", "` + all[1].String() + `"`, all[:2], "line 1"},
		{"159 digits at the end", `"` + all[0].String() + `", "` + all[1].String()[:159], all[:1], "line 1"},
	} {
		got, reader, err := readAll(strings.NewReader(tc.stream))
		if err != nil {
			t.Errorf("%s: %v", tc.what, err)
		}
		if tc.what == "another header" {
			tc.want = append(tc.want, all[3]) // which is left out because its parent is not there
			got = append(got, all[3])
			if reader.Strays() != 1 {
				t.Errorf("%s: %d strays, want 1", tc.what, reader.Strays())
			}
		}
		if !slices.Equal(got, tc.want) || reader.Form() != "text with headers in hex" || reader.Where() != tc.where {
			t.Errorf("%s: %v, %s at %s; want %v at %s", tc.what, got, reader.Form(), reader.Where(), tc.want, tc.where)
		}
	}
}
