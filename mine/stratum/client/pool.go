package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Schemes of pools' addresses.
const (
	SchemeTCP = "stratum+tcp"
	SchemeTLS = "stratum+ssl"
)

// Pool is the address of a pool, and the worker that it knows.
type Pool struct {
	Host string // name or address
	Port int
	TLS  bool

	User, Password string
}

// ParsePool reads an address: stratum+tcp://host:port, or stratum+ssl for a connection
// with TLS. It may contain the worker's name and password, as user:password@ before the
// host.
func ParsePool(address string) (Pool, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The error of package url repeats parts of the address, which may be those of a
		// password.
		return Pool{}, errors.New("address of a pool cannot be read: want stratum+tcp://host:port; write special characters of a password as %xx, or give it with --password")
	}
	var p Pool
	switch u.Scheme {
	case SchemeTCP:
	case SchemeTLS, "stratum+tls":
		p.TLS = true
	default:
		return Pool{}, fmt.Errorf("address of a pool: scheme is %q, want %s or %s", u.Scheme, SchemeTCP, SchemeTLS)
	}
	if u.Host == "" || u.Hostname() == "" {
		return Pool{}, fmt.Errorf("address of a pool has no host: want %s://host:port", u.Scheme)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return Pool{}, fmt.Errorf("address of a pool has something after the port: want %s://host:port; write special characters of a password as %%xx, or give it with --password", u.Scheme)
	}
	if u.Port() == "" {
		return Pool{}, fmt.Errorf("address of a pool has no port: want %s://%s:3333, or whatever port the pool names", u.Scheme, u.Host)
	}
	p.Port, err = strconv.Atoi(u.Port())
	if err != nil || p.Port < 1 || p.Port > 65535 {
		return Pool{}, fmt.Errorf("address of a pool: port is %s, want 1 to 65535", u.Port())
	}
	p.Host = u.Hostname()
	if u.User != nil {
		p.User = u.User.Username()
		p.Password, _ = u.User.Password()
	}
	return p, nil
}

// Address returns host and port, to dial.
func (p Pool) Address() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// String returns the address without the worker's name and password.
func (p Pool) String() string {
	scheme := SchemeTCP
	if p.TLS {
		scheme = SchemeTLS
	}
	return scheme + "://" + p.Address()
}

// redirect returns the pool that a client.reconnect names. ok is false if it is on
// another host: otherwise somebody who can write into the connection could steal the work.
func (p Pool) redirect(host string, port int) (_ Pool, ok bool) {
	if host != "" && !strings.EqualFold(host, p.Host) {
		return p, false
	}
	if port != 0 {
		p.Port = port
	}
	return p, true
}
