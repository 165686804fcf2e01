// Command bare is the baseline for benchmarks of a node's HTTP API. It answers posts
// with the same status and body as a node, but does no more than decode their JSON
// into a map.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8222", "address to listen on")
	flag.Parse()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /new_transaction", func(w http.ResponseWriter, r *http.Request) {
		var post map[string]any
		if err := json.NewDecoder(r.Body).Decode(&post); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "Success") // fails only if the client has disconnected
	})
	server := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
