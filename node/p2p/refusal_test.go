package p2p

import (
	"net/url"
	"strings"
	"testing"
)

// TestRefusalsHaveNoInternals decodes bodies in which something is wrong as requests of
// every kind. The message for the peer must not tell how this program is made.
func TestRefusalsHaveNoInternals(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	keys := []string{
		"protocol", "agent", "network", "node_id", "address", "tip", "height", "hash", "chainwork", "locator", "hashes", "txs", "blocks", "limit", "stop", "age",
	}
	values := []string{
		"null", "true", "1", "-1", "1.5", "1e999", `"x"`, `""`, `"` + strings.Repeat("z", 64) + `"`, `"http://a b"`, "[]", "[1]", `["x"]`, `[{"hash":1}]`,
		`[{"age":"x"}]`, "{}", `{"height":"x"}`, `{"hash":"x"}`, `{"chainwork":"x"}`,
	}
	bodies := []string{"", "{", "[]", "null", "{}x", `{"a"}`, "\xff", `{"\ud800":1}`, strings.Repeat("[", 100)}
	for _, key := range keys {
		for _, value := range values {
			bodies = append(bodies, `{"`+key+`":`+value+`}`)
		}
	}
	refused := 0
	for _, path := range n.Paths() {
		ep, kind, _ := n.endpoints.at(path)
		for _, body := range bodies {
			_, err := decodeRequest(ep, kind, url.Values{"from": {body}, "limit": {body}}, []byte(body))
			if err == nil {
				continue
			}
			refused++
			for _, trace := range []string{"json:", "Go ", "struct", "nmarshal", "strconv", "net/", "encoding/", "uint", "int64", "gossip.", "EOF", "context ", "%!"} {
				if strings.Contains(err.Error(), trace) {
					t.Errorf("%s %q: the message has %q: %v", path, body, trace, err)
				}
			}
		}
	}
	if refused < 500 {
		t.Errorf("%d requests were refused, want at least 500", refused)
	}
}
