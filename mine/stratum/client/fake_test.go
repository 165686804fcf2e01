package client

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// fakeNet connects a client with scripts that stand for pools. It works in a bubble of
// virtual time.
type fakeNet struct {
	t     *testing.T
	conns chan *fakeConn // connections that clients have made

	// refuse, if it is not nil, returns an error for addresses that cannot be reached.
	refuse func(address string) error
}

// fakeConn is the pool's side of a connection.
type fakeConn struct {
	net.Conn
	t       *testing.T
	address string
	at      time.Time // when it was made
	in      *stratum.Reader
}

func newFakeNet(t *testing.T) *fakeNet {
	return &fakeNet{t: t, conns: make(chan *fakeConn, 2000)}
}

func (f *fakeNet) dial(_ context.Context, _, address string) (net.Conn, error) {
	if f.refuse != nil {
		if err := f.refuse(address); err != nil {
			return nil, err
		}
	}
	miner, pool := net.Pipe()
	f.conns <- &fakeConn{Conn: pool, t: f.t, address: address, at: time.Now(), in: stratum.NewReader(pool, stratum.MaxMinerLine)}
	return miner, nil
}

// accept returns the next connection.
func (f *fakeNet) accept() *fakeConn {
	f.t.Helper()
	select {
	case c := <-f.conns:
		f.t.Cleanup(func() { _ = c.Close() })
		return c
	case <-time.After(time.Hour):
		f.t.Fatal("no connection for an hour")
		return nil
	}
}

// none fails the test if there is a connection in that time.
func (f *fakeNet) none(d time.Duration) {
	f.t.Helper()
	select {
	case c := <-f.conns:
		f.t.Fatalf("a connection to %s after %v", c.address, d)
	case <-time.After(d):
	}
}

// expect returns the next message of the miner, which must have that method.
func (c *fakeConn) expect(method string) stratum.Message {
	c.t.Helper()
	line, err := c.in.ReadLine()
	if err != nil {
		c.t.Fatalf("want %s: %v", method, err)
	}
	m, err := stratum.Parse(line)
	if err != nil || m.Method != method {
		c.t.Fatalf("want %s, got %s (%v)", method, line, err)
	}
	if string(m.Line()) != string(line)+"\n" {
		c.t.Errorf("the line has another form: %s", line)
	}
	return m
}

// send writes lines.
func (c *fakeConn) send(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		if _, err := c.Write([]byte(line + "\n")); err != nil {
			c.t.Fatalf("%s: %v", line, err)
		}
	}
}

// answer answers a request.
func (c *fakeConn) answer(m stratum.Message, result string) {
	c.t.Helper()
	c.send(`{"id":` + m.ID.String() + `,"result":` + result + `,"error":null}`)
}

// ended waits until the client has closed the connection.
func (c *fakeConn) ended() {
	c.t.Helper()
	if line, err := c.in.ReadLine(); err == nil {
		c.t.Fatalf("want the end, got %s", line)
	}
}

// subscription is the answer to mining.subscribe.
const subscription = `[[["mining.set_difficulty","5"],["mining.notify","5"]],"0a0b",4]`

// greet does the whole handshake, without a job.
func (c *fakeConn) greet() {
	c.t.Helper()
	c.answer(c.expect(stratum.MethodConfigure), `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`)
	c.answer(c.expect(stratum.MethodSubscribe), subscription)
	c.answer(c.expect(stratum.MethodAuthorize), "true")
}

// jobLine is a job of easy bits, whose other values follow from its name.
func jobLine(name string, clean bool) string {
	return strings.TrimSuffix(string(testJob(name, clean).Message().Line()), "\n")
}

func testJob(name string, clean bool) stratum.Notify {
	return stratum.Notify{
		Job: name, Prev: pow.DoubleSHA256([]byte("parent")), Coinbase1: []byte("before " + name), Coinbase2: []byte(" after"),
		Branch: []pow.Hash{pow.DoubleSHA256([]byte("branch"))}, Version: 0x20000000, Bits: 0x1d00ffff, Time: 1_700_000_000, Clean: clean,
	}
}

// testPools are the addresses of pools on hosts a, b, c and so on.
func testPools(n int) []Pool {
	pools := make([]Pool, n)
	for i := range pools {
		pools[i] = Pool{Host: string(rune('a' + i)), Port: 3333, User: "worker", Password: "x"}
	}
	return pools
}

// start runs a client until the test ends.
func start(t *testing.T, f *fakeNet, pools int, edit func(*Config)) *Client {
	t.Helper()
	config := Config{Pools: testPools(pools), Dial: f.dial, Agent: "lode/test", Random: func() float64 { return 0.5 }}
	if edit != nil {
		edit(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return c
}

// bubble runs the test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// work returns the present work.
func work(t *testing.T, c *Client) mine.Work {
	t.Helper()
	synctest.Wait()
	o, err := c.Offer()
	if err != nil || o.Work == nil {
		t.Fatalf("no work (%v); %+v", err, c.Stats())
	}
	return *o.Work
}

// noWork checks that there is none.
func noWork(t *testing.T, c *Client) {
	t.Helper()
	synctest.Wait()
	if o, err := c.Offer(); err != nil || o.Work != nil {
		t.Fatalf("%+v, %v", o.Work, err)
	}
}

// solution returns a solution that need not meet the target.
func solution(w mine.Work, number uint64) mine.Solution {
	extranonce := w.Extranonces.At(number)
	versions := w.Versions()
	h := w.Header(extranonce, versions[len(versions)-1], w.MinTime+1, 0x2a)
	return mine.Solution{WorkID: w.ID, Extranonce: extranonce, Header: h, Hash: h.Hash()}
}

// submitted is what Submit has returned.
type submitted struct {
	outcome mine.Outcome
	err     error
}

// submit submits a solution in another goroutine.
func submit(t *testing.T, c *Client, s mine.Solution) <-chan submitted {
	done := make(chan submitted, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		outcome, err := c.Submit(ctx, s)
		done <- submitted{outcome, err}
	}()
	return done
}

func hexBytes(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var errRefused = errors.New("connection refused")
