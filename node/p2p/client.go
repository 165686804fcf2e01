package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
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

// send sends a request and returns the answer. The request's timeout covers the
// whole of it, from the lookup of the host name to the last byte of the body.
func (c *client) send(ctx context.Context, s gossip.Send) (gossip.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	ep := c.endpoints.of(s.Request)
	start := time.Now()
	a, err := c.exchange(ctx, ep, s)
	c.tell(Sent{Route: ep.path, Result: resultOf(err), Took: time.Since(start)})
	if err != nil {
		return nil, err
	}
	return a, nil
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
	return c.endpoints.decodeAnswer(s.Request, answer)
}

// read returns the body of an answer, or the error that the answer reports.
func (c *client) read(ctx context.Context, resp *http.Response, ep endpoint) ([]byte, error) {
	if body.Compressed(resp.Header) {
		return nil, malformed(fmt.Errorf("the answer is compressed: %.40q", strings.Join(resp.Header["Content-Encoding"], ", ")))
	}
	if resp.StatusCode != http.StatusOK {
		// The answer may come from a proxy in front of the node, so one that is not
		// a refusal of the protocol does not count as the node's fault.
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusalBytes))
		c.traffic.received.Add(uint64(len(text)))
		if err != nil {
			return nil, err
		}
		return nil, decodeRefusal(resp, text)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != ep.kind {
		return nil, malformed(fmt.Errorf("content type %.60q, want %s", resp.Header.Get("Content-Type"), ep.kind))
	}
	return c.readBody(ctx, resp, ep.maxAnswer)
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
