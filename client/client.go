package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// Config says which node to call, and how. Only URL is required.
type Config struct {
	URL   string // of the node, such as http://127.0.0.1:8000; a path in it is kept
	Token string // sent with every call; "": none

	// Transport sends the requests. nil: one with connections of its own, which
	// Close closes.
	Transport http.RoundTripper

	// Timeout bounds each try of a call, and in a long answer each wait for its next
	// bytes. 0: 30 s. Two calls may take longer, because the node waits before it
	// answers: Mine takes up to 16 minutes, and Register up to 30 s.
	Timeout time.Duration

	// Retries is how often a call is tried again. 0: 4; negative: never.
	Retries int

	// Outage is how long an event stream goes on trying to connect again. 0: 10
	// minutes.
	Outage time.Duration
}

const (
	defaultTimeout = 30 * time.Second
	defaultRetries = 4
	defaultOutage  = 10 * time.Minute

	// maxAnswer is the number of bytes that an answer, or one item of a streamed
	// answer, may have. The largest is a block of a network with the largest blocks
	// that rules allow (32 MiB), as JSON.
	maxAnswer = 2*32<<20 + 64<<10

	// maxRefusal is the number of bytes that are read of a refusal.
	maxRefusal = 64 << 10

	// A wait before another try begins at leastWait and doubles with each try, up to
	// mostWait. A random part of it, up to a half, is left out, so that clients that
	// failed at the same moment do not come back at the same moment.
	leastWait = 100 * time.Millisecond
	mostWait  = 10 * time.Second

	// maxRetryAfter is the longest wait named by a node that a call observes. If the
	// node names a longer one, the call returns the refusal at once.
	maxRetryAfter = 30 * time.Second

	// blockWait bounds calls that wait for a block. The node answers after 15 minutes
	// at the latest.
	blockWait = 16 * time.Minute

	// registerWait bounds calls that wait for another node, unless Config.Timeout is longer.
	// The node gives up after 10 s, or catches up with the other one for some seconds more.
	registerWait = 30 * time.Second
)

// Client calls one node. It is safe for use by several goroutines. Make one with [New].
type Client struct {
	base    *url.URL
	token   string
	http    *http.Client
	own     *http.Transport // not nil: to be closed by Close
	timeout time.Duration
	retries int
	outage  time.Duration
	most    int64 // bytes of an answer, or of an item of one: maxAnswer

	wait func(context.Context, time.Duration) error // sleeps; tests replace it
	now  func() time.Time
}

// New returns a client of the node at c.URL. It does not call the node.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("client: URL %q: want one such as http://127.0.0.1:8000", c.URL)
	}
	if strings.ContainsAny(c.Token, "\r\n") {
		return nil, errors.New("client: the token has a line break in it")
	}
	client := &Client{
		base: base, token: c.Token,
		timeout: cmp.Or(c.Timeout, defaultTimeout), retries: max(0, cmp.Or(c.Retries, defaultRetries)), outage: cmp.Or(c.Outage, defaultOutage),
		most: maxAnswer, wait: sleep, now: time.Now,
	}
	transport := c.Transport
	if transport == nil {
		client.own = &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true,
			DisableCompression: true, // the bounds count what is received
		}
		transport = client.own
	}
	client.http = &http.Client{
		Transport: transport,
		// A node does not redirect. What does is not the node, and must not get the
		// post or the token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client, nil
}

// Close closes the connections that no call is using. The client can still be used.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call is one call of the API.
type call struct {
	method string
	path   string     // segments that are joined to the URL, already escaped
	query  url.Values // nil: none
	body   []byte     // JSON; nil: none
	header http.Header

	wait time.Duration // how long a try may take; 0: Client.timeout

	// once is set if a repeated call could do something twice. It is then repeated only if the
	// node cannot have begun it: it was not reached, or it answered 503.
	once bool
}

// do sends the request, again if necessary, and decodes the answer into v, which may
// be nil. It returns the status of the answer.
func (c *Client) do(ctx context.Context, k call, v any) (status int, err error) {
	err = c.repeat(ctx, k.once, func() error {
		wait := cmp.Or(k.wait, c.timeout)
		ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("the node did not answer within %v", wait))
		defer cancel()
		resp, err := c.send(ctx, k)
		if err != nil {
			return err
		}
		defer closeBody(resp)
		text, err := readAll(resp.Body, c.most)
		if err != nil {
			return fmt.Errorf("%s /%s: %w", k.method, k.path, unread(ctx, err))
		}
		status = resp.StatusCode
		if v == nil {
			return nil
		}
		if err := json.Unmarshal(text, v); err != nil {
			return notAnswer(k, resp.StatusCode, err)
		}
		return nil
	})
	return status, err
}

// send sends a request once. If the answer is a refusal, send returns it as an error.
// Otherwise the caller must close the body.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	target := c.base.JoinPath(k.path)
	target.RawQuery = k.query.Encode()
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the node does not answer, is it running? %w", unanswered(ctx, err))
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer closeBody(resp)
	return nil, c.refusal(k, resp)
}

// refusal reads the answer of a node that refuses a call.
func (c *Client) refusal(k call, resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // a part is better than nothing
	e := &Error{Method: k.method, Path: "/" + k.path, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), c.now())}
	var problem struct {
		Error  string       `json:"error"`
		Reason block.Reason `json:"reason"`
	}
	if json.Unmarshal(text, &problem) == nil && problem.Error != "" {
		e.Sentence, e.Reason = sentenceOf(problem.Error), problem.Reason
	} else {
		e.Sentence = sentenceOf(string(text)) // something else than a node, such as a proxy
	}
	return e
}

// notAnswer returns the error for an answer that is not what the API describes.
func notAnswer(k call, status int, err error) error {
	return fmt.Errorf("%s /%s: %w: %s: %w", k.method, k.path, errNotNode, Status(status).Error(), err)
}

// retryAfter reads the header Retry-After: a number of seconds, or a date (RFC 9110,
// section 10.2.3). It returns 0 if there is none, and 1 s for a time that has passed.
func retryAfter(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return max(time.Second, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Second, at.Sub(now))
	}
	return 0
}

// repeat calls try until it succeeds, fails for good, or has been tried often enough.
func (c *Client) repeat(ctx context.Context, once bool, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		wait, again := c.again(err, once, n)
		if !again || n >= c.retries || ctx.Err() != nil {
			return err
		}
		if end, ok := ctx.Deadline(); ok && c.now().Add(wait).After(end) {
			return err // it would be over before the next try
		}
		if c.wait(ctx, wait) != nil {
			return err // the context has ended; what the last try said is worth more
		}
	}
}

// again reports whether a call may be tried again after an error, and how long to wait
// before. n is the number of tries that came before the one that failed.
func (c *Client) again(err error, once bool, n int) (wait time.Duration, again bool) {
	var refused *Error
	var lost broken
	switch {
	case err == nil:
		return 0, false
	case errors.As(err, &refused):
		if refused.Status != http.StatusServiceUnavailable || refused.RetryAfter == 0 || refused.RetryAfter > maxRetryAfter {
			return 0, false
		}
		return max(refused.RetryAfter, backOff(n)), true
	case errors.As(err, &lost):
		return backOff(n), !once || !lost.begun()
	}
	return 0, false
}

// backOff returns how long to wait after n tries have failed before this one.
func backOff(n int) time.Duration {
	wait := min(mostWait, leastWait<<min(n, 16))
	return wait - time.Duration(rand.Int64N(int64(wait/2)))
}

func closeBody(resp *http.Response) {
	// What is left is read so that the connection can be used again, if it is little.
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
}

// readAll reads a body that must not have more bytes than most.
func readAll(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = errTooLong
	}
	return text, err
}
