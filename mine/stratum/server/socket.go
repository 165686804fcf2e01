package server

import (
	"crypto/tls"
	"net"
)

const (
	// systemRead and systemWrite are how many bytes the system may keep of a connection:
	// those that have arrived and are not read, and those that the miner has not taken. By
	// itself the system lets both grow to megabytes. Linux takes twice the number, because
	// it counts its own overhead too.
	systemRead  = 16 << 10
	systemWrite = 32 << 10
)

// boundBuffers bounds what the system keeps of a connection. A connection that is not one
// of TCP, or of TLS over TCP, stays as it is.
func boundBuffers(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if c, ok := conn.(*net.TCPConn); ok {
		// It fails on a connection that has ended, which the first read finds out.
		_ = c.SetReadBuffer(systemRead)
		_ = c.SetWriteBuffer(systemWrite)
	}
}
