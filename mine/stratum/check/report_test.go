package check

import (
	"strings"
	"testing"
)

func TestShorten(t *testing.T) {
	long := strings.Repeat("0123456789", 16)
	for in, want := range map[string]string{
		long: long, long + "x": long + "…",
		long[1:] + "ü": long[1:] + "…", // half of a letter is left out
		long[2:] + "ü": long[2:] + "ü",
		"a b\nc\x00d\x1fe\x7ff\u0080g\u009fh\u00a0i~": "a b c d e f g h\u00a0i~",
	} {
		if got := shorten(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
