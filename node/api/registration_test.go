package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/lodepow/lode/internal/syserr"
	"github.com/lodepow/lode/node/gossip"
)

// TestConnectErrors gets errors from the network libraries and checks that a client is
// told what they mean, without their text.
func TestConnectErrors(t *testing.T) {
	hangUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangUp.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	refuses := "http://" + listener.Addr().String()
	_ = listener.Close()
	garbage, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = garbage.Close() }()
	go func() {
		for {
			c, err := garbage.Accept()
			if err != nil {
				return
			}
			// Read the request first: net/http reports an answer that comes before it in
			// another way, which depends on who is faster.
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n\r\n"))
			_ = c.Close()
		}
	}()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	get := func(ctx context.Context, target string) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			t.Fatalf("%s answers", target)
		}
		var why *url.Error
		if errors.As(err, &why) {
			err = why.Err // as package p2p does
		}
		return err
	}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"refused":           {get(t.Context(), refuses), "the connection was refused: is a node running there?"},
		"hangs up":          {get(t.Context(), hangUp.URL), "it closed the connection"},
		"http for https":    {get(t.Context(), strings.Replace(plain.URL, "http", "https", 1)), "it does not answer as a node does"},
		"certificate":       {get(t.Context(), secure.URL), "its certificate is not valid"},
		"not HTTP":          {get(t.Context(), "http://"+garbage.Addr().String()), "it does not answer as a node does"},
		"cancelled":         {get(ended, plain.URL), "given up"},
		"late":              {get(late, plain.URL), "did not answer in time"},
		"deadline":          {fmt.Errorf("hello: %w", context.DeadlineExceeded), "did not answer in time"},
		"unknown name":      {&url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x"}}}, "the host name is not known"},
		"no route":          {&net.OpError{Op: "dial", Err: syserr.Numbers(syserr.Unreachable)[0]}, "there is no way to that host"},
		"cut":               {io.ErrUnexpectedEOF, "it closed the connection"},
		"another operation": {&net.OpError{Op: "dial", Err: syscall.EACCES}, "it could not be reached"},
		"text only":         {errors.New("http: server gave HTTP response to HTTPS client"), "it does not answer as a node does"},
		"answer too early":  {errors.New("readLoopPeekFailLocked: %!w(<nil>)"), "it does not answer as a node does"},
		"its own words":     {gossip.Refusal{Reason: gossip.WrongNetwork, Message: "this node is on lab"}, "wrong-network: this node is on lab"},
	} {
		text := explainConnect(tc.err)
		if !strings.Contains(text, tc.want) {
			t.Errorf("%s: %q (%v), want %q", name, text, tc.err, tc.want)
		}
		if err := checkSentence(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
