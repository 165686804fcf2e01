// Package syserr recognises errors of the operating system. Windows has its own
// numbers for them: a connection that was refused is error 10061 there, and
// [syscall.ECONNREFUSED] is a number that Windows never returns. Code that must run on
// every system therefore asks this package and not package syscall.
package syserr

import (
	"errors"
	"syscall"
)

// Kind is a kind of error that the rest of the program treats specially.
type Kind int

// The kinds.
const (
	DiskFull     Kind = iota // a disk, a quota or a limit of the size of a file is full
	NoDescriptor             // no file descriptor, or no memory, is left for another connection
	Refused                  // nobody listens at the other address
	Unreachable              // there is no way to the other host
	Reset                    // the other side has ended the connection without a word
	AddressInUse             // somebody listens at this address already
	NoAddress                // this machine has no such address
	NoPermission             // this user may not listen at this address
)

// Is reports whether err is an error of the operating system of this kind, or wraps
// one.
func Is(err error, k Kind) bool {
	for _, number := range Numbers(k) {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// Numbers returns the errors of this kind on this system, as it reports them.
func Numbers(k Kind) []syscall.Errno { return numbers(k) }
