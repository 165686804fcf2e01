package node

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// networksOf returns the networks that an IP address belongs to, the widest first:
// /16, /24 and the address itself, or /32, /48 and /64 for IPv6. An attacker who has
// many addresses most often has them in few of these.
func networksOf(ip netip.Addr) (all [3]netip.Addr) {
	source := gossip.SourceOf(ip)
	bits := [2]int{16, 24}
	if source.Is6() {
		bits = [2]int{32, 48}
	}
	for i, n := range bits {
		if prefix, err := source.Prefix(n); err == nil {
			all[i] = prefix.Addr()
		}
	}
	all[2] = source
	return all
}

// groupKey names a network: its address and its place in what networksOf returns.
type groupKey struct {
	level   int
	network netip.Addr
}

// group counts the connections from a network.
type group struct {
	key   groupKey
	conns int // open connections, and the one that is being accepted

	candidates int // only largest uses it
}

// join counts a connection in its groups. The caller holds mu.
func (l *limitListener) join(c *limitedConn) {
	for level, network := range networksOf(l.source(c.Conn)) {
		key := groupKey{level, network}
		g := l.groups[key]
		if g == nil {
			g = &group{key: key}
			l.groups[key] = g
		}
		g.conns++
		c.groups[level] = g
	}
}

// leave no longer counts a connection in its groups. The caller holds mu.
func (l *limitListener) leave(c *limitedConn) {
	for _, g := range c.groups {
		if g.conns--; g.conns == 0 {
			delete(l.groups, g.key)
		}
	}
}

// victim returns the connection to close so that a new one finds room, or nil if the
// new one is to be refused. A nil newcomer stands for a connection of which nothing
// is known. The caller holds mu.
//
// If the node has waited for some clients for longer than patience, the victim is one
// of those: of the largest network among them, the one that it has waited for the
// longest. So clients that send slowly, or hold idle connections, lose them first, and
// among such clients the one with the most connections loses one first.
//
// Otherwise nobody is slow, and the networks share the places: the victim is of the
// network with the most connections, unless the newcomer belongs to such a network
// itself. There it is the one that the node waits for, and if it waits for none, the
// one whose request came last, which has the least to lose. A network that has no
// more than its equal share therefore loses no connection that is in use.
func (l *limitListener) victim(newcomer *limitedConn) *limitedConn {
	if conn := l.slowestStalled(func(*limitedConn) bool { return true }); conn != nil {
		return conn
	}
	all := l.candidates()
	if newcomer != nil {
		all = append(all, candidate{conn: newcomer})
	}
	all = largest(all)
	if len(all) < 2 || slices.ContainsFunc(all, func(c candidate) bool { return c.conn == newcomer }) {
		return nil
	}
	latest := all[0]
	for _, c := range all {
		if c.since.After(latest.since) {
			latest = c
		}
	}
	if waiting := slices.DeleteFunc(all, func(c candidate) bool { return !c.waiting }); len(waiting) > 0 {
		return slowest(waiting).conn
	}
	return latest.conn
}

// slowestOf returns the connection from a source that the node has waited for the
// longest, if that is longer than patience, and else nil. The caller holds mu.
func (l *limitListener) slowestOf(source *group) *limitedConn {
	return l.slowestStalled(func(c *limitedConn) bool { return c.source() == source })
}

// slowestStalled returns, of the stalled connections for which ok returns true, the one
// of the largest network that the node has waited for the longest, and nil if there is
// none. The caller holds mu.
//
// The next request of an idle connection may have arrived although the node, which
// has much else to do, has not read it yet, perhaps for many seconds. Then the node does
// not wait for the client, and another connection is chosen. Otherwise clients would lose
// requests that the node is too busy to read.
func (l *limitListener) slowestStalled(ok func(*limitedConn) bool) *limitedConn {
	for {
		stalled := l.stalled(ok)
		if len(stalled) == 0 {
			return nil
		}
		conn := slowest(largest(stalled)).conn
		if !conn.wait.isIdle() || !l.hasUnread(conn.Conn) {
			return conn
		}
		conn.wait.forgive(l.now()) // it is no longer stalled, so the loop ends
	}
}

// candidate is a connection that may be closed to make room for another.
type candidate struct {
	conn    *limitedConn
	waiting bool          // the node waits for the client
	waited  time.Duration // for how long, where it does
	since   time.Time     // when the node began to work on the request, where it does not
}

// candidates returns all connections, with room for one more. The next call overwrites
// what it returns: a list of its own for each connection that comes would fill the memory
// of a node that is flooded. The caller holds mu.
func (l *limitListener) candidates() []candidate {
	now := l.now()
	clear(l.scratch[:cap(l.scratch)]) // do not keep connections of the last call that are closed
	all := slices.Grow(l.scratch[:0], len(l.conns)+1)
	l.scratch = all
	for _, conn := range l.conns {
		c := candidate{conn: conn}
		c.waiting, c.waited, c.since = conn.wait.state(now)
		all = append(all, c)
	}
	return all
}

// stalled returns those connections for whose clients the node has waited for longer
// than patience and for which ok returns true. The caller holds mu.
func (l *limitListener) stalled(ok func(*limitedConn) bool) []candidate {
	return slices.DeleteFunc(l.candidates(), func(c candidate) bool {
		return !c.waiting || c.waited <= patience || !ok(c.conn)
	})
}

// largest returns the candidates of the largest network: of the widest networks the
// one with the most candidates, of the networks in it the one with the most, and so
// on. Where several are equally large, it returns the candidates of all of them. It
// overwrites all.
func largest(all []candidate) []candidate {
	for level := range len(all[0].conn.groups) {
		for _, c := range all {
			c.conn.groups[level].candidates = 0
		}
		most := 0
		for _, c := range all {
			g := c.conn.groups[level]
			g.candidates++
			most = max(most, g.candidates)
		}
		all = slices.DeleteFunc(all, func(c candidate) bool { return c.conn.groups[level].candidates < most })
	}
	return all
}

// slowest returns the candidate that the node has waited for the longest.
func slowest(all []candidate) candidate {
	return slices.MaxFunc(all, func(a, b candidate) int { return cmp.Compare(a.waited, b.waited) })
}
