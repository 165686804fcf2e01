package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// socketLine returns a line of /proc/net/tcp or tcp6.
func socketLine(addr, state, inode string) string {
	ap := netip.MustParseAddrPort(addr)
	ip := ap.Addr().AsSlice()
	var host string
	for i := 0; i < len(ip); i += 4 {
		host += fmt.Sprintf("%08X", binary.NativeEndian.Uint32(ip[i:]))
	}
	return fmt.Sprintf("   0: %s:%04X 00000000:0000 %s 00000000:00000000 00:00000000 00000000  1000        0 %s 1 0000 100 0 0 10 0\n", host, ap.Port(), state, inode)
}

// TestListeningSocket checks which of several sockets is the reason why an address cannot
// be listened on. Another address with the same port is none, nor is a connection.
func TestListeningSocket(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	table := head +
		socketLine("127.0.0.1:8000", "01", "1") + // a connection
		socketLine("127.0.0.2:8000", "0A", "2") +
		socketLine("127.0.0.1:8000", "0A", "3") +
		socketLine("10.0.0.9:8000", "0A", "4") +
		socketLine("0.0.0.0:9000", "0A", "5")
	table6 := head +
		socketLine("[::1]:8000", "0A", "6") +
		socketLine("[::]:7000", "0A", "7") +
		socketLine("[::ffff:127.0.0.9]:8000", "0A", "8")
	for _, tc := range []struct{ listen, in, in6 string }{
		{"127.0.0.1:8000", "3", ""},
		{"127.0.0.2:8000", "2", ""},
		{"127.0.0.3:8000", "", ""},
		{"127.0.0.9:8000", "", "8"},
		{"10.0.0.9:8000", "4", ""},
		{"0.0.0.0:8000", "2", "8"},
		{":8000", "2", "6"},
		{"[::]:8000", "2", "6"},
		{"[::1]:8000", "", "6"},
		{"127.0.0.1:9000", "5", ""},
		{"[::1]:9000", "", ""},
		{"127.0.0.1:7000", "", "7"},
		{"127.0.0.1:8001", "", ""},
	} {
		addr, err := net.ResolveTCPAddr("tcp", tc.listen)
		if err != nil {
			t.Fatal(err)
		}
		if in, in6 := listeningSocket(table, addr), listeningSocket(table6, addr); in != tc.in || in6 != tc.in6 {
			t.Errorf("%s: socket %q and %q, want %q and %q", tc.listen, in, in6, tc.in, tc.in6)
		}
	}
	if got := listeningSocket("x\n 0: zz:1F90 0:0 0A 0 0 0 0 0 9\n 0: 01:1F90 0:0 0A 0 0 0 0 0 9\n", &net.TCPAddr{Port: 8000}); got != "" {
		t.Errorf("lines that are no sockets: %q", got)
	}
}
