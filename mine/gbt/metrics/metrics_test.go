package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/gbt"
	"github.com/lodepow/lode/pow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node answers as a Bitcoin node on regtest that refuses every block.
func node(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Method string
		Params []struct{ LongPollID string }
	}
	err := json.NewDecoder(r.Body).Decode(&call)
	result := "null"
	switch {
	case call.Method == "getblocktemplate" && len(call.Params) == 1 && call.Params[0].LongPollID != "":
		<-r.Context().Done() // nothing changes
		return
	case call.Method == "getblocktemplate":
		result = fmt.Sprintf(`{"version":536870912,"rules":["csv","!segwit"],"previousblockhash":%q,"transactions":[],"coinbaseaux":{},
			"coinbasevalue":5000000000,"longpollid":"1","target":%q,"mintime":1000000,"mutable":["time"],
			"noncerange":"00000000ffffffff","curtime":1700000000,"bits":"207fffff","height":157}`, strings.Repeat("01", 32), "7fffff"+strings.Repeat("00", 29))
	case call.Method == "getblockchaininfo":
		result = `{"chain":"regtest"}`
	case call.Method == "submitblock":
		result = `"high-hash"`
		err = nil // its parameter is a text
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintf(w, `{"result":%s,"error":null,"id":1}`, result)
}

const exposition = `
# HELP lode_gbt_blocks_total Attempts to submit a block to the node, by what became of them.
# TYPE lode_gbt_blocks_total counter
lode_gbt_blocks_total{outcome="accepted"} 0
lode_gbt_blocks_total{outcome="duplicate"} 0
lode_gbt_blocks_total{outcome="invalid"} 0
lode_gbt_blocks_total{outcome="lost"} 0
lode_gbt_blocks_total{outcome="low"} 1
lode_gbt_blocks_total{outcome="stale"} 1
lode_gbt_blocks_total{outcome="unanswered"} 0
# HELP lode_gbt_connected Whether the Bitcoin node gives work: 1 or 0.
# TYPE lode_gbt_connected gauge
lode_gbt_connected 1
# HELP lode_gbt_failures_total How often the node gave no work, because it did not answer or its answer was of no use.
# TYPE lode_gbt_failures_total counter
lode_gbt_failures_total 0
# HELP lode_gbt_height Height of the block that is searched for; 0 if it is not known.
# TYPE lode_gbt_height gauge
lode_gbt_height 157
# HELP lode_gbt_reward_satoshis What the block that is searched for pays, in satoshi.
# TYPE lode_gbt_reward_satoshis gauge
lode_gbt_reward_satoshis 5e+09
# HELP lode_gbt_template_age_seconds Time since the node sent its latest template; 0 if it gives no work.
# TYPE lode_gbt_template_age_seconds gauge
lode_gbt_template_age_seconds 30
# HELP lode_gbt_templates_total Templates that the node has sent.
# TYPE lode_gbt_templates_total counter
lode_gbt_templates_total 1
# HELP lode_gbt_transactions Transactions of the latest template.
# TYPE lode_gbt_transactions gauge
lode_gbt_transactions 0
# HELP lode_gbt_works_total Works that were made of templates and offered to the miner.
# TYPE lode_gbt_works_total counter
lode_gbt_works_total 1
`

func TestExposition(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(node))
	defer server.Close()
	now := time.Unix(1_700_000_000, 0)
	s, err := gbt.New(gbt.Config{URL: server.URL, PayTo: "script:51", HTTPClient: server.Client(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := Register(reg, s, func() time.Time { return now.Add(30 * time.Second) }); err != nil {
		t.Fatal(err)
	}
	if err := Register(reg, s, nil); err == nil {
		t.Error("a source was registered twice")
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	// Without a node there is no age, but every series.
	before, err := testutil.GatherAndCount(reg)
	if err != nil || before != 8+len(mine.Outcomes()) {
		t.Errorf("%d series before there is a node (%v)", before, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	var w mine.Work
	for {
		o, err := s.Offer()
		if err != nil {
			t.Fatal(err)
		}
		if o.Work != nil {
			w = *o.Work
			break
		}
		<-o.Newer
	}
	e := w.Extranonces.At(1)
	found, err := pow.Kernels()[0].Scan(w.Job(e, w.MinTime))
	if err != nil {
		t.Fatal(err)
	}
	sol, err := w.Solution(e, found.Header)
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err := s.Submit(ctx, sol); outcome != mine.Low {
		t.Fatal(outcome, err)
	}
	sol.WorkID = "99"
	if outcome, err := s.Submit(ctx, sol); outcome != mine.Stale {
		t.Fatal(outcome, err)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(exposition)); err != nil {
		t.Error(err)
	}
}
