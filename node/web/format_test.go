package web

import (
	"math"
	"testing"
)

// TestNumbers compares numbers as the pages write them. stats.test.mjs has the same table
// for the scripts, so that nothing changes its form when a script brings a page up to date.
func TestNumbers(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{number(0), "0"}, {number(999), "999"}, {number(1000), "1\u202f000"}, {number(int64(1_234_567)), "1\u202f234\u202f567"},
		{number(-1000), "-1\u202f000"}, {number(uint32(100_000)), "100\u202f000"}, {number(uint64(math.MaxUint64)), "18\u202f446\u202f744\u202f073\u202f709\u202f551\u202f615"},
		{figure(0), "0"}, {figure(999), "999"}, {figure(1000), "1.00 k"}, {figure(999_999), "1.00 M"}, {figure(12_345_678), "12.3 M"}, {figure(0.05), "0.0500"},
		{figure(3.5), "3.50"}, {figure(math.NaN()), "unknown"}, {figure(math.Inf(1)), "∞"}, {figure(math.Exp2(80)), "1.21 × 10²⁴"}, {figure(4.6565423739069247e-10), "4.66 × 10⁻¹⁰"},
		{describeSeconds(0), "0 s"}, {describeSeconds(0.0000123), "12.3 µs"}, {describeSeconds(0.05), "50 ms"}, {describeSeconds(90), "90 s"}, {describeSeconds(600), "10 min"},
		{describeSeconds(86_400), "24 h"}, {describeSeconds(864_000), "10 days"}, {describeSeconds(1e13), "longer than anybody can wait"}, {describeSeconds(86_400 * 365.25 * 3), "3 years"},
		{describeRate(0), "–"}, {describeRate(999), "999 H/s"}, {describeRate(2_500_000), "2.50 MH/s"},
		{describeBytes(1), "1 byte"}, {describeBytes(9999), "9\u202f999 bytes"}, {describeBytes(10_000), "10 KiB"}, {describeBytes(1 << 20), "1.0 MiB"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// TestUngroup reads numbers as people write them, and leaves other texts alone.
func TestUngroup(t *testing.T) {
	for text, want := range map[string]string{
		number(1_234_567): "1234567", "1,234": "1234", "1 234": "1234", "1'234": "1234", "1\u00a0234": "1234", "12": "12",
		"": "", ", ": ", ", "1.5": "1.5", "ann 1": "ann 1", "-1": "-1", "1 234 a": "1 234 a",
		"123_456’789": "123456789", "1\u2009234": "1234", "007": "007", "20 24": "20 24", "1 2 3": "1 2 3", "1 234 5": "1 234 5", "1234 567": "1234 567",
		"1, 234": "1, 234", " 234": " 234", "1 ": "1 ", "1 234 ": "1 234 ", "12 3456": "12 3456",
	} {
		if got := ungroup(text); got != want {
			t.Errorf("ungroup(%q) = %q, want %q", text, got, want)
		}
	}
}
