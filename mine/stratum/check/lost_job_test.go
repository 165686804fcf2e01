package check

import (
	"bytes"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// lossyConn is a connection that cannot send lines that contain some text.
type lossyConn struct {
	net.Conn
	text []byte
	err  error
}

func (c *lossyConn) Write(line []byte) (int, error) {
	if bytes.Contains(line, c.text) {
		return 0, c.err
	}
	return c.Conn.Write(line)
}

// TestHarderJobIsNotSent checks that the check of a miner ends with the reason why the second
// job could not be sent, and not with the end of the wait for its shares.
func TestHarderJobIsNotSent(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			goodMiner().mine(t, theirs)
			_ = theirs.Close()
		}()
		var r Report
		conn := &lossyConn{ours, []byte("lode-2"), broken}
		err := Miner(t.Context(), conn, MinerOptions{Difficulty: easy, Now: func() time.Time { return time.Unix(minute, 0) }}, &r)
		if !errors.Is(err, broken) {
			t.Errorf("error %v, want that of the connection\n%s", err, text(&r))
		}
		_ = ours.Close()
		<-done
	})
}
