package pow

import (
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
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
	if start, end, err := mappingOf([]byte("?\n"+maps), 0x400000); err == nil {
		t.Errorf("a text that begins with a line without addresses has the mapping %#x to %#x", start, end)
	}
}

// After its text was moved, the program goes on: the kernels find the same answers. Not
// every system can do it, so an error is no failure.
func TestTextRemedies(t *testing.T) {
	start, end, err := text(ownMaps)
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

// A remedy gets the bounds of the text, and is not applied if they are not known.
func TestWithText(t *testing.T) {
	wantStart, wantEnd, err := text(ownMaps)
	if err != nil {
		t.Fatal(err)
	}
	applied, fault := 0, errors.New("no such memory")
	apply := func(start, end uintptr, _ adviseFunc) error {
		if applied++; start != wantStart || end != wantEnd {
			t.Errorf("the text is %#x to %#x, want %#x to %#x", start, end, wantStart, wantEnd)
		}
		return fault
	}
	if err := withText(ownMaps, apply); !errors.Is(err, fault) || applied != 1 {
		t.Errorf("%v after %d applications, want the error of one", err, applied)
	}
	if err := withText(filepath.Join(t.TempDir(), "maps"), apply); err == nil || applied != 1 {
		t.Errorf("%v after %d applications, want an error, because no file has the bounds", err, applied)
	}
}

// advised is a call of an adviseFunc.
type advised struct {
	start, end uintptr
	advice     int
}

// The text is moved in huge pages that lie in it whole. One that cannot be moved does not
// keep the others from being moved.
func TestHugeText(t *testing.T) {
	const page = 2 << 20
	fault := errors.New("not this page")
	for _, tc := range []struct {
		what       string
		start, end uintptr
		faults     []bool    // for each page
		pages      []uintptr // where they begin
		err        error
	}{
		{"exactly one page", 3 * page, 4 * page, []bool{false}, []uintptr{3 * page}, nil},
		{"parts at both ends", 3*page + 1, 6*page + page - 1, []bool{false, false}, []uintptr{4 * page, 5 * page}, nil},
		{"one byte before a page", 3*page - 1, 4*page + 1, []bool{false}, []uintptr{3 * page}, nil},
		{"the first cannot be moved", 3 * page, 5 * page, []bool{true, false}, []uintptr{3 * page, 4 * page}, nil},
		{"the last cannot be moved", 3 * page, 5 * page, []bool{false, true}, []uintptr{3 * page, 4 * page}, nil},
		{"none can be moved", 3 * page, 5 * page, []bool{true, true}, []uintptr{3 * page, 4 * page}, fault},
	} {
		var got []advised
		err := hugeText(tc.start, tc.end, func(start, end uintptr, advice int) error {
			if got = append(got, advised{start, end, advice}); tc.faults[(len(got)-1)%len(tc.faults)] {
				return fault
			}
			return nil
		})
		var want []advised
		for _, at := range tc.pages {
			want = append(want, advised{at, at + page, 25}) // MADV_COLLAPSE of linux/mman.h
		}
		if !errors.Is(err, tc.err) || !slices.Equal(got, want) {
			t.Errorf("%s: %v after %+v, want %v after %+v", tc.what, err, got, tc.err, want)
		}
	}
	for _, end := range []uintptr{3 * page, 4*page - 1} {
		err := hugeText(3*page, end, func(uintptr, uintptr, int) error {
			t.Error("a part of a huge page was moved")
			return nil
		})
		if err == nil {
			t.Errorf("a text of %d bytes, which has no huge page, was moved", end-3*page)
		}
	}
}

// Linux is asked to write the whole text out of memory.
func TestRereadText(t *testing.T) {
	fault := errors.New("not now")
	var got advised
	err := rereadText(5, 7, func(start, end uintptr, advice int) error {
		got = advised{start, end, advice}
		return fault
	})
	if want := (advised{5, 7, 21}); !errors.Is(err, fault) || got != want { // MADV_PAGEOUT of linux/mman.h
		t.Errorf("%v after %+v, want the error after %+v", err, got, want)
	}
}

// Linux follows an advice for exactly the given range: memory without a file that is not
// needed is zero afterwards.
func TestMadvise(t *testing.T) {
	page := unix.Getpagesize()
	memory, err := unix.Mmap(-1, 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(memory) }()
	for i := range memory {
		memory[i] = 1
	}
	start := reflect.ValueOf(memory).Pointer() + uintptr(page)
	// An emulator accepts every advice, so the refusal is that of an address within a page.
	if err := madvise(start+1, start+uintptr(page), unix.MADV_DONTNEED); !errors.Is(err, unix.EINVAL) {
		t.Errorf("an address within a page: %v", err)
	}
	if err := madvise(start, start+uintptr(page), unix.MADV_DONTNEED); err != nil {
		t.Error(err)
	}
	for i, b := range memory {
		if inside := i/page == 1; inside != (b == 0) {
			t.Fatalf("byte %d of pages of %d is %d", i, page, b)
		}
	}
}
