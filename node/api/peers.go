package api

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

const maxRegistration = 8 << 10 // bytes

func (a *API) peerInfos() []gossip.PeerInfo {
	if a.peers == nil {
		return nil
	}
	return a.peers.Peers()
}

func (a *API) peerAddresses() []string {
	peers := a.peerInfos()
	addresses := make([]string, len(peers)) // not nil, which JSON would show as null
	for i, p := range peers {
		addresses[i] = p.Address.String()
	}
	return addresses
}

type peerJSON struct {
	Address   gossip.Address `json:"address"`
	Direction string         `json:"direction"` // "out" if this node chose the peer, else "in"
	Node      gossip.NodeID  `json:"node_id"`
	Height    int64          `json:"height"`
	Hash      pow.Hash       `json:"hash"`
	Chainwork pow.Work       `json:"chainwork"`
	Since     float64        `json:"since"` // when they connected, in seconds since 1970
	Seen      float64        `json:"seen"`  // when the peer was last heard from, likewise

	// Delay is the shortest time, in seconds, in which the peer has answered a call.
	Delay float64 `json:"delay_seconds,omitempty"`
}

func (a *API) getPeers(w *writer, r *http.Request) error {
	peers := a.peerInfos()
	list := make([]peerJSON, len(peers))
	for i, p := range peers {
		list[i] = peerJSON{
			p.Address, "in", p.Node, p.Tip.Height, p.Tip.Hash, p.Tip.Work, unixSeconds(p.Since), unixSeconds(p.Seen), p.Trip.Seconds(),
		}
		if p.Out {
			list[i].Direction = "out"
		}
	}
	a.sendJSON(w, r, http.StatusOK, list)
	return nil
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// syncJSON says how far the node is in catching up with its peers.
type syncJSON struct {
	Active    bool    `json:"active"`
	Height    int64   `json:"height,omitempty"`
	Target    int64   `json:"target,omitempty"` // the height that the peers claim to have
	PerSecond float64 `json:"blocks_per_second,omitempty"`
	Left      float64 `json:"seconds_left,omitempty"`
}

func (a *API) syncStatus() syncJSON {
	if a.peers == nil {
		return syncJSON{}
	}
	s := a.peers.Sync()
	if !s.Active {
		return syncJSON{}
	}
	perSecond, left := s.Progress(a.now())
	return syncJSON{true, s.Height, s.Target, perSecond, left.Seconds()}
}

// clockStatus returns nil if no peer has said its time.
func (a *API) clockStatus() *clockJSON {
	if a.peers == nil {
		return nil
	}
	c := a.peers.Clock()
	if c.Peers == 0 {
		return nil
	}
	return &clockJSON{c.Offset.Seconds(), c.Peers}
}

// registerNode serves the request by which the original's nodes introduce
// themselves: it takes the address of another node and answers as /chain does.
// Before that, it waits a moment for the connection, so that the answer lists the
// new peer if all is well.
func (a *API) registerNode(w *writer, r *http.Request) error {
	address, err := a.readRegistration(w, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), registerWait)
	defer cancel()
	if err := a.connect(ctx, r, address, true); err != nil {
		level := slog.LevelDebug // the connection may still be made
		var no gossip.NotNode
		if errors.As(err, &no) {
			level = slog.LevelInfo
		}
		a.log.Log(ctx, level, "a node that was registered is not connected yet", "peer", address, "err", err)
	}
	if r.Context().Err() != nil {
		return errGone
	}
	return a.sendChain(w, r, 0, math.MaxInt64)
}

// registerWith connects with another node and answers once each of the two is a peer of
// the other, so that both list each other. If a peer's chain has more work, it waits up to
// syncWait for this node's chain to catch up.
func (a *API) registerWith(w *writer, r *http.Request) error {
	address, err := a.readRegistration(w, r)
	if err != nil {
		return err
	}
	w.writeBy(time.Now().Add(joinWait + syncWait + a.limits.timeout))
	ctx, cancel := context.WithTimeout(r.Context(), joinWait)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	if err = a.connect(ctx, r, address, false); err == nil {
		err = a.connect(ctx, r, address, true) // it answered, so keep it
	}
	switch {
	case err == nil:
	case r.Context().Err() != nil:
		return errGone
	case a.closing.Err() != nil:
		return errShutdown
	case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded): // a call of the other node has a deadline of its own, which ends sooner
		return refuse(http.StatusGatewayTimeout, "%s did not connect with this node within %v: does it run, and does it reach this node at the address that --advertise gives?",
			address, joinWait)
	default:
		return refuse(http.StatusBadGateway, "not connected: %s", explainConnect(err))
	}
	a.waitForWork(r.Context())
	if r.Context().Err() != nil {
		return errGone
	}
	const text = "Registration successful"
	a.say(w, r, http.StatusOK, text, func() any { return messageJSON{text} })
	return nil
}

// connect connects the node with an address for a client. A client with the token, or
// on the node's machine, may name any address. The word of any other one counts as
// much as that of another node: otherwise anybody could have the node call any port in
// its own network, and learn from the answer what is there.
func (a *API) connect(ctx context.Context, r *http.Request, address gossip.Address, keep bool) error {
	if a.config.Token != "" || isLocal(r) { // allow has checked the token
		return a.peers.Connect(ctx, address, keep)
	}
	return a.peers.ConnectFor(ctx, clientIP(r.RemoteAddr), address, keep)
}

// isLocal reports whether a request comes from this machine, as far as can be seen. It
// does not if a proxy on this machine says that it has passed the request on.
func isLocal(r *http.Request) bool {
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "Via"} {
		if len(r.Header[header]) > 0 {
			return false
		}
	}
	from := clientIP(r.RemoteAddr)
	return from.IsLoopback() || from.IsValid() && from == localIP(r)
}

func clientIP(hostPort string) netip.Addr {
	from, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap().WithZone("")
}

// localIP returns the address of this machine at which a request has arrived.
func localIP(r *http.Request) netip.Addr {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	return clientIP(addr.String())
}

// waitForWork waits until no peer claims more work than this node's chain has, but
// at most syncWait.
func (a *API) waitForWork(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ours, behind := a.chain.Tip().Work, false
		for _, p := range a.peerInfos() {
			behind = behind || ours.Cmp(p.Tip.Work) < 0
		}
		if !behind {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-a.closing.Done():
			return
		case <-tick.C:
		}
	}
}

// readRegistration reads a body such as {"node_address": "http://host:port"}.
func (a *API) readRegistration(w *writer, r *http.Request) (gossip.Address, error) {
	body := a.buffer()
	defer a.release(body)
	if err := readJSON(w, r, body, maxRegistration, reasonOversize); err != nil {
		return "", err
	}
	address, err := parseRegistration(body.Bytes())
	if err != nil {
		return "", err
	}
	if a.peers == nil {
		return "", withReason(refuse(http.StatusServiceUnavailable, "this node connects with no others"), reasonNoPeers)
	}
	// No deadline for reading during the wait that follows, as in mine.
	w.readBy(time.Time{})
	return address, nil
}
