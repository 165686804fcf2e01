package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

var (
	noLog = log.New(io.Discard, "", 0)
)

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// lockedBuffer is a buffer that a process writes to while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// dripping is a way to occupy a connection with a request that makes progress all the time
// and is never complete.
type dripping struct {
	head  string // sent at once
	piece string // sent again and again
}

// drips returns ways to drip the header of a request, and the body of one.
func drips(host string) []dripping {
	return []dripping{
		{"GET /status HTTP/1.1\r\nHost: " + host + "\r\n", "x-slow: 1\r\n"},
		{"POST /new_transaction HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n", "x"},
		{"POST /p2p/announce HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n", "x"},
		{"POST /add_block HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
	}
}

// holdConnections tries to keep the given number of connections with a node open from
// an IP address, and opens each again as soon as it is closed.
func holdConnections(ctx context.Context, ip, host string, many int, open func(int)) {
	ways := drips(host)
	runConcurrently(many, func(i int) {
		d := ways[i%len(ways)]
		for ctx.Err() == nil {
			dialling, cancel := context.WithTimeout(ctx, 5*time.Second)
			conn, err := dialFrom(ip)(dialling, "tcp", host)
			cancel()
			if err != nil {
				wait(ctx, 50*time.Millisecond)
				continue
			}
			open(1)
			begin := time.Now()
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				_, _ = io.Copy(io.Discard, conn)
			}()
			_, err = io.WriteString(conn, d.head)
			for err == nil && ctx.Err() == nil {
				select {
				case <-gone:
					err = net.ErrClosed
				case <-time.After(500 * time.Millisecond):
					_, err = io.WriteString(conn, d.piece)
				case <-ctx.Done():
				}
			}
			_ = conn.Close()
			<-gone
			open(-1)
			if time.Since(begin) < 100*time.Millisecond { // there is no room at the moment
				wait(ctx, 200*time.Millisecond)
			}
		}
	})
}

// attackByConnections: eight addresses hold as many connections as a node may have.
func attackByConnections(a arena) {
	t := a.t
	n := a.machine("10.77.0.14/8").start()
	c := newCast(t)
	host := strings.TrimPrefix(n.url, "http://")
	const each = 128 // as many as one address may have; the others try to take each place that becomes free
	var mu sync.Mutex
	open := 0
	for _, ip := range a.ips(8, "10.70.0.%d") {
		c.run(func(ctx context.Context) {
			holdConnections(ctx, ip, host, each+32, func(d int) {
				mu.Lock()
				open += d
				mu.Unlock()
			})
		})
	}
	held := func() int {
		mu.Lock()
		defer mu.Unlock()
		return open
	}
	until(10*time.Second, func() bool { return held() >= 8*each-32 })
	at := held()
	a.atLeast(each, at, "connections")
	asked, answered, worst := 0, 0, time.Duration(0)
	for i := range a.size(200, 40) {
		begin := time.Now()
		client := clientFrom(clientIP, 10*time.Second, true)
		asked++
		if i%2 == 0 {
			status, _, _ := postFrom(t.Context(), client, n.url+"/new_transaction", fmt.Sprintf(`{"author":"ann","content":"%d"}`, i))
			if status == http.StatusCreated {
				answered++
			}
		} else if resp, err := client.Get(n.url + "/status"); err == nil { //nolint:noctx // it has a timeout
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				answered++
			}
		}
		worst = max(worst, time.Since(begin))
		time.Sleep(50 * time.Millisecond)
	}
	a.measured(answered*100 >= asked*99 && worst <= 2*time.Second, fmt.Sprintf("%d dripped connections from eight addresses", 8*each), "17 of 34 honest requests answered", "≥ 99 % answered, worst 2 s",
		"%d connections; %d of %d answered, worst %v", at, answered, asked, worst.Round(time.Millisecond))
}
