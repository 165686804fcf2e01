package headers

import (
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// digitsOf returns the hex digits of headers, one after another.
func digitsOf(all ...pow.Header) string { return join(all, "", hexOf) }

// TestFormAtItsBounds checks streams that could be of two forms, or of none.
func TestFormAtItsBounds(t *testing.T) {
	const raw, hex, text, unknown = "raw", "hex", "text with headers in hex", "unknown-form"
	all := realHeaders(t, 3)
	bad, worse := damaged(all[0]), damaged(all[1])
	printable := strings.Repeat("1", pow.HeaderSize-1)
	marked := rawOf(pow.Header{Version: 0x20bfbbef})
	if !strings.HasPrefix(marked, byteOrder) {
		t.Fatal("the header does not begin with the byte order mark")
	}
	named := pow.Header{Version: int32(Main().Magic), Bits: 0x207fffff} // as if records began
	named.Prev[0], named.Prev[31] = 9, 9
	named = solve(t, named)
	for _, tc := range []struct {
		what, stream string
		want         []pow.Header // nil: not compared
		form, err    string
	}{
		{"a byte order mark before raw headers", marked, []pow.Header{{Version: 0x20bfbbef}}, raw, ""},
		{"a byte order mark before text", byteOrder + all[0].String(), all[:1], hex, ""},
		{"79 printable bytes", printable + "\x00", []pow.Header{pow.DecodeHeader((*[pow.HeaderSize]byte)([]byte(printable + "\x00")))}, raw, ""},
		{"79 printable bytes after a byte order mark", byteOrder + printable + "\x00", nil, raw, "truncated"},
		{"a header like a record", rawOf(named), []pow.Header{named}, raw, ""},
		{"a damaged header", rawOf(bad), []pow.Header{bad}, raw, ""},
		{"a damaged header and a good one", rawOf(bad, all[1]), []pow.Header{bad, all[1]}, raw, ""},
		{"two damaged headers", rawOf(bad, worse), nil, raw, unknown},
		{"two damaged headers and a good one", rawOf(bad, worse, all[2]), nil, raw, unknown},

		{"digits of one damaged header", digitsOf(bad), []pow.Header{bad}, hex, ""},
		{"a damaged header in quotes", `"` + digitsOf(bad) + `"`, []pow.Header{bad}, text, ""},
		{"a damaged header and a good one in quotes", `"` + digitsOf(bad) + `", "` + digitsOf(all[1]) + `"`, nil, text, ""},
		{"two damaged headers in quotes", `"` + digitsOf(bad) + `", "` + digitsOf(worse) + `"`, nil, "", unknown},
		{"a nonce that is not in JSON", `x: "nonce": 5, "` + digitsOf(all[0]) + `"`, all[:1], text, ""},
		{"names in quotes", "{'a': " + digitsOf(all[0]) + "\n'b': " + digitsOf(all[1]), all[:2], text, ""},
		{"labels with brackets, newest first", "a[1]:" + wrap(digitsOf(all[1]), 40) + "\na[0]:" + wrap(digitsOf(all[0]), 40), []pow.Header{all[1], all[0]}, hex, ""},
	} {
		got, reader, err := readAll(strings.NewReader(tc.stream))
		if (err == nil) != (tc.err == "") || err != nil && !strings.HasPrefix(err.Error(), tc.err) {
			t.Errorf("%s: %v, want %q", tc.what, err, tc.err)
		}
		if tc.want != nil && !slices.Equal(got, tc.want) || reader.Form() != tc.form {
			t.Errorf("%s: %s, %v; want %s, %v", tc.what, reader.Form(), got, tc.form, tc.want)
		}
	}
}

func TestNameDigits(t *testing.T) {
	all := realHeaders(t, 3)
	bad, worse := damaged(all[0]), damaged(all[1])
	hashes := join(all, "\n", func(h pow.Header) string { return h.Hash().String() })
	const none, isList, noWork = "", "it is a list of hashes", "neither of the first two groups"
	for _, tc := range []struct{ what, text, want string }{
		{"a header", digitsOf(all[0]), none},
		{"a header in lines as long as hashes", wrap(digitsOf(all[0]), 64), none},
		{"a header and one digit in such lines", wrap(digitsOf(all[0])+"1", 64), none},
		{"a damaged header", digitsOf(bad), none},
		{"one digit less than two damaged headers", digitsOf(bad, worse)[1:], none},
		{"two damaged headers", digitsOf(bad, worse), noWork},
		{"the first is good", digitsOf(all[0], worse), none},
		{"the second is good", digitsOf(bad, all[1]), none},
		{"the second is good, and a digit follows", digitsOf(bad, all[1]) + "1", none},
		{"the third is good", digitsOf(bad, worse, all[2]), noWork},
		{"labels", "a:" + digitsOf(bad) + "\nx:" + digitsOf(worse), none},
		{"hashes", hashes, isList},
		{"hashes, the last cut off", hashes[:len(hashes)-5], isList},
		{"hashes, the first cut off", hashes[5:], none},
		{"one hash", hashes[:64], isList},
	} {
		if got := nameDigits([]byte(tc.text)); (got == "") != (tc.want == "") || !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.what, got, tc.want)
		}
	}
}

func TestIsHexText(t *testing.T) {
	all := realHeaders(t, 2)
	digits, label := digitsOf(all[0]), strings.Repeat("x", maxLabel-1)
	for text, want := range map[string]bool{
		"":                                false,
		"label:":                          false,
		digits:                            true,
		digits + "\nsomething else":       true,
		"0x" + digits:                     true,
		"0X" + digits:                     true,
		"label:" + digits:                 true,
		"label: 0x" + digits:              true,
		":" + digits:                      true,
		label + ":" + digits:              true,
		label + "x:" + digits:             false,
		`"label":` + digits:               false,
		"01 00 00 00\t6f e2\r\n":          true,
		digits + " " + digits[:64]:        false,
		digits[:64] + " " + digits:        false,
		digits[:159] + " " + digits[:64]:  true,
		digits[:50] + "g":                 false,
		digits + strings.Repeat("9", 200): false, // a block
	} {
		if got := isHexText([]byte(text)); got != want {
			t.Errorf("%.80q of %d bytes: %v, want %v", text, len(text), got, want)
		}
	}
}

func TestIsBlock(t *testing.T) {
	all := realHeaders(t, 4)
	rest := strings.Repeat("9a", minBlockBody)
	for _, tc := range []struct {
		what, digits string
		want         bool
	}{
		{"the shortest block", digitsOf(all[0]) + rest, true},
		{"less", digitsOf(all[0]) + rest[1:], false},
		{"a block that is longer than two headers", digitsOf(all[0]) + rest + rest, true},
		{"a damaged block", digitsOf(damaged(all[0])) + rest, false},
		{"no digits", strings.Repeat("x", 2*pow.HeaderSize) + rest, false},
		{"two headers", digitsOf(all[:2]...), false},
		{"two headers and more", digitsOf(all[:2]...) + rest, false},
		{"a child that does not prove its work", digitsOf(all[0], damaged(all[1])), false},
		{"another header", digitsOf(all[0], all[3]), false},
		{"a damaged header of another", digitsOf(all[0], damaged(all[3])), true},
	} {
		if got := isBlock([]byte(tc.digits)); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.what, got, tc.want)
		}
	}
}

func TestIsText(t *testing.T) {
	for c := range 256 {
		want := c >= 0x20 && c <= 0x7e || c == '\t' || c == '\n' || c == '\r'
		if got := isText([]byte{'a', byte(c)}); got != want {
			t.Errorf("byte %#x: %v, want %v", c, got, want)
		}
	}
	if allZero(nil) || !allZero([]byte{0}) || allZero([]byte{0, 1}) || allZero([]byte{1, 0}) {
		t.Error("allZero")
	}
}

// TestNamesOfOtherStreams checks what is said of streams that cannot be read.
func TestNamesOfOtherStreams(t *testing.T) {
	const message = "recorded message of Bitcoin's network"
	const other = "it is a picture, a document or a program"
	for start, want := range map[string]string{
		"":                                  "it begins as no other known form does ()",
		"\x01\x02\x03":                      "it begins as no other known form does (010203)",
		"\x01" + strings.Repeat("\x02", 20): "it begins as no other known form does (0102020202020202)",
		"SQLite format 3\x00":               "database of SQLite",
		"SPVB\x01":                          "store of bitcoinj",
		"CHECKPOINTS 1\x00":                 "checkpoints of bitcoinj",
		strings.Repeat("\x01", 16) + "\xed\xda\x0c\xed": "database of bbolt",
		strings.Repeat("\x01", 15) + "\xed\xda\x0c\xed": "as no other known form",
		"\xff\xff\xff\xffheaders\x00\x01":               message,
		"\xff\xff\xff\xffblock\x00\x00\x00\x01":         message,
		"\xff\xff\xffheaders\x00\x01":                   "as no other known form",
		"\xff\xff\xffblock\x00\x00\x00\x01":             "as no other known form",
		"\x89PNG\r\n":                                   other,
		"%PDF-1.7\x00":                                  other,
		"\x7fELF\x02":                                   other,
		"\x01\x89PNG\r\n":                               "as no other known form",
		metadataOf(Main().Magic, 1, 0, 7):               "export of Neutrino of filter headers, or of another version",
	} {
		if got := nameBinary([]byte(start), nil); !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", start, got, want)
		}
	}
	const hint = "needs the file xor.dat"
	if got := nameBinary([]byte("\x01\x02"), nil); !strings.Contains(got, hint) {
		t.Errorf("without a key: %q", got)
	}
	if got := nameBinary([]byte("\x01\x02"), aKey); strings.Contains(got, hint) {
		t.Errorf("with a key: %q", got)
	}

	base64 := strings.Repeat("AQ+/", 25)
	for text, want := range map[string]string{
		"TXT CHECKPOINTS 1\n":              "checkpoints of bitcoinj",
		"<html>":                           "HTML or XML",
		"version https://git-lfs.github":   "Git LFS",
		"error: no connection\r\nand more": `it is an error message: "error: no connection"`,
		"Error 404":                        `it is an error message: "Error 404"`,
		"an error":                         "",
		base64:                             "base64",
		base64 + " \r\nAQ==":               "base64",
		base64 + "==":                      "base64",
		base64[1:]:                         "",
		base64 + "?":                       "",
		base64[:50] + " " + base64[:50]:    "",
	} {
		if got := nameText([]byte(text)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
