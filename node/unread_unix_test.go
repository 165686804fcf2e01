//go:build unix

package node

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// TestHasUnread asks for unread bytes of a real connection: before any has arrived,
// when some have, when they have been read, and after its end.
func TestHasUnread(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	becomes := func(want bool) bool {
		for end := time.Now().Add(10 * time.Second); hasUnread(conn) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				return false
			}
		}
		return true
	}
	if hasUnread(conn) {
		t.Error("nothing was sent, but there are unread bytes")
	}
	if _, err := io.WriteString(client, "GET"); err != nil {
		t.Fatal(err)
	}
	if !becomes(true) {
		t.Error("what was sent is not seen")
	}
	three := make([]byte, 3)
	if _, err := io.ReadFull(conn, three); err != nil || string(three) != "GET" {
		t.Fatalf("%q, %v: the bytes were changed by looking at them", three, err)
	}
	if hasUnread(conn) {
		t.Error("everything was read, but there are unread bytes")
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(three); !errors.Is(err, io.EOF) {
		t.Fatalf("%d, %v", n, err)
	}
	if hasUnread(conn) {
		t.Error("the client is gone, but there are unread bytes")
	}
	if first, _ := net.Pipe(); hasUnread(first) {
		t.Error("a pipe has unread bytes")
	}
}
