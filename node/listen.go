package node

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/lodepow/lode/node/gossip"
)

// limitListener bounds the number of open connections, in all and from each IP
// address. It accepts a connection that is too many and closes it at once, because
// in the backlog of the system it would keep others waiting. When the bound of all
// connections is reached, it closes the one that has been idle between two requests
// for the longest time, if there is one, to make room.
//
// The bound for each IP address does not apply to loopback, since all clients of a proxy on
// this machine come from there.
type limitListener struct {
	net.Listener
	most, mostEach int

	mu      sync.Mutex
	conns   int                // open connections
	from    map[netip.Addr]int // open connections by address, where there are any
	idle    *list.List         // of *limitedConn, the one that is idle for the longest time first
	refused uint64             // connections closed at once, since the start
}

func newLimitListener(l net.Listener, most, mostEach int) *limitListener {
	return &limitListener{Listener: l, most: most, mostEach: mostEach, from: map[netip.Addr]int{}, idle: list.New()}
}

// stats returns how many connections are open, and how many have been refused
// since the start.
func (l *limitListener) stats() (open int, refused uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns, l.refused
}

// Accept implements [net.Listener].
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &limitedConn{Conn: conn, listener: l, from: sourceAddr(conn)}
		if l.add(c) {
			return c, nil
		}
		_ = conn.Close()
	}
}

// sourceAddr returns the address that a connection counts for.
func sourceAddr(c net.Conn) netip.Addr {
	addr, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip, _ := netip.AddrFromSlice(addr.IP)
	return gossip.SourceOf(ip)
}

// add counts a connection and returns true, or counts a refusal and returns false
// if there is no room for it.
func (l *limitListener) add(c *limitedConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.idle.Front()
	if !c.from.IsLoopback() && l.from[c.from] >= l.mostEach || l.conns >= l.most && oldest == nil {
		l.refused++
		return false
	}
	if l.conns >= l.most {
		old := oldest.Value.(*limitedConn)
		l.remove(old)
		defer func() { _ = old.Conn.Close() }()
	}
	l.conns++
	l.from[c.from]++
	return true
}

// remove no longer counts a connection. Later calls do nothing. The caller holds mu.
func (l *limitListener) remove(c *limitedConn) {
	if c.gone {
		return
	}
	c.gone = true
	l.setIdle(c, false)
	l.conns--
	if l.from[c.from]--; l.from[c.from] == 0 {
		delete(l.from, c.from)
	}
}

// setIdle adds a connection to the idle ones, or removes it from them. The caller
// holds mu.
func (l *limitListener) setIdle(c *limitedConn, idle bool) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
	if idle && !c.gone {
		c.idle = l.idle.PushBack(c)
	}
}

// onState is for [http.Server.ConnState]. It notes which connections are idle.
func (l *limitListener) onState(conn net.Conn, s http.ConnState) {
	c, ok := conn.(*limitedConn)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setIdle(c, s == http.StateIdle)
}

// limitedConn is a connection that a limitListener counts.
type limitedConn struct {
	net.Conn
	listener *limitListener
	from     netip.Addr

	// Guarded by the listener's mu.
	gone bool          // not counted any more
	idle *list.Element // in the listener's idle; nil if it is not idle
}

// Close implements [net.Conn].
func (c *limitedConn) Close() error {
	c.listener.mu.Lock()
	c.listener.remove(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
