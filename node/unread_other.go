//go:build !unix

package node

import "net"

// hasUnread always returns false, because this system is not asked.
func hasUnread(net.Conn) bool { return false }
