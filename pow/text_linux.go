package pow

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"

	"golang.org/x/sys/unix"
)

const (
	hugePage = 2 << 20

	// madvCollapse is MADV_COLLAPSE of Linux 6.1 and later (madvise(2)), which package
	// unix does not have.
	madvCollapse = 25
)

// textRemedies return the ways to move the program's text to other memory, the best
// first. The addresses stay the same, and other threads may run the text meanwhile. No
// memory is ever both written and executed, not even one after the other, so systemd's
// MemoryDenyWriteExecute forbids neither.
func textRemedies() []remedy {
	return []remedy{
		{"its text moved into huge pages", func() error { return withText(ownMaps, hugeText) }},
		{"its text read from the disk again", func() error { return withText(ownMaps, rereadText) }},
	}
}

// adviseFunc is [madvise]. Tests have others.
type adviseFunc func(start, end uintptr, advice int) error

// withText calls a function with the bounds of the program's text, which it reads from a
// file like ownMaps.
func withText(maps string, move func(start, end uintptr, advise adviseFunc) error) error {
	start, end, err := text(maps)
	if err != nil {
		return err
	}
	return move(start, end, madvise)
}

// hugeText asks Linux to copy the text into huge pages, which are contiguous. It fails
// if Linux has no huge pages for files (CONFIG_READ_ONLY_THP_FOR_FS, or a tmpfs), and
// succeeds if it has moved at least one.
func hugeText(start, end uintptr, advise adviseFunc) error {
	start = (start + hugePage - 1) / hugePage * hugePage
	err := errors.New("the text is smaller than a huge page")
	moved := false
	for at := start; at+hugePage <= end; at += hugePage {
		if err = advise(at, at+hugePage, madvCollapse); err == nil {
			moved = true
		}
	}
	if moved {
		return nil
	}
	return err
}

// rereadText asks Linux to drop the text from memory and from the cache of files. What
// runs next is read from the disk, into other page frames. Linux leaves pages that
// other processes have mapped, and does nothing for a process that may not write the
// file.
func rereadText(start, end uintptr, advise adviseFunc) error {
	return advise(start, end, unix.MADV_PAGEOUT)
}

// madvise is madvise(2) for memory that Go does not manage.
func madvise(start, end uintptr, advice int) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, start, end-start, uintptr(advice)); errno != 0 {
		return fmt.Errorf("madvise: %w", errno)
	}
	return nil
}

// ownMaps is where a process finds its mappings (proc_pid_maps(5)).
const ownMaps = "/proc/self/maps"

// text returns the bounds of the program's text, from a file like ownMaps.
func text(maps string) (start, end uintptr, err error) {
	content, err := os.ReadFile(maps)
	if err != nil {
		return 0, 0, err
	}
	return mappingOf(content, reflect.ValueOf(text).Pointer())
}

// mappingOf returns the bounds of the mapping that contains an address, from the content
// of ownMaps.
func mappingOf(maps []byte, address uintptr) (start, end uintptr, err error) {
	for line := range bytes.Lines(maps) {
		if _, err := fmt.Sscanf(string(line), "%x-%x ", &start, &end); err != nil {
			return 0, 0, fmt.Errorf("/proc/self/maps has the line %q, want a range of addresses at its beginning", line)
		}
		if start <= address && address < end {
			return start, end, nil
		}
	}
	return 0, 0, fmt.Errorf("/proc/self/maps has no mapping with address %#x", address)
}
