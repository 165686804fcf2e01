package gbt

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of the connections to a node and of its answers, so that a faulty one cannot use
// up memory.
const (
	// maxTemplate is the size of the longest template in bytes: 4 MB of transactions
	// in hex, and what is said about each of them.
	maxTemplate = 32 << 20

	// maxAnswer is the size of any other answer.
	maxAnswer = 1 << 20

	// maxCookie is the size of the file with the credentials that a node makes.
	maxCookie = 4 << 10

	// maxConns is how many connections to a node are open at the same time: one for the
	// long poll, and the others for solutions. A further call waits until one is free.
	maxConns = 8

	// maxHeader is the size of the header of an answer.
	maxHeader = 64 << 10

	// maxSaid is how much of a node's text is repeated in errors.
	maxSaid = 200
)

// Errors of calls.
var (
	// ErrCredentials says that the node refuses the user and the password.
	ErrCredentials = errors.New("the node refuses the user name or the password")

	// ErrForbidden says that the node does not talk to this address, or does not allow
	// this user the call.
	ErrForbidden = errors.New("the node does not allow this call")
)

// nodeError is an error that the node has answered a call with.
type nodeError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *nodeError) Error() string {
	return fmt.Sprintf("the node says: %s (code %d)", short(e.Message), e.Code)
}

// Codes of errors, the same in Bitcoin Core, btcd and bcoin.
const (
	codeNoMethod     = -32601
	codeNotConnected = -9
	codeDownloading  = -10
	codeWarmingUp    = -28
)

// client calls a node with JSON-RPC over HTTP.
type client struct {
	url    string // without credentials
	auth   func() (user, password string, err error)
	http   *http.Client
	number atomic.Uint64 // of the latest call
}

// newClient makes a client from a configuration.
func newClient(c Config) (*client, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		// The error of the url package repeats the text, which may contain a password.
		return nil, errors.New("the address of the node cannot be read: want http://user:password@host:port")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("address of the node %q: want http://user:password@host:port", u.Redacted())
	}
	user, password := c.User, c.Pass
	if u.User != nil {
		if user != "" {
			return nil, errors.New("the credentials of the node are given twice: in its address, and apart from it")
		}
		user = u.User.Username()
		password, _ = u.User.Password()
		u.User = nil
	}
	if user != "" && c.CookieFile != "" {
		return nil, errors.New("both a user name and a cookie file are given: want one of them")
	}
	r := &client{url: u.String(), http: c.HTTPClient}
	r.auth = func() (string, string, error) { return user, password, nil }
	if c.CookieFile != "" {
		// A node writes another cookie with every start, so it is read for every call.
		r.auth = func() (string, string, error) { return readCookie(c.CookieFile) }
	}
	if r.http == nil {
		if r.http, err = newHTTP(c.CertFile); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// newHTTP returns an HTTP client that trusts the certificates of the file, or those of
// the system if there is no file. It follows no redirect, because credentials must not
// go elsewhere, and has no timeout, because a long poll has its own.
func newHTTP(certFile string) (*http.Client, error) {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		IdleConnTimeout:     30 * time.Second,

		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns,
		MaxResponseHeaderBytes: maxHeader,
	}
	if certFile != "" {
		pem, err := os.ReadFile(certFile)
		if err != nil {
			return nil, fmt.Errorf("certificate of the node: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate of the node: %s contains no certificate in PEM", certFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// readCookie reads the file in which a node leaves the credentials of this start.
func readCookie(name string) (user, password string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", "", fmt.Errorf("cookie file: %w; is the node running?", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxCookie))
	if err != nil {
		return "", "", fmt.Errorf("cookie file: %w", err)
	}
	user, password, ok := strings.Cut(strings.TrimSpace(string(text)), ":")
	if !ok {
		return "", "", fmt.Errorf("cookie file %s: want a user name and a password with a colon between them", name)
	}
	return user, password, nil
}

// call calls a method of the node, and decodes its result. It reads at most limit bytes
// of the answer.
func (c *client) call(ctx context.Context, method string, params []any, limit int64, result any) error {
	if params == nil {
		params = []any{}
	}
	// btcd takes a request without "jsonrpc" for a notification and answers nothing.
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": c.number.Add(1), "method": method, "params": params})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	req.Header.Set("Content-Type", "application/json")
	user, password, err := c.auth()
	if err != nil {
		return err
	}
	if user != "" || password != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("the node does not answer %s: %w", method, withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return fmt.Errorf("the node has broken off its answer to %s: %w", method, err)
	}
	if int64(len(answer)) > limit {
		return fmt.Errorf("the node's answer to %s is longer than %d bytes", method, limit)
	}
	if err := decode(resp.StatusCode, answer, result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// decode decodes an answer. Nodes send their errors with a status of 500 or 404 or, in
// newer versions of the protocol, of 200.
func decode(status int, answer []byte, result any) error {
	switch status {
	case http.StatusUnauthorized:
		return ErrCredentials
	case http.StatusForbidden:
		return ErrForbidden
	}
	var message struct {
		Result json.RawMessage `json:"result"`
		Error  *nodeError      `json:"error"`
	}
	if len(answer) == 0 {
		return fmt.Errorf("the node's answer is empty (status %d)", status)
	}
	if err := json.Unmarshal(answer, &message); err != nil {
		return fmt.Errorf("the answer is not one of a Bitcoin node (status %d): %s", status, short(string(answer)))
	}
	if message.Error != nil {
		return message.Error
	}
	if status != http.StatusOK || message.Result == nil {
		return fmt.Errorf("the answer has no result (status %d): %s", status, short(string(answer)))
	}
	if err := json.Unmarshal(message.Result, result); err != nil {
		return fmt.Errorf("the result cannot be read: %w", err)
	}
	return nil
}

// withoutURL removes the method and the address that the http package writes before
// each error, because the caller says them in its own words.
func withoutURL(err error) error {
	if wrapped := new(url.Error); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// short returns the beginning of a text of the node, printable and on one line.
func short(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxSaid {
		return string(runes[:maxSaid]) + "…"
	}
	return text
}
