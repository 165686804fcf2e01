package pow

import (
	"reflect"
	"testing"
)

func TestMappingOf(t *testing.T) {
	const maps = "00400000-0070e000 r-xp 00000000 fe:00 9980764   /usr/bin/lode\n" +
		"0070e000-00a62000 r--p 0030e000 fe:00 9980764   /usr/bin/lode\n" +
		"7ffd0000-7fff0000 rw-p 00000000 00:00 0   [stack]\n"
	for _, tc := range []struct{ address, start, end uintptr }{
		{0x400000, 0x400000, 0x70e000},
		{0x70dfff, 0x400000, 0x70e000},
		{0x70e000, 0x70e000, 0xa62000},
		{0x7ffeffff, 0x7ffd0000, 0x7fff0000},
	} {
		if start, end, err := mappingOf([]byte(maps), tc.address); start != tc.start || end != tc.end || err != nil {
			t.Errorf("%#x: %#x to %#x, %v; want %#x to %#x", tc.address, start, end, err, tc.start, tc.end)
		}
	}
	for _, text := range []string{maps, "", "?\n"} {
		if start, end, err := mappingOf([]byte(text), 0xb00000); err == nil {
			t.Errorf("an address that is not mapped is in %#x to %#x of %q", start, end, text)
		}
	}
}

// After its text was moved, the program goes on: the kernels find the same answers. Not
// every system can do it, so an error is no failure.
func TestTextRemedies(t *testing.T) {
	start, end, err := text()
	if at := reflect.ValueOf(TestTextRemedies).Pointer(); err != nil || at < start || at >= end {
		t.Fatalf("the text is %#x to %#x, %v; this test is at %#x", start, end, err, at)
	}
	for _, r := range textRemedies() {
		t.Logf("%s: %v", r.what, r.apply())
		for _, k := range runnable(t) {
			if err := k.SelfTest(); err != nil {
				t.Errorf("%s: %v", r.what, err)
			}
		}
	}
}
