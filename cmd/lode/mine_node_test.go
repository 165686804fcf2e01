package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// vanishingNode answers as a Bitcoin node on regtest, but ends the connection without an
// answer to the first blocks.
type vanishingNode struct {
	mu      sync.Mutex
	ignored int // blocks without an answer that are left
	taken   string
}

func (n *vanishingNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Method string
		Params []json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	taken := n.taken
	n.mu.Unlock()
	result := "null"
	switch call.Method {
	case "getblockchaininfo":
		result = `{"chain":"regtest"}`
	case "getblocktemplate":
		if strings.Contains(string(call.Params[0]), "longpollid") || taken != "" {
			<-r.Context().Done() // there is nothing new, and after the block nothing at all
			return
		}
		result = fmt.Sprintf(`{"version":536870912,"rules":["csv","!segwit"],"previousblockhash":%q,"transactions":[],"coinbaseaux":{},
			"coinbasevalue":5000000000,"longpollid":"1","target":%q,"mintime":1000000,"mutable":["time"],
			"noncerange":"00000000ffffffff","curtime":1700000000,"bits":"207fffff","height":157}`, strings.Repeat("01", 32), "7fffff"+strings.Repeat("00", 29))
	case "submitblock":
		n.mu.Lock()
		gone := n.ignored > 0
		if gone {
			n.ignored--
		} else if n.taken == "" {
			n.taken = string(call.Params[0])
		}
		n.mu.Unlock()
		if gone {
			panic(http.ErrAbortHandler) // ends the connection
		}
	}
	_, _ = fmt.Fprintf(w, `{"result":%s,"error":null,"id":1}`, result)
}

// A block is not given up when the node does not answer for longer than a share would be
// worth waiting for. The log says that it is submitted again, and the metrics count it.
func TestMineNodeVanishes(t *testing.T) {
	node := &vanishingNode{ignored: 5} // more than a share is submitted
	server := httptest.NewServer(node)
	defer server.Close()
	m := startMinerProcess(t, server.URL, "--pay", "script:51", "--workers", "1", "--metrics", "127.0.0.1:0")
	eventually(t, "the node has the block", func() bool {
		node.mu.Lock()
		defer node.mu.Unlock()
		return node.taken != ""
	})
	eventually(t, "the block is accepted", func() bool { return strings.Contains(m.log.String(), "outcome=accepted") })
	text := m.metrics(t)
	if n := value(t, text, `lode_gbt_blocks_total{outcome="unanswered"}`); n < 5 {
		t.Errorf("%v attempts without an answer are counted, want 5 at least", n)
	}
	if n := value(t, text, `lode_gbt_templates_total`); n < 1 {
		t.Errorf("%v templates are counted", n)
	}
	log := m.log.String()
	if !strings.Contains(log, "no answer to a block, it will be submitted again") || !strings.Contains(log, "attempt=4") {
		t.Errorf("the log does not say that the block is submitted again:\n%s", log)
	}
	m.interrupt(t)
}
