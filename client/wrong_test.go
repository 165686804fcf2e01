package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// waits records the waits of a client, which then take no time.
type waits struct {
	mu   sync.Mutex
	list []time.Duration
}

func (w *waits) wait(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, d)
	return ctx.Err()
}

// serve starts a server and returns a client of it that does not wait between two tries.
func serve(t *testing.T, c Config, h http.HandlerFunc) (*Client, *waits) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c.URL = server.URL
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &waits{}
	client.wait = w.wait
	return client, w
}

func refuse(w http.ResponseWriter, status int, reason, sentence string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q,"reason":%q}`, sentence, reason)
}

// TestErrors compares refusals with errors.Is and errors.As.
func TestErrors(t *testing.T) {
	c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 400, "tx-bad-signature", "the signature is wrong: sign again")
	})
	_, err := c.Post(t.Context(), "ann", "hello")
	if !errors.Is(err, block.TxBadSignature) || !errors.Is(err, Status(400)) {
		t.Errorf("%v is neither the reason nor the status", err)
	}
	if errors.Is(err, block.TxUnsigned) || errors.Is(err, Status(404)) || errors.Is(err, block.Reason("")) || errors.Is(err, io.EOF) {
		t.Errorf("%v is an error that it is not", err)
	}
	var e *Error
	if !errors.As(err, &e) || e.Method != http.MethodPost || e.Path != "/new_transaction" || e.Sentence != "the signature is wrong: sign again" || e.RetryAfter != 0 {
		t.Errorf("%+v", e)
	}
	if got := err.Error(); got != "the node answered 400 Bad Request: the signature is wrong: sign again" {
		t.Errorf("the text is %q", got)
	}
}

// TestReasonsAreDocumented finds each word of this package in docs/http.md, and each word
// of that page's table in this package.
func TestReasonsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "| reason | when |")
	if !ok {
		t.Fatal("docs/http.md has no table of reasons")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := 0
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for i, word := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				documented++
				if !strings.Contains(string(source), `"`+word+`"`) {
					t.Errorf("package client has no constant for the reason %s of docs/http.md", word)
				}
			}
		}
	}
	if got := strings.Count(string(source), "block.Reason = "); got != documented {
		t.Errorf("package client has %d words, docs/http.md %d", got, documented)
	}
}

// TestRetries counts how often calls are tried, and the waits between the tries.
func TestRetries(t *testing.T) {
	for _, tc := range []struct {
		name       string
		status     int
		retryAfter string
		retries    int
		call       func(*Client, context.Context) error
		want       int             // tries
		least      []time.Duration // waits at least
	}{
		{"busy, get", 503, "2", 2, status, 3, []time.Duration{2 * time.Second, 2 * time.Second}},
		{"busy, post", 503, "1", 1, post, 2, []time.Duration{time.Second}},
		{"busy, mine", 503, "1", 1, mine, 2, []time.Duration{time.Second}},
		{"no seconds named", 503, "", 4, status, 1, nil},
		{"nonsense named", 503, "soon", 4, status, 1, nil},
		{"more than a call waits", 503, "60", 4, status, 1, nil},
		{"no seconds", 503, "0", 1, status, 2, []time.Duration{time.Second}},
		{"a date in the past", 503, "Fri, 01 Jan 2010 00:00:00 GMT", 1, status, 2, []time.Duration{time.Second}},
		{"never", 503, "1", -1, status, 1, nil},
		{"refused", 400, "1", 4, post, 1, nil},
		{"the node's fault", 500, "", 4, post, 1, nil},
		{"another node", 502, "", 4, register, 1, nil},
		{"too much", 413, "", 4, post, 1, nil},
		{"a redirect", 307, "", 4, post, 1, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var tries atomic.Int64
			keys := make(chan string, 10)
			c, w := serve(t, Config{Retries: tc.retries}, func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				keys <- r.Header.Get("Idempotency-Key")
				if tc.retryAfter != "" {
					w.Header().Set("Retry-After", tc.retryAfter)
				}
				w.Header().Set("Location", "/elsewhere")
				refuse(w, tc.status, "busy", "no")
			})
			err := tc.call(c, t.Context())
			if !errors.Is(err, Status(tc.status)) {
				t.Errorf("%v, want status %d", err, tc.status)
			}
			if got := int(tries.Load()); got != tc.want || len(w.list) != len(tc.least) {
				t.Errorf("%d tries with the waits %v, want %d", got, w.list, tc.want)
			}
			for i, least := range tc.least {
				if w.list[i] < least || w.list[i] > mostWait {
					t.Errorf("wait %d is %v, want at least %v", i, w.list[i], least)
				}
			}
			close(keys)
			first := <-keys
			for key := range keys {
				if key != first {
					t.Errorf("the tries have the idempotency keys %q and %q", first, key)
				}
			}
		})
	}
}

func status(c *Client, ctx context.Context) error {
	_, err := c.Status(ctx)
	return err
}

func post(c *Client, ctx context.Context) error {
	_, err := c.Post(ctx, "ann", "hello")
	return err
}

func mine(c *Client, ctx context.Context) error {
	_, err := c.Mine(ctx)
	return err
}

func register(c *Client, ctx context.Context) error {
	return c.Register(ctx, "http://127.0.0.1:1")
}

// TestLostAnswers cuts the connection before, in and after the header of an answer. Calls
// that can be repeated are; to mine is not.
func TestLostAnswers(t *testing.T) {
	for name, part := range map[string]string{
		"nothing": "", "half a header": "HTTP/1.1 200 OK\r\nContent-", "half a body": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"message\"",
	} {
		for what, call := range map[string]func(*Client, context.Context) error{"post": post, "mine": mine, "status": status} {
			var tries atomic.Int64
			c, _ := serve(t, Config{Retries: 2}, func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				conn, buf, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = buf.WriteString(part)
				_ = buf.Flush()
				_ = conn.Close()
			})
			want := int64(3)
			if what == "mine" {
				want = 1
			}
			if err := call(c, t.Context()); err == nil || errors.As(err, new(*Error)) || tries.Load() != want {
				t.Errorf("%s, %s: %v after %d tries, want %d", name, what, err, tries.Load(), want)
			}
		}
	}
}

// TestNobodyThere calls an address where nothing listens. Mining is tried again, too,
// because nothing can have begun.
func TestNobodyThere(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	c, err := New(Config{URL: "http://" + address, Retries: 3})
	if err != nil {
		t.Fatal(err)
	}
	w := &waits{}
	c.wait = w.wait
	if err := mine(c, t.Context()); err == nil || !strings.HasPrefix(err.Error(), "the node does not answer, is it running? ") || len(w.list) != 3 {
		t.Errorf("%v after the waits %v", err, w.list)
	}
}

// TestWrongAnswers gets answers that are not those of a node: each is an error, and none
// is asked for again.
func TestWrongAnswers(t *testing.T) {
	for _, body := range []string{"", "<!doctype html>hello", `{"height":"one"}`, `{"height":1`, "[1]", `{"height":1} {}`} {
		var tries atomic.Int64
		c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			tries.Add(1)
			_, _ = io.WriteString(w, body)
		})
		if err := status(c, t.Context()); !errors.Is(err, errNotNode) || tries.Load() != 1 {
			t.Errorf("%q: %v after %d tries", body, err, tries.Load())
		}
	}
}

// TestEndlessAnswers gets answers and refusals without an end. The client reads only as
// much as it may.
func TestEndlessAnswers(t *testing.T) {
	for _, tc := range []struct {
		status int
		start  string
		call   func(*Client, context.Context) error
		want   error
	}{
		{200, `{"message":"`, status, errTooLong},
		{200, `[{"author":"`, pendingOf, errTooLong},
		{200, `{"length":1,"chain":[{"index":"`, blocksOf, errTooLong},
		{500, "no, ", status, Status(500)},
	} {
		var tries atomic.Int64
		c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			tries.Add(1)
			w.WriteHeader(tc.status)
			_, err := io.WriteString(w, tc.start)
			for piece := strings.Repeat("x", 64<<10); err == nil; {
				_, err = io.WriteString(w, piece)
			}
		})
		c.most = 1 << 20
		err := tc.call(c, t.Context())
		if !errors.Is(err, tc.want) || tries.Load() != 1 {
			t.Errorf("%s: %v after %d tries, want %v", tc.start, err, tries.Load(), tc.want)
		}
		if err != nil && len(err.Error()) > 2*maxSentence {
			t.Errorf("%s: the error has %d bytes", tc.start, len(err.Error()))
		}
	}
}

func pendingOf(c *Client, ctx context.Context) error {
	for _, err := range c.Pending(ctx) {
		if err != nil {
			return err
		}
	}
	return nil
}

func blocksOf(c *Client, ctx context.Context) error {
	for _, err := range c.Blocks(ctx, 0) {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestSilence calls servers that say nothing: at once, or after a part of the answer. The
// call ends after Config.Timeout, and says so.
func TestSilence(t *testing.T) {
	for name, part := range map[string]string{"at once": "", "in the answer": `[{"author":"ann"`} {
		for what, call := range map[string]func(*Client, context.Context) error{"status": status, "pending": pendingOf} {
			release := make(chan struct{})
			c, _ := serve(t, Config{Timeout: 30 * time.Millisecond, Retries: 1}, func(w http.ResponseWriter, r *http.Request) {
				if part != "" {
					_, _ = io.WriteString(w, part)
					_ = http.NewResponseController(w).Flush()
				}
				select {
				case <-r.Context().Done():
				case <-release:
				}
			})
			err := call(c, t.Context())
			close(release)
			if err == nil || !strings.Contains(err.Error(), "30ms") {
				t.Errorf("%s, silent %s: %v", what, name, err)
			}
		}
	}
}

// TestRegisterWaits registers with a node that takes longer than Config.Timeout, because it
// waits for the other node.
func TestRegisterWaits(t *testing.T) {
	c, _ := serve(t, Config{Timeout: 10 * time.Millisecond, Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(w, "{}")
	})
	if err := c.Register(t.Context(), "http://127.0.0.1:1"); err != nil {
		t.Error(err)
	}
}

// TestContext ends calls by their context, also while they wait for another try.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "20")
		refuse(w, 503, "busy", "no")
	})
	c.wait = func(ctx context.Context, d time.Duration) error {
		cancel()
		return sleep(ctx, d)
	}
	if err := post(c, ctx); !errors.Is(err, Busy) {
		t.Errorf("%v, want what the node has said", err)
	}
	if err := post(c, ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that the context has ended", err)
	}
	// A try that would come after the deadline is not waited for.
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c.wait = func(context.Context, time.Duration) error {
		t.Error("the call waits for longer than it may take")
		return nil
	}
	if err := post(c, ctx); !errors.Is(err, Busy) {
		t.Errorf("%v, want what the node has said", err)
	}
}

// TestSentences shows texts of refusals that could do harm on a terminal.
func TestSentences(t *testing.T) {
	for text, want := range map[string]string{
		"\x20a sentence \n": "a sentence", "\x1b[2Jgone\x07": "[2Jgone", "a\xffb": "a\ufffdb", "two\nlines": "two\nlines",
		strings.Repeat("é", maxSentence): strings.Repeat("é", maxSentence/2) + "…",
	} {
		if got := sentenceOf(text); strings.TrimSpace(got) != want {
			t.Errorf("%.20q: %.40q, want %.40q", text, got, want)
		}
	}
}

// TestConfig refuses addresses that are none.
func TestConfig(t *testing.T) {
	for _, u := range []string{"", "8000", "localhost:8000", "ftp://a", "http://", "http://a\n"} {
		if _, err := New(Config{URL: u}); err == nil {
			t.Errorf("%q is taken as the URL of a node", u)
		}
	}
	if _, err := New(Config{URL: "http://a", Token: "a\nb"}); err == nil {
		t.Error("a token with a line break is accepted")
	}
}

// TestWhatIsSent looks at the requests of calls.
func TestWhatIsSent(t *testing.T) {
	seen := make(chan *http.Request, 1)
	c, _ := serve(t, Config{Token: "secret"}, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		_, _ = io.WriteString(w, "{}")
	})
	c.base.Path = "/behind/a/proxy/"
	for _, tc := range []struct {
		call func(context.Context) error
		want string
	}{
		{func(ctx context.Context) error { return status(c, ctx) }, "GET /behind/a/proxy/status"},
		{func(ctx context.Context) error { return mine(c, ctx) }, "POST /behind/a/proxy/mine"},
		{func(ctx context.Context) error { _, _, err := c.Headers(ctx, 7, 9); return err }, "GET /behind/a/proxy/headers?from=7&limit=9"},
		{func(ctx context.Context) error {
			_, _, err := c.HeadersAfter(ctx, make([]pow.Hash, 2), 0)
			return err
		}, "GET /behind/a/proxy/headers?after=" + strings.Repeat("0", 64) + "%2C" + strings.Repeat("0", 64)},
	} {
		if err := tc.call(t.Context()); err != nil {
			t.Error(err)
		}
		r := <-seen
		if got := r.Method + " " + r.URL.RequestURI(); got != tc.want || r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("Accept") != "application/json" {
			t.Errorf("%s with %v, want %s", got, r.Header, tc.want)
		}
	}
	if _, _, err := c.HeadersAfter(t.Context(), make([]pow.Hash, 65), 0); err == nil {
		t.Error("65 hashes are accepted")
	}
}
