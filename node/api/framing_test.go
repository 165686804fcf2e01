package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRequestSmuggling sends two requests on one connection, of which a proxy in front
// of the node could have taken the second for a part of the first. The second, a post,
// must not be carried out, and the node closes the connection.
func TestRequestSmuggling(t *testing.T) {
	const post = `{"author":"a","content":"b"}`
	const smuggled = "POST /new_transaction HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\n" + post
	for name, tc := range map[string]struct {
		first  string // the header of the first request, after the request line
		body   string
		line   string // the request line; "": of a post
		status int    // of the first answer
	}{
		"length and chunks":           {"Host: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n", "1c\r\n" + post + "\r\n0\r\n\r\n", "", 201},
		"chunks and length":           {"Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1000\r\n", "1c\r\n" + post + "\r\n0\r\n\r\n", "", 201},
		"chunks":                      {"Host: x\r\nTransfer-Encoding: chunked\r\n", "1c\r\n" + post + "\r\n0\r\n\r\n", "", 201},
		"chunks where nothing reads":  {"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 200},
		"chunks where there is none":  {"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", "POST /nothing HTTP/1.1", 404},
		"chunks to other nodes":       {"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", "GET /p2p/addresses HTTP/1.1", 404},
		"chunks in upper case":        {"Host: x\r\nContent-Length: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 200},
		"chunks on a folded line":     {"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 200},
		"chunks in HTTP/1.0":          {"Host: x\r\nConnection: keep-alive\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n", "", "GET /status HTTP/1.0", 200},
		"HTTP/1.0":                    {"Host: x\r\nConnection: keep-alive\r\n", "", "GET /status HTTP/1.0", 200},
		"two encodings":               {"Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 501},
		"an encoding that is unknown": {"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: xchunked\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 501},
		"a list of encodings":         {"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 501},
		"a space before the colon":    {"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding : chunked\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 400},
		"two lengths":                 {"Host: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 400},
		"a list of lengths":           {"Host: x\r\nContent-Length: 0, 5\r\n", "0\r\n\r\n", "GET /status HTTP/1.1", 400},
		"a length with a sign":        {"Host: x\r\nContent-Length: +0\r\n", "", "GET /status HTTP/1.1", 400},
		"a bare CR":                   {"Host: x\r\nX: a\rTransfer-Encoding: chunked\r\n", "", "GET /status HTTP/1.1", 400},
		"a null byte":                 {"Host: x\r\nX: a\x00b\r\n", "", "GET /status HTTP/1.1", 400},
		"a chunk with a bare LF":      {"Host: x\r\nTransfer-Encoding: chunked\r\n", "1c\n" + post + "\r\n0\r\n\r\n", "", 400},
		"a chunk with a sign":         {"Host: x\r\nTransfer-Encoding: chunked\r\n", "+1c\r\n" + post + "\r\n0\r\n\r\n", "", 400},
		"no host":                     {"X: y\r\n", "", "GET /status HTTP/1.1", 400},
		"two hosts":                   {"Host: x\r\nHost: y\r\n", "", "GET /status HTTP/1.1", 400},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newTestNode(t, testSetup{})
				dial := servePipes(t, n)
				line := tc.line
				if line == "" {
					line = "POST /new_transaction HTTP/1.1"
				}
				conn := dial("")
				before, _ := n.chain.PendingCount()
				answers := exchange(t, conn, line+"\r\n"+tc.first+"\r\n"+tc.body+smuggled)
				if len(answers) != 1 || answers[0] != tc.status {
					t.Errorf("answers %v, want only a %d", answers, tc.status)
				}
				want := before
				if tc.status == http.StatusCreated {
					want++
				}
				if pending, _ := n.chain.PendingCount(); pending != want {
					t.Errorf("%d transactions are pending, want %d", pending, want)
				}
			})
		})
	}
}

// TestPipelining sends two requests of which each has a clear end at once: both are
// answered.
func TestPipelining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{})
		const post = "POST /new_transaction HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\n" + `{"author":"a","content":"b"}`
		answers := exchange(t, servePipes(t, n)(""), post+post)
		if len(answers) != 2 || answers[0] != http.StatusCreated || answers[1] != http.StatusCreated {
			t.Errorf("answers %v, want two", answers)
		}
	})
}

// exchange sends bytes and returns the status of each answer until the connection
// ends or nothing comes any more.
func exchange(t *testing.T, conn net.Conn, request string) (answers []int) {
	t.Helper()
	go func() { _, _ = io.Copy(conn, strings.NewReader(request)) }()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	read := bufio.NewReader(conn)
	for {
		answer, err := http.ReadResponse(read, nil)
		if err != nil {
			_ = conn.Close()
			return answers
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		answers = append(answers, answer.StatusCode)
	}
}
