package api

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWrongInput sends every kind of wrong input to every endpoint. The answer
// is a 4xx with a sentence, as text and as JSON, and nothing changes.
func TestWrongInput(t *testing.T) {
	n := newTestNode(t, testSetup{limits: limits{txBytes: 100 << 10, blockBytes: 200 << 10}})
	n.grow(3)
	n.post("stays pending")

	hash := strings.Repeat("5", 64)
	jsonType := []string{"Content-Type", "application/json"}
	type wrong struct {
		name    string
		method  string
		target  string
		body    string
		headers []string
		status  int
	}
	var table []wrong
	for _, rt := range n.api.routes {
		path := strings.Replace(rt.pattern, "{id}", "tip", 1)
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "FOO", strings.Repeat("A", 5000)} {
			if rt.methods[method] == nil {
				table = append(table, wrong{"method", method, path, "x", nil, 405})
			}
		}
		method := "GET"
		if rt.methods[method] == nil {
			method = "POST"
		}
		if !rt.anyQuery {
			for query, status := range map[string]int{
				"unknown=1": 400, "from=%": 400, "a;b": 400, "=": 400, "&&unknown": 400, "%00": 400, "\xff=1": 400,
				"q=" + strings.Repeat("x", 9<<10): 414,
			} {
				table = append(table, wrong{"query", method, path + "?" + strings.ReplaceAll(query, "\xff", "%ff"), "", nil, status})
			}
		}
		for _, name := range rt.params {
			for _, value := range []string{"", "-1", "+1", "1e3", "0x10", "1.0", " 1", "99999999999999999999", "NaN", "null", "%00", "١"} {
				table = append(table, wrong{"parameter", method, path + "?" + name + "=" + strings.ReplaceAll(value, " ", "%20"), "", nil, 400})
			}
			table = append(table, wrong{"parameter twice", method, path + "?" + name + "=1&" + name + "=1", "", nil, 400})
		}
		if strings.Contains(rt.pattern, "{id}") {
			for _, id := range []string{"x", "-1", "+1", "0x1", "1.5", "%00", "..", "%2e%2e", hash[1:], hash + "5", "g" + hash[1:], strings.Repeat("9", 5000), "٣", "TIP"} {
				table = append(table, wrong{"id", method, strings.Replace(rt.pattern, "{id}", id, 1), "", nil, 400})
			}
			table = append(table, wrong{"unknown id", method, strings.Replace(rt.pattern, "{id}", hash, 1), "", nil, 404})
		}
	}
	table = append(table,
		wrong{"locator too long", "GET", "/headers?after=" + strings.Repeat(hash+",", 64) + hash, "", nil, 400},
		wrong{"locator with a gap", "GET", "/headers?after=" + hash + ",", "", nil, 400},
		wrong{"height past the tip", "GET", "/blocks/4", "", nil, 404},
		wrong{"a big height", "GET", "/blocks/9223372036854775807", "", nil, 404},
	)
	for _, path := range []string{"/new_transaction", "/add_block"} {
		for _, body := range []string{
			"", " ", "null", "true", "1", `"x"`, "[]", "{}", "{", "}", "{]", `{"author"`, `{"author":}`, "\x00", "\xff", "\ufeff{}",
			`{"author":1,"content":2}`, `{"author":null,"content":null}`, `{"author":["a"],"content":{}}`, `{"author":"a","content":"b"`,
			`{"author":"a","content":"b"} x`, `{"author":"a","content":"\ud800"}`, `{"author":"a","content":"b","n":1e999}`,
			`{"author":"a","content":"b","n":9007199254740993}`, `{"author":"a","content":"b","content":"c"}`,
			"{\"author\":\"a\",\"content\":\"\xff\"}", `{"author":"a","content":"b","public_key":1,"signature":2}`,
			`{"author":"a","content":"b","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
			strings.Repeat("[", 50_000), `{"author":"a","content":"` + strings.Repeat("x", 80<<10) + `"}`,
			`{"index":"1"}`, `{"index":1e99}`, `{"index":-1,"hash":"x"}`, `{"transactions":{}}`, `{"transactions":[null]}`,
		} {
			table = append(table, wrong{"body", "POST", path, body, jsonType, 400})
		}
		ok := `{"author":"a","content":"b"}`
		table = append(table,
			wrong{"huge", "POST", path, `{"author":"` + strings.Repeat("x", 300<<10) + `"}`, jsonType, 413},
			wrong{"type", "POST", path, ok, []string{"Content-Type", "text/plain"}, 415},
			wrong{"empty type", "POST", path, ok, []string{"Content-Type", ""}, 415},
			wrong{"bad type", "POST", path, ok, []string{"Content-Type", "application/json;;="}, 415},
			wrong{"two types", "POST", path, ok, append([]string{"Content-Type", "text/plain"}, jsonType...), 415},
			wrong{"charset", "POST", path, ok, []string{"Content-Type", "application/json; charset=utf-16"}, 415},
			wrong{"gzip", "POST", path, ok, []string{"Content-Encoding", "gzip"}, 415},
			wrong{"two codings", "POST", path, ok, []string{"Content-Encoding", "identity", "Content-Encoding", "br"}, 415},
			wrong{"origin", "POST", path, ok, []string{"Origin", "https://elsewhere.example"}, 403},
			wrong{"origin of no host", "POST", path, ok, []string{"Origin", "null"}, 403},
			wrong{"no URL as origin", "POST", path, ok, []string{"Origin", "::"}, 403},
			wrong{"site", "POST", path, ok, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		)
	}
	table = append(table,
		wrong{"empty key", "POST", "/new_transaction", `{"author":"a","content":"b"}`, []string{"Idempotency-Key", ""}, 400},
		wrong{"long key", "POST", "/new_transaction", `{"author":"a","content":"b"}`, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400},
		wrong{"odd key", "POST", "/new_transaction", `{"author":"a","content":"b"}`, []string{"Idempotency-Key", "é"}, 400},
		wrong{"two keys", "POST", "/new_transaction", `{"author":"a","content":"b"}`, []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, 400},
		wrong{"huge", "POST", "/mine", strings.Repeat("x", 65<<10), nil, 413},
		wrong{"gzip", "POST", "/mine", "x", []string{"Content-Encoding", "gzip"}, 415},
		wrong{"origin", "POST", "/mine", "", []string{"Origin", "https://elsewhere.example"}, 403},
	)

	before := n.chain.Tip()
	described := loadDescription(t)
	for _, w := range table {
		for _, accept := range []string{"", "application/json"} {
			body := strings.NewReader(w.body)
			r := httptest.NewRequestWithContext(t.Context(), "GET", w.target, body)
			r.Method = w.method
			for i := 0; i < len(w.headers); i += 2 {
				r.Header[w.headers[i]] = append(r.Header[w.headers[i]], w.headers[i+1])
			}
			r.Header.Set("Accept", accept)
			got := httptest.NewRecorder()
			n.api.ServeHTTP(got, r)
			what := fmt.Sprintf("%s: %.10s %.60q %.60q", w.name, w.method, w.target, w.body)
			if got.Code != w.status {
				t.Errorf("%s: status %d, want %d: %s", what, got.Code, w.status, got.Body)
			}
			if n := len(strings.TrimSpace(got.Body.String())); n < 10 || n > 500 {
				t.Errorf("%s: the answer has %d bytes: %q", what, n, got.Body)
			}
			if err := described.check(n.api, r, got); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if err := checkRefusal(got); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if txs, _ := n.chain.PendingCount(); txs != 1 || n.chain.Tip() != before || n.miner.runs != 0 {
		t.Errorf("wrong input changed the state: %d transactions pending, height %d, %d runs of the miner", txs, n.chain.Tip().Height, n.miner.runs)
	}
	if log := n.log.String(); log != "" {
		t.Errorf("wrong input is no fault of the node, but the log has:\n%s", log)
	}
	t.Logf("%d requests", 2*len(table))
}
