package node

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/lodepow/lode/node/gossip"
)

// limitListener bounds the connections, in all and from one IP address, and
// closes those that are too many at once: in the backlog of the system they
// would hold up the others. This machine's own addresses are bounded in all
// alone, since a proxy's clients all come from there.
//
// When all are taken, one that is idle between two requests makes room.
type limitListener struct {
	net.Listener
	most, mostEach int

	mu    sync.Mutex
	conns int
	from  map[netip.Addr]int
	idle  *list.List // of *limitedConn, the longest idle first

	refused uint64
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

func sourceAddr(c net.Conn) netip.Addr {
	addr, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip, _ := netip.AddrFromSlice(addr.IP)
	return gossip.SourceOf(ip)
}

func (l *limitListener) add(c *limitedConn) (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() {
		if !ok {
			l.refused++
		}
	}()
	if !c.from.IsLoopback() && l.from[c.from] >= l.mostEach {
		return false
	}
	if l.conns >= l.most {
		oldest := l.idle.Front()
		if oldest == nil {
			return false
		}
		old := oldest.Value.(*limitedConn)
		l.remove(old)
		defer func() { _ = old.Conn.Close() }()
	}
	l.conns++
	l.from[c.from]++
	return true
}

// remove takes a connection out of the count. The caller holds mu.
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

func (l *limitListener) setIdle(c *limitedConn, idle bool) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
	if idle && !c.gone {
		c.idle = l.idle.PushBack(c)
	}
}

// onState is for [http.Server.ConnState].
func (l *limitListener) onState(conn net.Conn, s http.ConnState) {
	c, ok := conn.(*limitedConn)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setIdle(c, s == http.StateIdle)
}

// limitedConn is one that is counted.
type limitedConn struct {
	net.Conn
	listener *limitListener
	from     netip.Addr

	// Guarded by the listener's mu.
	gone bool
	idle *list.Element
}

// Close implements [net.Conn].
func (c *limitedConn) Close() error {
	c.listener.mu.Lock()
	c.listener.remove(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
