package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listenerOn returns the name and the id of the process because of which nobody else can
// listen on an address, or "" if the system does not tell. Linux tells it of the user's
// own processes.
func listenerOn(listen string) string {
	addr, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return ""
	}
	inode := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table) // there is none on other systems
		if inode = listeningSocket(string(text), addr); inode != "" {
			break
		}
	}
	if inode == "" {
		return ""
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == "socket:["+inode+"]" {
			pid := strings.Split(link, "/")[2]
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return ""
}

// listeningSocket returns the inode of the socket in a table such as /proc/net/tcp that
// listens on the port of an address, and on the address itself or on one that includes it
// or is included in it. It returns "" if there is none.
func listeningSocket(table string, addr *net.TCPAddr) string {
	want, _ := netip.AddrFromSlice(addr.IP) // the zero Addr, for all addresses, if there is no IP
	for line := range strings.Lines(table) {
		const listening = "0A"
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != listening {
			continue
		}
		ip, port, ok := parseSocket(f[1])
		if ok && port == addr.Port && conflict(want.Unmap(), ip.Unmap()) {
			return f[9]
		}
	}
	return ""
}

// parseSocket parses an address and a port of /proc/net/tcp, such as 0100007F:1F90. The
// address consists of words of 32 bits in the byte order of the machine.
func parseSocket(s string) (ip netip.Addr, port int, ok bool) {
	host, digits, _ := strings.Cut(s, ":")
	number, err := strconv.ParseUint(digits, 16, 16)
	words, errHex := hex.DecodeString(host)
	if err != nil || errHex != nil || len(words)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	for i := 0; i < len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	ip, ok = netip.AddrFromSlice(words)
	return ip, int(number), ok
}

// conflict reports whether listening on an address fails because something listens on
// taken already, with the same port. The zero Addr and :: stand for all addresses of both
// families.
func conflict(want, taken netip.Addr) bool {
	all := func(a netip.Addr) bool { return !a.IsValid() || a == netip.IPv6Unspecified() }
	switch {
	case all(want), all(taken):
		return true
	case want.IsUnspecified(), taken.IsUnspecified(): // 0.0.0.0
		return want.Is4() == taken.Is4()
	}
	return want == taken
}
