package p2p

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/body"
)

// client sends requests to other nodes.
type client struct {
	http      *http.Client
	endpoints endpoints
	traffic   *traffic
	tell      func(Sent)          // of every request that has ended
	memory    *semaphore.Weighted // bytes of the answers longer than freeBytes that are arriving
}

// These bound the memory of answers that are arriving, so that peers cannot use it
// up by sending long answers slowly. Answers of at most freeBytes do not count and
// never wait.
const (
	answersBytes   = 32 << 20 // in all, if longestAnswers do not need more
	longestAnswers = 4        // how many of the longest possible answers always have room
	freeBytes      = 64 << 10
)

func newClient(g guard, e endpoints, t *traffic, tell func(Sent)) *client {
	return &client{
		http: &http.Client{
			Transport:     newTransport(g),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		endpoints: e,
		traffic:   t,
		tell:      tell,
		memory:    semaphore.NewWeighted(max(answersBytes, longestAnswers*(gossip.BlocksBytes+e.maxBlock))),
	}
}

// send sends a request and returns the outcome. The request's timeout covers the
// whole of it, from the lookup of the host name to the last byte of the body.
func (c *client) send(ctx context.Context, s gossip.Send) gossip.Answered {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	outcome := gossip.Answered{ID: s.ID}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			outcome.From = otherEnd(info.Conn.RemoteAddr(), info.Conn.LocalAddr())
		},
	})
	ep := c.endpoints.of(s.Request)
	start := time.Now()
	a, err := c.exchange(ctx, ep, s)
	c.tell(Sent{Route: ep.path, Result: resultOf(err), Took: time.Since(start)})
	if err != nil {
		outcome.Err = err
		return outcome
	}
	outcome.Answer = a
	return outcome
}

// otherEnd returns the IP address at the other end of a connection. If that is this
// machine itself, it returns the loopback, by whichever address the two ends are
// connected.
func otherEnd(remote, local net.Addr) netip.Addr {
	there, here := ipOf(remote), ipOf(local)
	if there.IsValid() && there == here {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return there
}

func ipOf(a net.Addr) netip.Addr {
	if a == nil {
		return netip.Addr{}
	}
	parsed, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return parsed.Addr().Unmap().WithZone("")
}

func (c *client) exchange(ctx context.Context, ep endpoint, s gossip.Send) (gossip.Answer, error) {
	query, content, err := encodeRequest(s.Request)
	if err != nil {
		return nil, err
	}
	target := string(s.To) + ep.path
	if query != "" {
		target += "?" + query
	}
	var reader io.Reader
	if content != nil {
		reader = bytes.NewReader(content)
	}
	if _, err := netip.ParseAddr(s.To.Host()); err != nil && s.Heard { // a name: the state machine has judged all others
		ctx = context.WithValue(ctx, heardKey{}, true)
	}
	req, err := http.NewRequestWithContext(ctx, ep.method, target, reader)
	if err != nil {
		return nil, err
	}
	if content != nil {
		req.Header.Set("Content-Type", typeJSON)
	}
	req.Header.Set("User-Agent", "lode")
	req.Header.Set("Accept", ep.kind)
	if s.Session != (gossip.Session{}) {
		req.Header.Set(SessionHeader, s.Session.String())
	}
	// All requests are idempotent. A nil Idempotency-Key is not sent, but tells the
	// transport that it may repeat a request if the peer closes the connection
	// just as the request is sent; see http.Transport.
	req.Header["Idempotency-Key"] = nil

	resp, err := c.http.Do(req)
	if err != nil {
		var why *url.Error
		if errors.As(err, &why) {
			err = why.Err // leave out the method and the URL, which the caller knows
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	c.traffic.sent.Add(uint64(len(content)))
	answer, err := c.read(ctx, resp, ep)
	if err != nil {
		return nil, err
	}
	a, err := c.endpoints.decodeAnswer(s.Request, answer)
	return a, excuse(resp, s.Request, answer, err)
}

// read returns the body of an answer, or the error that the answer reports. Only what
// has the right status and type comes from a node for certain. Everything else may
// come from a proxy or a captive portal on the way to the node, or from a web server,
// so it is not a fault of the node.
func (c *client) read(ctx context.Context, resp *http.Response, ep endpoint) ([]byte, error) {
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusalBytes))
		c.traffic.received.Add(uint64(len(text)))
		if err != nil {
			return nil, err
		}
		return nil, decodeRefusal(resp, text)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != ep.kind {
		return nil, notNode("answered 200 OK with %s, want %s: a web server, a proxy or a login page may be in the place of the node", typeOf(resp), ep.kind)
	}
	if body.Compressed(resp.Header) {
		return nil, fmt.Errorf("the answer is compressed (%.40q): a proxy in front of the node must pass answers on as they are", strings.Join(resp.Header["Content-Encoding"], ", "))
	}
	return c.readBody(ctx, resp, ep.maxAnswer)
}

// excuse returns the error of an answer that could not be decoded. It is no fault of
// the node if the answer may have been cut off on the way, which cannot be seen if
// only the end of the connection ends it; or if the answer to a greeting lacks all
// that makes it one, since any web server may answer with some JSON.
func excuse(resp *http.Response, r gossip.Request, answer []byte, err error) error {
	var f gossip.Fault
	if !errors.As(err, &f) || f.Reason != gossip.FaultMalformed {
		return err
	}
	if resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 {
		return fmt.Errorf("the answer may have been cut off, perhaps by a proxy: %s", f.Detail)
	}
	if _, hello := r.(gossip.Hello); hello && !looksLikeGreeting(answer) {
		return notNode("answered 200 OK with something other than a greeting" + isNodeThere)
	}
	return err
}

// looksLikeGreeting reports whether a body is a JSON object that has one of the fields
// by which a greeting is known.
func looksLikeGreeting(body []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return false
	}
	for _, name := range []string{"network_id", "node_id"} {
		if _, ok := fields[name]; ok {
			return true
		}
	}
	return false
}

func notNode(format string, args ...any) error {
	return gossip.NotNode{What: fmt.Sprintf(format, args...)}
}

// typeOf describes the content type of an answer for people.
func typeOf(resp *http.Response) string {
	text := resp.Header.Get("Content-Type")
	switch kind, _, _ := mime.ParseMediaType(text); kind {
	case "":
		return "no content type"
	case "text/html":
		return "a web page (text/html)"
	}
	return fmt.Sprintf("content type %.60q", text)
}

// readBody reads a body of at most most bytes. The memory grows with what has
// arrived, so a peer takes none by merely announcing a long body. Beyond freeBytes
// it waits until other answers leave room.
func (c *client) readBody(ctx context.Context, resp *http.Response, most int64) ([]byte, error) {
	if resp.ContentLength > most {
		return nil, oversize("%d bytes, at most %d", resp.ContentLength, most)
	}
	var taken int64
	defer func() { c.memory.Release(taken) }()
	received := make([]byte, 0, 8<<10)
	for {
		n, err := resp.Body.Read(received[len(received):cap(received)])
		received = received[:len(received)+n]
		c.traffic.received.Add(uint64(n))
		switch {
		case int64(len(received)) > most:
			return nil, oversize("more than %d bytes", most)
		case errors.Is(err, io.EOF):
			return received, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("the answer was cut off after %d bytes", len(received))
		case err != nil:
			return nil, err
		}
		if len(received) < cap(received) {
			continue
		}
		size := min(2*int64(cap(received)), most+1)
		if size > freeBytes {
			if err := c.memory.Acquire(ctx, size-taken); err != nil {
				return nil, fmt.Errorf("waiting for memory that other answers use: %w", err)
			}
			taken = size
		}
		received = append(make([]byte, 0, size), received...)
	}
}

// close closes the idle connections.
func (c *client) close() { c.http.CloseIdleConnections() }
