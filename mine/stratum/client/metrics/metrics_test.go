package metrics

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/mine/stratum/client"
	"github.com/lodepow/lode/pow"
)

const exposition = `
# HELP lode_pool_blocks_total Accepted shares that are also blocks.
# TYPE lode_pool_blocks_total counter
lode_pool_blocks_total 0
# HELP lode_pool_connected Whether a pool gives work: 1 or 0.
# TYPE lode_pool_connected gauge
lode_pool_connected 1
# HELP lode_pool_connections_total Connections to pools that have given work.
# TYPE lode_pool_connections_total counter
lode_pool_connections_total 1
# HELP lode_pool_difficulty Difficulty of the shares of the present job; 0 without one.
# TYPE lode_pool_difficulty gauge
lode_pool_difficulty 0.5
# HELP lode_pool_failures_total Connections to pools that have ended or could not be made.
# TYPE lode_pool_failures_total counter
lode_pool_failures_total 0
# HELP lode_pool_jobs_total Jobs of pools that have been offered to the miner.
# TYPE lode_pool_jobs_total counter
lode_pool_jobs_total 1
# HELP lode_pool_rejects_total Shares that pools have refused, by the reason that they gave.
# TYPE lode_pool_rejects_total counter
lode_pool_rejects_total{reason="Job \"gone\""} 1
# HELP lode_pool_shares_total Shares that have been submitted to pools, by what became of them.
# TYPE lode_pool_shares_total counter
lode_pool_shares_total{outcome="accepted"} 1
lode_pool_shares_total{outcome="duplicate"} 0
lode_pool_shares_total{outcome="invalid"} 0
lode_pool_shares_total{outcome="lost"} 0
lode_pool_shares_total{outcome="low"} 0
lode_pool_shares_total{outcome="stale"} 1
lode_pool_shares_total{outcome="unanswered"} 0
`

// pool answers whatever a client asks, and refuses every second share.
func pool(conn net.Conn) {
	job := stratum.Notify{Job: "1", Coinbase1: []byte("a"), Version: 0x20000000, Bits: 0x1d00ffff, Time: 1_700_000_000, Clean: true}
	shares := 0
	for in := bufio.NewScanner(conn); in.Scan(); {
		m, err := stratum.Parse(in.Bytes())
		if err != nil {
			panic(err)
		}
		answer := stratum.NewAnswer(m.ID, true)
		switch m.Method {
		case stratum.MethodSubscribe:
			answer = stratum.Subscribed{Extranonce2Size: 4}.Message(m.ID)
		case stratum.MethodSubmit:
			if shares++; shares%2 == 0 {
				answer = stratum.NewRejection(m.ID, stratum.Error{Code: stratum.CodeStale, Text: `Job "gone"`})
			}
		}
		lines := answer.Line()
		if m.Method == stratum.MethodAuthorize {
			lines = append(lines, stratum.SetDifficulty{Difficulty: 0.5}.Message().Line()...)
			lines = append(lines, job.Message().Line()...)
		}
		if _, err := conn.Write(lines); err != nil {
			return
		}
	}
}

func TestExposition(t *testing.T) {
	c, err := client.New(client.Config{
		Pools: []client.Pool{{Host: "pool", Port: 3333, User: "w"}},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			miner, server := net.Pipe()
			go pool(server)
			return miner, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := Register(reg, c, nil); err != nil {
		t.Fatal(err)
	}
	if err := Register(reg, c, nil); err == nil {
		t.Error("a client was registered twice")
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	defer func() {
		cancel()
		<-done
	}()
	var w mine.Work
	for {
		o, err := c.Offer()
		if err != nil {
			t.Fatal(err)
		}
		if o.Work != nil {
			w = *o.Work
			break
		}
		<-o.Newer
	}
	for i := range uint64(2) {
		e := w.Extranonces.At(i)
		h := w.Header(e, w.Version, w.MinTime, 0)
		if outcome, err := c.Submit(ctx, mine.Solution{WorkID: w.ID, Extranonce: e, Header: h, Hash: pow.Hash{}}); outcome == mine.Unanswered {
			t.Fatal(err)
		}
	}
	names := []string{}
	for line := range strings.Lines(exposition) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			names = append(names, name)
		}
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(exposition), names...); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg); err != nil || n != 19 {
		t.Errorf("%d metrics, %v", n, err)
	}
}
