package node

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/rules"
)

// getFrom returns the body of the answer of a node at a path.
func getFrom(t *testing.T, n *Node, path string, header ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return answerTo(t, r)
}

func postTo(t *testing.T, n *Node, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+n.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return answerTo(t, r)
}

func answerTo(t *testing.T, r *http.Request) string {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sumOf adds the values of a metric whose labels contain a text.
func sumOf(t *testing.T, exposition, name, label string) (sum float64) {
	t.Helper()
	for line := range strings.SplitSeq(exposition, "\n") {
		if !strings.HasPrefix(line, name+"{") || !strings.Contains(line, label) {
			continue
		}
		value, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum
}

// TestStatusAgreesWithMetrics mines some blocks, then compares the numbers of /status with
// those of /metrics. The node does not mine while they are read.
func TestStatusAgreesWithMetrics(t *testing.T) {
	p, err := rules.Tutorial(2)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), Config{Params: p, Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(t.Context()) }()
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ran; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}()
	for i := range 5 {
		postTo(t, n, "/new_transaction", `{"author":"ann","content":"`+strconv.Itoa(i)+`"}`)
		if text := postTo(t, n, "/mine", ""); !strings.HasPrefix(text, "Block #") {
			t.Fatal(text)
		}
	}
	if text := postTo(t, n, "/miner", `{"mode":"off"}`); text != "Mining mode: off" {
		t.Fatal(text)
	}
	if text := postTo(t, n, "/mine", ""); !strings.Contains(text, "switched off") {
		t.Errorf("mine: %s", text)
	}
	var status struct {
		Kernel  string
		Workers int
		Mining  struct {
			Mode    string
			Total   uint64 `json:"hashes_total"`
			Workers []struct {
				Hashes uint64 `json:"hashes_total"`
			}
			Blocks struct{ Best, Lost, Failed uint64 }
		}
	}
	if err := json.Unmarshal([]byte(getFrom(t, n, "/status")), &status); err != nil {
		t.Fatal(err)
	}
	exposition := getFrom(t, n, "/metrics")
	m := status.Mining
	if hashes := sumOf(t, exposition, "lode_hashes_total", `kernel="`+status.Kernel+`"`); hashes != float64(m.Total) || m.Total == 0 {
		t.Errorf("%d hashes, lode_hashes_total is %v", m.Total, hashes)
	}
	var sum uint64
	for _, worker := range m.Workers {
		sum += worker.Hashes
	}
	if sum != m.Total || len(m.Workers) != status.Workers {
		t.Errorf("%d workers of %d have %d hashes of %d", len(m.Workers), status.Workers, sum, m.Total)
	}
	for outcome, count := range map[string]uint64{"best": m.Blocks.Best, "lost": m.Blocks.Lost, "failed": m.Blocks.Failed} {
		if metric := sumOf(t, exposition, "lode_miner_blocks_total", `outcome="`+outcome+`"`); metric != float64(count) {
			t.Errorf("%d blocks are %s, the metric says %v", count, outcome, metric)
		}
	}
	if m.Blocks.Best != 5 || m.Mode != "off" || sumOf(t, exposition, "lode_miner_info", `mode="off"`) != 1 {
		t.Errorf("mining: %+v", m)
	}

	// The index in JSON, and the first page for a browser.
	if text := getFrom(t, n, "/", "Accept", "application/json"); !strings.Contains(text, `"status":"/status"`) {
		t.Errorf("index: %s", text)
	}
	if text := getFrom(t, n, "/", "Accept", "text/html"); !strings.Contains(text, "<!doctype html>") && !strings.Contains(text, "<!DOCTYPE html>") {
		t.Errorf("page: %.200s", text)
	}
}
