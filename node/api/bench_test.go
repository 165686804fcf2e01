package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// nullChain accepts transactions and does not keep them.
type nullChain struct{ Chain }

func (nullChain) AddTx(block.Tx) (chain.TxOutcome, error) { return chain.TxAdded, nil }

// nullWriter discards an answer.
type nullWriter struct{ header http.Header }

func (w nullWriter) Header() http.Header         { return w.header }
func (w nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w nullWriter) WriteHeader(int)             {}

// BenchmarkPost measures the work on a post without the network and the disk, next
// to a bare handler that only decodes the same JSON.
func BenchmarkPost(b *testing.B) {
	n := newTestNode(b, testSetup{api: func(c Chain) Chain { return nullChain{c} }})
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var post struct{ Author, Content string }
		if err := json.NewDecoder(r.Body).Decode(&post); err != nil || post.Author == "" || post.Content == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "Success")
	})
	for _, h := range []struct {
		name    string
		handler http.Handler
	}{{"lode", n.api}, {"bare", bare}} {
		b.Run("handler="+h.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				body := bytes.NewReader(fmt.Appendf(nil, `{"author":"ann","content":"post number %d"}`, i))
				r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, "/new_transaction", body)
				r.Header.Set("Content-Type", "application/json")
				h.handler.ServeHTTP(nullWriter{http.Header{}}, r)
			}
		})
	}
}
