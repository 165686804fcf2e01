package node

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// settings records the deadlines that are set in the runtime.
type settings []time.Time

func (s *settings) set(t time.Time) error {
	*s = append(*s, t)
	return nil
}

// TestDeadlineIsSetIfItIsEarlier sets deadlines one after another. Only those that are
// earlier than the one in the runtime are set there, and the time that is over, by which
// the server ends a read.
func TestDeadlineIsSetIfItIsEarlier(t *testing.T) {
	var set settings
	d := deadline{setIn: set.set}
	past, soon, later := time.Unix(1, 0), time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	near := time.Now().Add(soonest / 2)
	for i, step := range []struct {
		t     time.Time
		isSet func(time.Time) bool // nil: nothing is set
	}{
		{time.Time{}, nil}, // there is none
		{soon, func(t time.Time) bool { return t.Before(soon) && t.After(near) }},
		{later, nil},
		{time.Time{}, nil},
		{soon, nil},
		{near, near.Equal},
		{near, nil},
		{soon, nil},
		{past, past.Equal},
		{time.Time{}, func(t time.Time) bool { return t.After(near) && t.Before(soon) }},
		{past, past.Equal},
		{near, near.Equal},
	} {
		set = nil
		if err := d.set(step.t); err != nil {
			t.Fatal(err)
		}
		if (len(set) == 1) != (step.isSet != nil) || len(set) > 1 || len(set) == 1 && !step.isSet(set[0]) {
			t.Errorf("step %d, deadline %v: set %v", i, step.t, set)
		}
	}
}

func TestDeadlineRetry(t *testing.T) {
	var set settings
	d := deadline{setIn: set.set}
	timeout := os.ErrDeadlineExceeded
	later := time.Now().Add(time.Hour)
	for i, step := range []struct {
		wanted time.Time
		err    error
		retry  bool
	}{
		{later, nil, false},
		{later, errors.New("something else"), false},
		{later, timeout, true}, // too early
		{time.Time{}, timeout, true},
		{time.Unix(1, 0), timeout, false},
		{time.Now(), timeout, false},
	} {
		if err := d.set(step.wanted); err != nil {
			t.Fatal(err)
		}
		set = nil
		if got := d.retry(step.err); got != step.retry {
			t.Errorf("step %d: retry %v, want %v", i, got, step.retry)
		}
		if step.retry && (len(set) != 1 || !set[0].Equal(step.wanted)) {
			t.Errorf("step %d: set %v, want %v", i, set, step.wanted)
		}
		if !step.retry && len(set) != 0 {
			t.Errorf("step %d: set %v, want nothing", i, set)
		}
	}
}

// TestConnectionOutlastsEarlyDeadlines lets deadlines in the runtime come too early. Reads
// go on, and fail only at the deadlines that were wanted. So do writes, whose deadlines are
// never set too early.
func TestConnectionOutlastsEarlyDeadlines(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := net.Dial("tcp", listener.Addr().String()) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := newLimitedConn(conn, newLimitListener(listener, 10, 10, nil))
	defer func() { _ = conn.Close() }()
	past := time.Unix(1, 0)

	if err := c.SetDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(past); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 2)
	if _, err := client.Write([]byte("cd")); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(c, got); err != nil || string(got) != "cd" {
		t.Errorf("a read got %q: %v", got[:n], err)
	}

	// A read that waits outlasts an early deadline, and ends at one that was wanted.
	for _, ends := range []bool{false, true} {
		type outcome struct {
			n   int
			err error
		}
		read := make(chan outcome, 1)
		go func() {
			n, err := c.Read(got[:1])
			read <- outcome{n, err}
		}()
		if ends {
			if err := c.SetReadDeadline(past); err != nil {
				t.Fatal(err)
			}
			if r := <-read; !errors.Is(r.err, os.ErrDeadlineExceeded) {
				t.Errorf("a read at its deadline: %d bytes, %v", r.n, r.err)
			}
			continue
		}
		if err := conn.SetReadDeadline(past); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte("d")); err != nil {
			t.Fatal(err)
		}
		if r := <-read; r.n != 1 || r.err != nil {
			t.Errorf("a read that waited: %d bytes, %v", r.n, r.err)
		}
	}

	for _, end := range []struct {
		name string
		set  func(time.Time) error
		do   func([]byte) (int, error)
	}{{"read", c.SetReadDeadline, c.Read}, {"write", c.SetWriteDeadline, c.Write}} {
		if err := end.set(past); err != nil {
			t.Fatal(err)
		}
		if _, err := end.do(got); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a %s after its deadline: %v", end.name, err)
		}
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("ef")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(got); err != nil {
		t.Errorf("a read without a deadline: %v", err)
	}
}
