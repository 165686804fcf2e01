package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

// Run keeps a connection to a pool until the context ends. It must not be called
// twice.
func (c *Client) Run(ctx context.Context) {
	var (
		at       int                          // index of the pool to connect to
		failures int                          // since the last settled connection
		plain    = make([]bool, len(c.pools)) // pools that did not stand mining.configure
	)
	next := c.pools[0]
	for {
		began := c.now()
		end := c.connect(ctx, at, next, &plain[at])
		if ctx.Err() != nil {
			return
		}
		c.note(next, end.err)
		var delay time.Duration
		next = c.pools[at]
		switch {
		case end.back:
			at, failures = 0, 0
			next = c.pools[0]
		case end.order != nil:
			if p, ok := next.redirect(end.order.Host, end.order.Port); ok {
				next = p
			}
			delay = min(end.order.Wait, longestOrder) + c.jitter(firstWait)
		default:
			if end.worked && c.now().Sub(began) >= settledAfter {
				failures = 0
			}
			if !end.worked || failures > 0 {
				at = (at + 1) % len(c.pools)
			}
			next = c.pools[at]
			delay = c.jitter(min(firstWait<<min(failures/len(c.pools), 8), longestWait))
			failures++
		}
		if !sleep(ctx, delay) {
			return
		}
	}
}

// ending is how a connection ended.
type ending struct {
	err    error
	worked bool               // it has given work
	order  *stratum.Reconnect // the pool has told the client to connect again
	back   bool               // a better pool can be reached
}

// errBetter ends the connection to another pool than the first.
var errBetter = errors.New("an earlier pool of the list can be reached again")

// connect makes one connection to a pool and keeps it as long as it lasts.
func (c *Client) connect(ctx context.Context, at int, p Pool, plain *bool) ending {
	conn, err := c.dialPool(ctx, p)
	if err != nil {
		return ending{err: fmt.Errorf("connect: %w", err)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if at > 0 {
			c.lookBack(ctx, at, cancel)
		}
	}()
	s := newSession(c, p, conn)
	configure := c.mask != 0 && !*plain
	err = s.run(ctx, configure)
	cancel(nil)
	<-watched
	e := ending{err: err, worked: !s.since.IsZero(), order: s.order, back: errors.Is(err, errBetter)}
	// Some old servers end the connection at the first request that they do not know.
	// The next connection does without it.
	*plain = configure && !s.joined
	return e
}

// dialPool connects to a pool, with TLS if it wants that.
func (c *Client) dialPool(ctx context.Context, p Pool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := c.dial(ctx, "tcp", p.Address())
	if err != nil || !p.TLS {
		return conn, err
	}
	config := &tls.Config{}
	if c.tls != nil {
		config = c.tls.Clone()
	}
	config.ServerName = p.Host
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the error of the handshake says more
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// lookBack tries now and then to reach a pool that is before the one at the given index,
// and ends the connection when it can.
func (c *Client) lookBack(ctx context.Context, at int, cancel context.CancelCauseFunc) {
	for sleep(ctx, lookBack/2+c.jitter(lookBack)) {
		for _, p := range c.pools[:at] {
			conn, err := c.dialPool(ctx, p)
			if err == nil {
				_ = conn.Close() // it has served its purpose
				cancel(errBetter)
				return
			}
		}
	}
}

// note counts and logs the end of a connection.
func (c *Client) note(p Pool, err error) {
	c.mu.Lock()
	c.stats.failed(err)
	c.mu.Unlock()
	c.log.Warn("no connection to the pool", "pool", p, "err", err)
}

// jitter returns a random time from 0 to less than d.
func (c *Client) jitter(d time.Duration) time.Duration {
	return time.Duration(c.random() * float64(d))
}

// sleep waits, and returns false if the context ends before that.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
