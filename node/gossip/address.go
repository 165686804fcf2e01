package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Address is the address of a node: http://host:port or https://host:port, in lower
// case and with nothing after the port. [ParseAddress] returns one.
type Address string

// maxAddress is the greatest length of an address in bytes.
const maxAddress = 280

// ParseAddress reads an address as people and other programs write it. The default
// of the scheme is http, and that of the port is the scheme's. Slashes at the end
// are dropped; anything else after the port is an error.
func ParseAddress(s string) (Address, error) {
	if len(s) > maxAddress {
		return "", fmt.Errorf("address has %d characters, at most %d", len(s), maxAddress)
	}
	text := strings.TrimRight(strings.TrimSpace(s), "/")
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", badAddress(s, "it cannot be read as a URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", badAddress(s, "not scheme %s", u.Scheme)
	case u.User != nil:
		return "", badAddress(s, "without a user name")
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "":
		return "", badAddress(s, "nothing may follow the port")
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			return "", badAddress(s, "the port is missing")
		}
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", badAddress(s, "port %.20s: want 1 to 65535", port)
	}
	if host, err = parseHost(host); err != nil {
		return "", badAddress(s, "%v", err)
	}
	return Address(u.Scheme + "://" + host + ":" + strconv.FormatUint(number, 10)), nil
}

func badAddress(s, format string, args ...any) error {
	return fmt.Errorf("address %.60q: want http://host:port, %s", s, fmt.Sprintf(format, args...))
}

// parseHost returns an IP address in its canonical form, and a name unchanged.
func parseHost(host string) (string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "", errors.New("the host has a zone")
		}
		if ip = ip.Unmap(); ip.Is6() {
			return "[" + ip.String() + "]", nil
		}
		return ip.String(), nil
	}
	if host == "" || len(host) > 253 {
		return "", errors.New("the host is missing or too long")
	}
	letters := false
	for _, c := range []byte(host) {
		letter := c >= 'a' && c <= 'z'
		letters = letters || letter
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return "", fmt.Errorf("the host has the character %q", c)
		}
	}
	if !letters { // an old notation of an IPv4 address, such as 127.1
		return "", errors.New("the host is neither a name nor an IP address")
	}
	return host, nil
}

// String returns the address.
func (a Address) String() string { return string(a) }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseAddress].
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := ParseAddress(string(text))
	if err == nil {
		*a = parsed
	}
	return err
}

// Host returns the host. An IPv6 address has no brackets.
func (a Address) Host() string {
	_, rest, _ := strings.Cut(string(a), "://")
	host := rest[:max(0, strings.LastIndexByte(rest, ':'))]
	return strings.Trim(host, "[]")
}

// SourceOf returns the IP address by which requests are counted: that of the /64
// network for an IPv6 address, since one host usually has a whole /64 network, and
// the address itself otherwise.
func SourceOf(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() && !ip.IsLoopback() {
		if prefix, err := ip.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return ip
}
