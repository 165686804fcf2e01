package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/lodepow/lode/chain/block"
)

// ErrMinerOff is the error of a miner that has been switched off.
var ErrMinerOff = errors.New(`mining is switched off on this node: switch it on with POST /miner {"mode": "on-demand"}`)

// SwitchedMiner is a [Miner] that can be switched to another mode while it runs, and that
// says how fast it is.
type SwitchedMiner interface {
	Miner

	// SetMode changes when the miner mines. The error says which modes there are.
	SetMode(mode string) error

	// State returns what the miner does.
	State() MinerState
}

// MinerState describes a miner. The counts begin when the miner is made.
type MinerState struct {
	Mode    string // when it mines: off, on-demand, pending or continuous
	Hashes  uint64 // computed by all workers; the metric lode_hashes_total is the same number
	Workers []WorkerState

	// Best, Lost and Failed count the blocks that it has solved, as the metric
	// lode_miner_blocks_total does.
	Best, Lost, Failed uint64
}

// WorkerState describes one of the goroutines that hash.
type WorkerState struct {
	Hashes uint64  // computed so far
	Rate   float64 // hashes a second since the reading before, also without a search; 0 if that is minutes ago
}

const maxMinerBody = 1 << 10 // bytes of the body of /miner

// setMiner switches the miner to another mode.
func (a *API) setMiner(w *writer, r *http.Request) error {
	body := a.buffer()
	defer a.release(body)
	if err := readJSON(w, r, body, maxMinerBody, reasonOversize); err != nil {
		return err
	}
	mode, err := parseMode(body.Bytes())
	if err != nil {
		return err
	}
	miner, ok := a.miner.(SwitchedMiner)
	if !ok {
		return withReason(refuse(http.StatusServiceUnavailable, "this node has no miner that can be switched"), reasonNoMiner)
	}
	if err := miner.SetMode(mode); err != nil {
		return withReason(refuse(http.StatusBadRequest, "%v", err), reasonMalformed)
	}
	text := "Mining mode: " + mode
	a.say(w, r, http.StatusOK, text, func() any {
		return struct {
			Message string `json:"message"`
			Mode    string `json:"mode"`
		}{text, mode}
	})
	return nil
}

// parseMode reads the mode in a body such as {"mode": "pending"}. It refuses other keys,
// because a key with a typing error would be ignored otherwise.
func parseMode(body []byte) (string, error) {
	const example = `{"mode": "on-demand"}`
	values, err := block.ParseObject(body)
	if err != nil {
		return "", withReason(refuse(http.StatusBadRequest, "%v: want a JSON object such as %s", err, example), reasonMalformed)
	}
	mode, ok := block.ParseString(values["mode"])
	if !ok || len(values) != 1 {
		return "", withReason(refuse(http.StatusBadRequest, "want a JSON object such as %s and no other fields", example), reasonMalformed)
	}
	return mode, nil
}

// minerJSON is the part of the mining status that a [SwitchedMiner] adds.
type minerJSON struct {
	Mode   string `json:"mode"`
	Hashes uint64 `json:"hashes_total"` // since the node was started, like lode_hashes_total

	// Odds is the probability that a search would have ended by now, if it has done as
	// many hashes as this one.
	Odds float64 `json:"odds"`

	Workers []workerJSON   `json:"workers"`
	Blocks  minedBlockJSON `json:"blocks"`
}

type workerJSON struct {
	Hashes uint64  `json:"hashes_total"`
	Rate   float64 `json:"hashes_per_second"`
}

// minedBlockJSON counts the blocks that the miner has solved, like lode_miner_blocks_total.
type minedBlockJSON struct {
	Best   uint64 `json:"best"`
	Lost   uint64 `json:"lost"`
	Failed uint64 `json:"failed"`
}

// minerStatus returns nil if the miner does not say more than a [Miner] does. A search has
// done the given number of hashes, of which it needs as many as expected on average.
func (a *API) minerStatus(hashes uint64, expected float64) *minerJSON {
	miner, ok := a.miner.(SwitchedMiner)
	if !ok {
		return nil
	}
	s := miner.State()
	m := &minerJSON{
		Mode: s.Mode, Hashes: s.Hashes, Workers: make([]workerJSON, len(s.Workers)),
		Blocks: minedBlockJSON{s.Best, s.Lost, s.Failed},
	}
	for i, worker := range s.Workers {
		m.Workers[i] = workerJSON(worker)
	}
	if expected > 0 {
		m.Odds = -math.Expm1(-float64(hashes) / expected)
	}
	return m
}

// waitOf returns how many seconds a client wants to wait for an answer, by the header
// "Prefer: wait=N" (RFC 7240), and false if it does not say.
func waitOf(r *http.Request) (seconds int64, ok bool) {
	for _, line := range r.Header["Prefer"] {
		for element := range splitList(line) {
			var n int64
			if count, err := fmt.Sscanf(element, "wait=%d", &n); err == nil && count == 1 && n >= 0 {
				return n, true
			}
		}
	}
	return 0, false
}
