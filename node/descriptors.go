package node

import "fmt"

// Of the file descriptors that the process may have, some are kept for the store and
// other files, and for the connections that the node makes itself: a quarter of
// them, within these bounds. The upper one is enough for all requests that the node
// makes of others at once (p2p.Limits.Sends), and its idle connections.
const (
	leastReserve = 32
	mostReserve  = 672

	leastConnections = 16 // a node that could have fewer does not start
)

// connectionsWithin returns how many connections a node may accept that wants to
// accept a number of them and may have limit descriptors. A limit of 0 is unknown.
func connectionsWithin(limit, wanted int) (int, error) {
	if limit <= 0 {
		return wanted, nil
	}
	room := limit - min(max(limit/4, leastReserve), mostReserve)
	if room < min(wanted, leastConnections) {
		return 0, fmt.Errorf("the process may have only %d files open, and a node needs %d: raise the limit (ulimit -n, LimitNOFILE)",
			limit, leastReserve+leastConnections)
	}
	return min(wanted, room), nil
}
