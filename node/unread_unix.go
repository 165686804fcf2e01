//go:build unix

package node

import (
	"net"
	"syscall"
)

// hasUnread reports whether the system holds bytes of a connection that have arrived
// and were not read yet.
func hasUnread(conn net.Conn) bool {
	of, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return false
	}
	unread := false
	if err := raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		unread = err == nil && n > 0
	}); err != nil {
		return false
	}
	return unread
}
