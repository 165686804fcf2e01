package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/lodepow/lode/node/gossip"
)

// client sends requests to other nodes.
type client struct {
	http      *http.Client
	endpoints endpoints
	traffic   *traffic
	tell      func(Sent)          // of every request that has ended
	memory    *semaphore.Weighted // of answers under way, beyond freeBytes each
}

// What answers may take while they arrive, whoever sends them how slowly. Short
// ones need not wait for long ones.
const (
	answersBytes   = 32 << 20
	longestAnswers = 4 // for so many of the longest there is room in any case
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

// send does what the state machine wants. The timeout bounds all of it: the
// lookup of the name, the connection, the header, and the last byte of the body.
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
	query, body, err := encodeRequest(s.Request)
	if err != nil {
		return nil, err
	}
	target := string(s.To) + ep.path
	if query != "" {
		target += "?" + query
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, ep.method, target, reader)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", typeJSON)
	}
	req.Header.Set("User-Agent", "lode")
	req.Header.Set("Accept", ep.kind)
	if s.Session != (gossip.Session{}) {
		req.Header.Set(SessionHeader, s.Session.String())
	}
	// All requests may come twice, so the transport may repeat one whose
	// connection the peer has closed in that moment. This header is not sent.
	req.Header["Idempotency-Key"] = nil

	resp, err := c.http.Do(req)
	if err != nil {
		var why *url.Error
		if errors.As(err, &why) {
			err = why.Err // without the method and the URL, which are known
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	c.traffic.sent.Add(uint64(len(body)))
	answer, err := c.read(ctx, resp, ep)
	if err != nil {
		return nil, err
	}
	return c.endpoints.decodeAnswer(s.Request, answer)
}

// read reads the body of an answer, and the error that it is.
func (c *client) read(ctx context.Context, resp *http.Response, ep endpoint) ([]byte, error) {
	if codings := resp.Header.Values("Content-Encoding"); len(codings) > 0 && (len(codings) > 1 || !strings.EqualFold(codings[0], "identity")) {
		return nil, malformed(fmt.Errorf("the answer is compressed: %.40q", strings.Join(codings, ", ")))
	}
	if resp.StatusCode != http.StatusOK {
		// A proxy before the node may say whatever it likes, and that is no fault.
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusalBytes))
		c.traffic.received.Add(uint64(len(body)))
		if err != nil {
			return nil, err
		}
		return nil, decodeRefusal(resp, body)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != ep.kind {
		return nil, malformed(fmt.Errorf("content type %.60q, want %s", resp.Header.Get("Content-Type"), ep.kind))
	}
	return c.readBody(ctx, resp, ep.maxAnswer)
}

// readBody reads a body into memory that grows with it: what is only announced
// takes none.
func (c *client) readBody(ctx context.Context, resp *http.Response, most int64) ([]byte, error) {
	if resp.ContentLength > most {
		return nil, oversize("%d bytes, at most %d", resp.ContentLength, most)
	}
	var taken int64
	defer func() { c.memory.Release(taken) }()
	body := make([]byte, 0, 8<<10)
	for {
		n, err := resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		c.traffic.received.Add(uint64(n))
		switch {
		case int64(len(body)) > most:
			return nil, oversize("more than %d bytes", most)
		case errors.Is(err, io.EOF):
			return body, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("the answer was cut off after %d bytes", len(body))
		case err != nil:
			return nil, err
		}
		if len(body) < cap(body) {
			continue
		}
		size := min(2*int64(cap(body)), most+1)
		if size > freeBytes {
			if err := c.memory.Acquire(ctx, size-taken); err != nil {
				return nil, fmt.Errorf("other answers take all the memory for them: %w", err)
			}
			taken = size
		}
		body = append(make([]byte, 0, size), body...)
	}
}

// close gives up the connections that are idle.
func (c *client) close() { c.http.CloseIdleConnections() }
