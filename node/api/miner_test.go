package api

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
)

// switchedMiner is a [SwitchedMiner] without a search of its own.
type switchedMiner struct {
	*testMiner
	state    MinerState
	progress mine.Progress
}

func (m *switchedMiner) SetMode(mode string) error {
	if mode != "off" && mode != "pending" {
		return fmt.Errorf("mining mode %q: want off or pending", mode)
	}
	m.state.Mode = mode
	return nil
}

func (m *switchedMiner) State() MinerState       { return m.state }
func (m *switchedMiner) Progress() mine.Progress { return m.progress }

// switchedNode returns a node with a miner that can be switched.
func switchedNode(t *testing.T, config Config) (*testNode, *switchedMiner) {
	t.Helper()
	n := newTestNode(t, testSetup{config: config})
	m := &switchedMiner{testMiner: n.miner}
	n.api.miner = m
	return n, m
}

func TestSetMiner(t *testing.T) {
	n, m := switchedNode(t, Config{Token: "secret"})
	token := []string{"Authorization", "Bearer secret"}
	n.want(n.describedCall("POST", "/miner", `{"mode":"pending"}`), 401, "token")
	if m.state.Mode != "" {
		t.Fatal("the mode was changed without the token")
	}
	n.want(n.describedCall("POST", "/miner", `{"mode":"pending"}`, token...), 200, "Mining mode: pending")
	n.want(n.describedCall("POST", "/miner", "{\"mode\":\n\"off\"}", append(token, "Accept", "application/json")...), 200, `{"message":"Mining mode: off","mode":"off"}`)
	if m.state.Mode != "off" {
		t.Fatalf("the mode is %q", m.state.Mode)
	}
	for _, body := range []string{
		``, `{}`, `[]`, `null`, `"off"`, `{"mode":null}`, `{"mode":1}`, `{"mode":["off"]}`, `{"mode":"pending","other":1}`, `{"Mode":"pending"}`,
		`{"mode":"pending","mode":"off"}`, `{"mode":"pending"} x`, `{"mode":"sometimes"}`, `{"mode":"PENDING"}`, `{"mode":""}`,
	} {
		n.want(n.describedCall("POST", "/miner", body, append(token, "Accept", "application/json")...), 400, `"reason":"malformed"`)
	}
	if m.state.Mode != "off" {
		t.Errorf("a wrong body has changed the mode to %q", m.state.Mode)
	}
	n.want(n.describedCall("POST", "/miner", fmt.Sprintf(`{"mode":%*q}`, maxMinerBody, "off"), token...), 413, "body")
	n.want(n.describedCall("POST", "/miner", `{"mode":"off"}`, append(token, "Content-Type", "text/plain")...), 415, "")
	n.want(n.describedCall("POST", "/miner", `{"mode":"off"}`, append(token, "Origin", "https://other.example", "Sec-Fetch-Site", "cross-site")...), 403, "another origin")
	n.want(n.describedCall("GET", "/miner", ""), 405, "POST")

	m.err = ErrMinerOff
	n.want(n.describedCall("POST", "/mine", "", append(token, "Accept", "application/json")...), 503, `"reason":"no-miner"`)

	plain := newTestNode(t, testSetup{}) // its miner cannot be switched
	plain.want(plain.describedCall("POST", "/miner", `{"mode":"off"}`, "Accept", "application/json"), 503, `"reason":"no-miner"`)
}

// TestMinerStatus checks the part of the status that a miner adds which can be switched.
func TestMinerStatus(t *testing.T) {
	n, m := switchedNode(t, Config{})
	m.state = MinerState{
		Mode: "pending", Hashes: 300, Workers: []WorkerState{{Hashes: 100, Rate: 12.5}, {Hashes: 200}}, Best: 3, Lost: 2, Failed: 1,
	}
	var status struct {
		Mining struct {
			Active   bool
			Mode     string
			Hashes   uint64
			Expected float64 `json:"expected_hashes"`
			Total    uint64  `json:"hashes_total"`
			Odds     float64
			Workers  []struct {
				Hashes uint64  `json:"hashes_total"`
				Rate   float64 `json:"hashes_per_second"`
			}
			Blocks struct{ Best, Lost, Failed uint64 }
		}
	}
	read := func() {
		t.Helper()
		w := n.describedCall("GET", "/status", "")
		if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s (%v)", w.Code, w.Body, err)
		}
	}
	read()
	s := status.Mining
	if s.Active || s.Mode != "pending" || s.Total != 300 || s.Odds != 0 || len(s.Workers) != 2 || s.Workers[0].Rate != 12.5 || s.Workers[1].Hashes != 200 ||
		s.Blocks != (struct{ Best, Lost, Failed uint64 }{3, 2, 1}) {
		t.Errorf("without a search: %+v", s)
	}
	m.progress = mine.Progress{Mining: true, Height: 1, Since: n.now(), Hashes: 200, Expected: 100, Rate: 1}
	read()
	if s := status.Mining; !s.Active || s.Hashes != 200 || s.Expected != 100 || math.Abs(s.Odds-(1-math.Exp(-2))) > 1e-12 {
		t.Errorf("during a search: %+v", s)
	}
}

// TestMiningEventOfMode checks that streams tell of another mode.
func TestMiningEventOfMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, m := switchedNode(t, Config{})
		m.state.Mode = "pending"
		s := &eventStream{api: n.api}
		for i, want := range []string{`"active":false,"mode":"pending"`, "", `"mode":"off"`, ""} {
			if i == 2 {
				m.state.Mode = "off"
			}
			got := s.changes()
			if want == "" && strings.Contains(got, "event: mining") || !strings.Contains(got, want) {
				t.Errorf("look %d: %q, want %q", i, got, want)
			}
		}
	})
}

// TestStreamsThatSeeMore has a stream look a moment after each beat, during searches that end
// before the next beat. It gets to know that each of them has ended.
func TestStreamsThatSeeMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, m := switchedNode(t, Config{})
		s := &eventStream{api: n.api}
		look := func(want string) {
			t.Helper()
			if got := s.changes(); !strings.Contains(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		woken := func() bool {
			news := n.api.pulse.news()
			n.api.pulse.beat()
			select {
			case <-news:
				return true
			default:
				return false
			}
		}
		look("pending")
		for woken() {
			look("")
		}
		n.post("x")
		if !woken() {
			t.Error("the stream was not woken, although there is a post")
		}
		for range 3 {
			m.progress = mine.Progress{Mining: true, Height: 1, Since: n.now()}
			look(`"active":true`)
			m.progress = mine.Progress{}
			if !woken() {
				t.Fatal("the stream was not woken, although it has said that the node mines")
			}
		}
		look(`"active":false`)
		if woken() {
			t.Error("the stream was woken, although nothing has happened")
		}
	})
}

// TestPreferWait has a client that does not want to wait for a block.
func TestPreferWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{})
		n.post("x")
		n.miner.hold = make(chan struct{})
		for prefer, seconds := range map[string]int{"wait=7": 7, "respond-async, wait=3": 3, "wait=0": 0} {
			start := time.Now()
			n.want(n.do("POST", "/mine", "", "Prefer", prefer), 202, "Mining goes on")
			if took := time.Since(start); took != time.Duration(seconds)*time.Second {
				t.Errorf("%s: the answer took %v", prefer, took)
			}
		}
		for _, prefer := range []string{"wait=99999999999", "wait=-1", "wait=x", "", "return=minimal"} {
			start := time.Now()
			n.want(n.do("POST", "/mine", "", "Prefer", prefer), 202, "Mining goes on")
			if took := time.Since(start); took != n.api.limits.mineWait {
				t.Errorf("%s: the answer took %v, want %v", prefer, took, n.api.limits.mineWait)
			}
		}
		close(n.miner.hold)
		synctest.Wait()
	})
}
