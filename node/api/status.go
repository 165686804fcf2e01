package api

import (
	"bytes"
	_ "embed" // the description
	"net/http"

	"github.com/lodepow/lode/pow"
)

//go:embed openapi.yaml
var openAPI string

type statusJSON struct {
	Version string `json:"version"`
	Kernel  string `json:"kernel"`
	Workers int    `json:"workers"`

	Network struct {
		Name string   `json:"name"`
		ID   pow.Hash `json:"id"`
	} `json:"network"`

	Height     int64    `json:"height"`
	Hash       pow.Hash `json:"hash"`
	Chainwork  string   `json:"chainwork"`
	Bits       pow.Bits `json:"bits"`       // of the next block
	Difficulty float64  `json:"difficulty"` // of the next block, in units of bits 1d00ffff

	Mempool poolJSON   `json:"mempool"`
	Mining  miningJSON `json:"mining"`

	Peers  int      `json:"peers"`
	Sync   syncJSON `json:"sync"`
	Uptime float64  `json:"uptime_seconds"`

	Clock *clockJSON `json:"clock,omitempty"` // if peers have said their time
}

// clockJSON compares this node's clock with those of its peers.
type clockJSON struct {
	Offset float64 `json:"offset_seconds"` // from their median; positive if this node's clock is ahead
	Peers  int     `json:"peers"`          // whose clocks count
}

type poolJSON struct {
	Transactions int `json:"transactions"`
	Bytes        int `json:"bytes"`
}

type miningJSON struct {
	Active   bool    `json:"active"`
	Height   int64   `json:"height,omitempty"`  // of the block that is being mined
	Seconds  float64 `json:"seconds,omitempty"` // since the search began
	Hashes   uint64  `json:"hashes,omitempty"`
	Expected float64 `json:"expected_hashes,omitempty"`
	Rate     float64 `json:"hashes_per_second,omitempty"`

	*minerJSON // nil, and left out, unless the miner can be switched
}

func (a *API) getStatus(w *writer, r *http.Request) error {
	params, tip := a.chain.Params(), a.chain.Tip()
	s := statusJSON{
		Version: a.config.Version, Kernel: a.config.Kernel, Workers: a.config.Workers,
		Height: tip.Height, Hash: tip.Hash, Chainwork: tip.Work.String(), Bits: tip.NextBits(params),
		Mempool: a.poolStatus(),
		Mining:  a.miningStatus(),
		Peers:   len(a.peerInfos()),
		Sync:    a.syncStatus(),
		Uptime:  a.now().Sub(a.started).Seconds(),
		Clock:   a.clockStatus(),
	}
	s.Network.Name, s.Network.ID = params.Name(), params.ID()
	if target, err := s.Bits.Target(); err == nil {
		s.Difficulty = target.Difficulty()
	}
	a.sendJSON(w, r, http.StatusOK, s)
	return nil
}

func (a *API) poolStatus() poolJSON {
	txs, bytes := a.chain.PendingCount()
	return poolJSON{txs, bytes}
}

func (a *API) miningStatus() miningJSON {
	if a.miner == nil {
		return miningJSON{}
	}
	p := a.miner.Progress()
	m := miningJSON{minerJSON: a.minerStatus(p.Hashes, p.Expected)}
	if p.Mining {
		m.Active, m.Height, m.Seconds = true, p.Height, a.now().Sub(p.Since).Seconds()
		m.Hashes, m.Expected, m.Rate = p.Hashes, p.Expected, p.Rate
	}
	return m
}

func (a *API) getHealth(w *writer, r *http.Request) error {
	if a.config.Health != nil && a.config.Health() != nil {
		return errUnhealthy // the log has the reason, which may name files
	}
	a.say(w, r, http.StatusOK, "ok", func() any { return messageJSON{"ok"} })
	return nil
}

// errUnhealthy is what /healthz answers when the store has given up.
var errUnhealthy = problem{
	status: http.StatusServiceUnavailable, reason: reasonBroken,
	sentence: "the node's disk has failed: the node takes no changes, can be read a little longer, and has to be started again; its log says why",
}

// getMetrics gathers the metrics into a buffer and then sends them. A gathering
// takes far more memory than its text, so at most maxGathers run at once, and a
// slow reader must hold the text only.
func (a *API) getMetrics(w *writer, r *http.Request) error {
	text := &gathered{header: w.Header(), buf: a.buffer(), status: http.StatusOK}
	defer a.release(text.buf)
	select {
	case a.gathers <- struct{}{}:
	case <-r.Context().Done():
		return errGone
	}
	func() {
		defer func() { <-a.gathers }()
		a.config.Metrics.ServeHTTP(text, r)
	}()
	w.WriteHeader(text.status)
	_ = a.write(w, r, text.buf.Bytes()) // an error means that the client has left
	return nil
}

// noMetrics answers /metrics with an exposition in which there are no metrics.
func noMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
}

// gathered is an [http.ResponseWriter] that keeps the answer in memory.
type gathered struct {
	header http.Header
	buf    *bytes.Buffer
	status int
}

// Header implements [http.ResponseWriter].
func (g *gathered) Header() http.Header { return g.header }

// WriteHeader implements [http.ResponseWriter].
func (g *gathered) WriteHeader(status int) { g.status = status }

// Write implements [http.ResponseWriter].
func (g *gathered) Write(p []byte) (int, error) { return g.buf.Write(p) }

func (a *API) getOpenAPI(w *writer, r *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	a.send(w, r, http.StatusOK, []byte(openAPI))
	return nil
}
