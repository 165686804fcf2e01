package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
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
		plain    = make([]bool, len(c.pools)) // for each pool, see serve
	)
	next := c.pools[0]
	for {
		began := c.now()
		end := c.connect(ctx, at, next, plain)
		if ctx.Err() != nil {
			return
		}
		c.note(next, end.err)
		var delay time.Duration
		next = c.pools[at]
		switch {
		case end.back:
			at, failures = end.better, 0
			next = c.pools[at]
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
	back   bool               // an earlier pool of the list gives work again
	better int                // its index
}

// errBetter ends the connection to another pool than the first.
var errBetter = errors.New("an earlier pool of the list gives work again")

// connect makes one connection to a pool, which is at the given index of the list, and
// keeps it as long as it lasts.
func (c *Client) connect(ctx context.Context, at int, p Pool, plain []bool) ending {
	conn, err := c.dialPool(ctx, p)
	if err != nil {
		return ending{err: fmt.Errorf("connect: %w", err)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	better := make(chan int, 1)
	s := newSession(c, p, conn)
	go func() {
		defer close(better)
		if at, ok := c.lookBack(ctx, plain[:at]); ok {
			better <- at
			c.endWork(s)
			sleep(ctx, drainTime)
			cancel(errBetter)
		}
	}()
	err = c.serve(ctx, s, &plain[at])
	cancel(nil)
	e := ending{err: err, worked: !s.since.IsZero(), order: s.order}
	if index, ok := <-better; ok && errors.Is(err, errBetter) {
		e.back, e.better = true, index
	}
	return e
}

// serve runs a session until it ends. plain says whether the pool did not stand
// mining.configure the last time: some old servers end the connection at the first
// request that they do not know. Then this connection does without it.
func (c *Client) serve(ctx context.Context, s *session, plain *bool) error {
	configure := c.mask != 0 && !*plain
	err := s.run(ctx, configure)
	*plain = configure && !s.joined
	return err
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

// lookBack tries now and then whether a pool at the beginning of the list gives work, and
// returns its index. plain is about these pools, see serve. ok is false if the context
// ends before that.
//
// That a pool can be reached is not enough: its server may take connections and have
// nothing to mine. The client would then go there and back all the time.
func (c *Client) lookBack(ctx context.Context, plain []bool) (index int, ok bool) {
	if len(plain) == 0 {
		return 0, false
	}
	for sleep(ctx, lookBack/2+c.jitter(lookBack)) {
		for i := range plain {
			if err := c.probe(ctx, c.pools[i], &plain[i]); errors.Is(err, errGivesWork) {
				return i, true
			} else if ctx.Err() == nil {
				c.log.Debug("an earlier pool of the list gives no work", "pool", c.pools[i], "err", err)
			}
		}
	}
	return 0, false
}

// probe connects to a pool to find out whether it gives work. It returns errGivesWork, or
// why there is none. All its waits are bounded, as those of every session.
func (c *Client) probe(ctx context.Context, p Pool, plain *bool) error {
	conn, err := c.dialPool(ctx, p)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s := newSession(c, p, conn)
	s.probes = true
	return c.serve(ctx, s, plain)
}

// note counts and logs the end of a connection.
func (c *Client) note(p Pool, err error) {
	c.mu.Lock()
	c.stats.failed(err)
	c.mu.Unlock()
	c.ends.Log(c.log, slog.LevelWarn, "no connection to the pool", "pool", p, "err", err)
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
