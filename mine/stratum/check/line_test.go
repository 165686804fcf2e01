package check

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

// After a line that has not come in time, or only in part, the lines go on where they were.
func TestLinesAfterATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer func() { _ = theirs.Close() }()
		defer func() { _ = ours.Close() }()
		w := newWire(ours, 100)
		want := func(text string, wantErr error) {
			t.Helper()
			l, err := w.read(time.Now().Add(time.Second))
			if l.text != text || !errors.Is(err, wantErr) {
				t.Errorf("%q, %v; want %q, %v", l.text, err, text, wantErr)
			}
		}
		send := func(text string) {
			go func() { _, _ = io.WriteString(theirs, text) }()
			synctest.Wait()
		}
		send(`{"id":1,"result":true}` + "\n" + `{"id":2,"re`)
		want(`{"id":1,"result":true}`, nil)
		want("", errTimeout)
		want("", errTimeout)
		send(`sult":`)
		want("", errTimeout)
		send("true}\n")
		want(`{"id":2,"result":true}`, nil)
		want("", errTimeout)
		send(`{"id":3,"result":true}` + "\n" + `{"id":4,"result":true}` + "\n")
		want(`{"id":3,"result":true}`, nil)
		want(`{"id":4,"result":true}`, nil)
		send(strings.Repeat("x", 60))
		want("", errTimeout)
		send(strings.Repeat("x", 60))
		want("", stratum.ErrLineTooLong)
	})
}

// brokenConn is a connection whose network is broken.
type brokenConn struct{ net.Conn }

func (brokenConn) SetReadDeadline(time.Time) error { return nil }

func (brokenConn) Read([]byte) (int, error) {
	return 0, &net.OpError{Op: "read", Err: errors.New("broken")}
}

// An error of the network is not taken for silence.
func TestBrokenConnection(t *testing.T) {
	_, err := newWire(brokenConn{}, 100).read(time.Now())
	if err == nil || errors.Is(err, errTimeout) || !strings.Contains(err.Error(), "the connection ended: read: broken") {
		t.Error(err)
	}
}

// A side that takes no line holds a check up for ten seconds.
func TestWriteEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer func() { _ = theirs.Close() }()
		defer func() { _ = ours.Close() }()
		began := time.Now()
		if err := newWire(ours, 100).write(stratum.Ping{}.Message(stratum.NumberID(1))); err == nil {
			t.Error("no error")
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("the write took %v", took)
		}
	})
}
