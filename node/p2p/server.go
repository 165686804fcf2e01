package p2p

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/body"
	"github.com/lodepow/lode/node/internal/slots"
)

var errFull = gossip.Refusal{Reason: gossip.Busy, Message: "the node serves as many requests as it can: try again in a moment", RetryAfter: time.Second}

// Paths lists the paths that ServeHTTP serves.
func (n *Network) Paths() []string { return n.endpoints.paths() }

// ServeHTTP answers the requests of other nodes. If there are too many, it refuses
// a request before it reads the body.
func (n *Network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(now.Add(n.limits.ReadTimeout)) // an error: a recorder in a test has no deadlines
	_ = control.SetWriteDeadline(now.Add(n.limits.ReadTimeout + n.limits.WriteTimeout))
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")

	ep, kind, ok := n.endpoints.at(r.URL.Path)
	if !ok {
		n.sendRefusal(w, http.StatusNotFound, fmt.Errorf("there is nothing at %.80q", r.URL.Path))
		return
	}
	if r.Method != ep.method {
		header.Set("Allow", ep.method)
		n.sendRefusal(w, http.StatusMethodNotAllowed, fmt.Errorf("%s takes %s", ep.path, ep.method))
		return
	}
	_, hello := kind.(gossip.Hello)
	source := n.limiter.source(remoteAddr(r))
	if wait := source.allow(hello, n.now()); wait > 0 {
		header.Set("Connection", "close")
		n.sendRefusal(w, 0, gossip.Refusal{Reason: gossip.Busy, Message: "too many requests from one address", RetryAfter: wait})
		return
	}
	free := n.admit(r, source)
	if free == nil {
		header.Set("Connection", "close") // so that the server does not read the body
		n.sendRefusal(w, http.StatusServiceUnavailable, errFull)
		return
	}
	defer free()

	content, status, err := n.readRequest(w, r, ep)
	if err != nil {
		header.Set("Connection", "close") // so that the server does not read the body to its end
		n.sendRefusal(w, status, err)
		return
	}
	// If the deadline for reading passed while the answer is being made, the server
	// would cancel the request's context as if the client had left. So there is none
	// from here on.
	_ = control.SetReadDeadline(time.Time{})
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		n.sendRefusal(w, 0, errors.New("invalid query: want name=value, with & between parameters"))
		return
	}
	request, err := decodeRequest(ep, kind, query, content)
	if err == nil {
		err = gossip.CheckRequest(request)
	}
	if err != nil {
		n.sendRefusal(w, 0, err)
		return
	}
	n.answer(w, r, source, ep, request)
}

func remoteAddr(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap()
}

// readRequest reads the body. If it returns an error, status is the HTTP status to
// answer with.
func (n *Network) readRequest(w http.ResponseWriter, r *http.Request, ep endpoint) (content []byte, status int, err error) {
	if body.Compressed(r.Header) {
		return nil, http.StatusUnsupportedMediaType, errors.New("the body is compressed: send it as it is")
	}
	if ep.maxRequest > 0 {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != typeJSON {
			return nil, http.StatusUnsupportedMediaType, fmt.Errorf("content type %.60q, want %s", r.Header.Get("Content-Type"), typeJSON)
		}
	}
	if r.ContentLength > ep.maxRequest {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body has %d bytes, at most %d are read", r.ContentLength, ep.maxRequest)
	}
	var buf bytes.Buffer
	read, err := io.Copy(&buf, http.MaxBytesReader(w, r.Body, ep.maxRequest))
	n.traffic.received.Add(uint64(read))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", ep.maxRequest)
	case err != nil:
		return nil, http.StatusRequestTimeout, errors.New("the body did not arrive")
	}
	return buf.Bytes(), 0, nil
}

// answer answers a request that has passed all checks.
func (n *Network) answer(w http.ResponseWriter, r *http.Request, s *source, ep endpoint, request gossip.Request) {
	var a gossip.Answer
	var err error
	switch request := request.(type) {
	case gossip.Hello, gossip.Announce:
		a, err = n.ask(r, request)
	case gossip.GetAddresses:
		n.mu.Lock()
		a = n.machine.Addresses()
		n.mu.Unlock()
	case gossip.GetBlocks:
		n.sendBlocks(w, s, request)
		return
	default:
		a, err = gossip.Serve(n.chain, request)
	}
	if errors.Is(err, errBusy) {
		n.sendRefusal(w, http.StatusServiceUnavailable, errFull)
		return
	}
	if err != nil {
		n.sendRefusal(w, 0, err)
		return
	}
	content, err := encodeAnswer(a)
	if err != nil {
		n.log.Error("an answer to a peer cannot be written", "route", ep.path, "err", err)
		n.sendRefusal(w, http.StatusInternalServerError, errors.New("something went wrong inside the node"))
		return
	}
	w.Header().Set("Content-Type", ep.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	written, _ := w.Write(content) // an error means that the peer has left
	n.traffic.sent.Add(uint64(written))
}

var errBusy = errors.New("the state machine has too much to do")

// ask passes a request to the state machine and waits for the reply. It returns
// errBusy if the queue is full or the reply takes too long.
func (n *Network) ask(r *http.Request, request gossip.Request) (gossip.Answer, error) {
	in := gossip.Incoming{ID: n.newID(), From: remoteAddr(r), Request: request}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && ipOf(local) == in.From {
		in.From = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // another program of this machine
	}
	if text := r.Header.Get(SessionHeader); text != "" {
		if err := in.Session.UnmarshalText([]byte(text)); err != nil {
			return nil, err
		}
	}
	replies := make(chan gossip.Reply, 1)
	select {
	case n.asks <- ask{in, replies}:
	default:
		return nil, errBusy
	}
	timeout := time.NewTimer(n.limits.StepTimeout)
	defer timeout.Stop()
	select {
	case reply := <-replies:
		if reply.Refusal != nil {
			return nil, *reply.Refusal
		}
		return reply.Answer, nil
	case <-timeout.C:
		return nil, errBusy
	case <-n.stopped:
		return nil, errBusy
	case <-r.Context().Done():
		return nil, errBusy
	}
}

// sendBlocks writes blocks one at a time, in the form in which they are stored, so
// that only one is in memory. It ends where [gossip.Blocks] allows: before a block
// that this node does not have, or when the answer is long enough.
func (n *Network) sendBlocks(w http.ResponseWriter, s *source, request gossip.GetBlocks) {
	if !slots.TakeBoth(n.bodies, s.bodies) {
		n.sendRefusal(w, http.StatusServiceUnavailable, errFull)
		return
	}
	defer n.bodies.Free()
	defer s.bodies.Free()
	w.Header().Set("Content-Type", typeBinary)
	var length [binary.MaxVarintLen64]byte
	size := 0
	for i, hash := range request.Hashes {
		raw, err := n.chain.RawBlock(hash)
		if err != nil { // it is not there, or damaged; a peer need not know which
			return
		}
		if size += len(raw); size > gossip.BlocksBytes && i > 0 {
			return
		}
		prefix := binary.PutUvarint(length[:], uint64(len(raw)))
		if _, err := w.Write(length[:prefix]); err != nil {
			return
		}
		written, err := w.Write(raw)
		n.traffic.sent.Add(uint64(prefix + written))
		if err != nil {
			return // the peer has left
		}
	}
}
