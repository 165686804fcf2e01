package node

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/mine/stratum/server"
	"github.com/lodepow/lode/mine/stratum/vardiff"
	"github.com/lodepow/lode/pow"
)

// stratumMiner is a session of a miner with a node.
type stratumMiner struct {
	t     *testing.T
	conn  net.Conn
	lines *stratum.Reader
	terms stratum.Terms
}

func dialStratum(t *testing.T, n *Node) *stratumMiner {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", n.StratumAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &stratumMiner{t: t, conn: conn, lines: stratum.NewReader(conn, stratum.MaxPoolLine)}
}

func (m *stratumMiner) send(msg stratum.Message) {
	m.t.Helper()
	if _, err := m.conn.Write(msg.Line()); err != nil {
		m.t.Fatal(err)
	}
}

func (m *stratumMiner) receive() stratum.Message {
	m.t.Helper()
	line, err := m.lines.ReadLine()
	if err != nil {
		m.t.Fatal(err)
	}
	msg, err := stratum.Parse(line)
	if err != nil {
		m.t.Fatal(err)
	}
	return msg
}

// login subscribes and authorizes.
func (m *stratumMiner) login(worker string) {
	m.t.Helper()
	m.send(stratum.Subscribe{Agent: "test"}.Message(stratum.NumberID(1)))
	s, err := stratum.ParseSubscribed(m.receive())
	if err != nil {
		m.t.Fatal(err)
	}
	if m.terms.Extranonces, err = mine.NewSpace(s.Extranonce1, s.Extranonce2Size); err != nil {
		m.t.Fatal(err)
	}
	m.send(stratum.Authorize{User: worker}.Message(stratum.NumberID(2)))
	if err := m.receive().Check(); err != nil {
		m.t.Fatal(err)
	}
}

// job receives lines until there is a job.
func (m *stratumMiner) job() (stratum.Notify, mine.Work) {
	m.t.Helper()
	for {
		msg := m.receive()
		switch msg.Method {
		case stratum.MethodSetDifficulty:
			d, err := stratum.ParseSetDifficulty(msg)
			if err != nil {
				m.t.Fatal(err)
			}
			if m.terms.Target, err = stratum.TargetOf(d.Difficulty); err != nil {
				m.t.Fatal(err)
			}
		case stratum.MethodNotify:
			job, err := stratum.ParseNotify(msg)
			if err != nil {
				m.t.Fatal(err)
			}
			w, err := job.Work("1", m.terms)
			if err != nil {
				m.t.Fatal(err)
			}
			return job, w
		}
	}
}

// mineShare submits a share of the work and returns its solution.
func (m *stratumMiner) mineShare(worker, job string, w mine.Work) mine.Solution {
	m.t.Helper()
	extranonce := w.Extranonces.At(0)
	r, err := pow.Kernels()[0].Scan(w.Job(extranonce, w.MinTime))
	if err != nil {
		m.t.Fatal(err)
	}
	s, err := w.Solution(extranonce, r.Header)
	if err != nil {
		m.t.Fatal(err)
	}
	m.send(stratum.SubmitOf(worker, job, w, s).Message(stratum.NumberID(3)))
	for {
		if msg := m.receive(); msg.IsAnswer() {
			if err := msg.Check(); err != nil {
				m.t.Fatal(err)
			}
			return s
		}
	}
}

// Miners mine a node's chain, and the coinbase of a block names the one that has found
// it. The node itself does not search.
func TestStratumMinesTheChain(t *testing.T) {
	reg := prometheus.NewRegistry()
	n := startLive(t, Config{Mine: Continuous, Tag: "pool", Registry: reg, Stratum: StratumConfig{Listen: "127.0.0.1:0", Only: true}})
	m := dialStratum(t, n.Node)
	m.login("ann.rig1")
	post(t, n.Chain(), "before the first job, or after it")
	for height := int64(1); height <= 3; height++ {
		var job stratum.Notify
		var w mine.Work
		for job, w = m.job(); w.Height < height; job, w = m.job() { // newer jobs on the same tip
		}
		s := m.mineShare("ann.rig1", job.Job, w)
		if tip := n.Chain().Tip(); tip.Hash != s.Hash || tip.Height != height {
			t.Fatalf("the tip is block %d, %s; want %d, %s", tip.Height, tip.Hash, height, s.Hash)
		}
		b, err := n.Chain().Block(s.Hash)
		if err != nil || b.Coinbase.Tag != "pool/ann.rig1" {
			t.Fatalf("tag %q, %v", b.Coinbase.Tag, err)
		}
	}
	blocks := n.Stratum().Blocks()
	if len(blocks) != 3 || blocks[0].Worker != "ann.rig1" || blocks[0].Height != 3 || blocks[0].Outcome != mine.Accepted {
		t.Errorf("blocks %+v", blocks)
	}
	// A rate of no hashes would look as if the node had stopped.
	for name := range families(t, reg) {
		if name == "lode_hashes_total" || name == "lode_workers" {
			t.Errorf("a node that searches nothing exports %s", name)
		}
	}
	if p := n.miner.Progress(); p.Hashes != 0 || n.Engine().Stats().Hashes != 0 {
		t.Errorf("the node has searched: %+v", p)
	}
	if got := n.miner.source.Stats().Best; got != 3 {
		t.Errorf("%d blocks of the source are the tip, want 3", got)
	}
}

// A client that asks for a block gets it from the miners.
func TestStratumMinesOnDemand(t *testing.T) {
	n := startLive(t, Config{Stratum: StratumConfig{Listen: "127.0.0.1:0", Only: true}})
	m := dialStratum(t, n.Node)
	m.login("ann")
	tx := post(t, n.Chain(), "mine this")
	answer := make(chan error, 1)
	go func() {
		b, mined, err := n.miner.Mine(t.Context())
		if err == nil && (!mined || len(b.Txs) != 1 || b.Txs[0] != tx || !strings.HasSuffix(b.Coinbase.Tag, "ann")) {
			t.Errorf("mined %v, block %+v", mined, b)
		}
		answer <- err
	}()
	job, w := m.job()
	m.mineShare("ann", job.Job, w)
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

// The node and its miners search different extranonces of the same work.
func TestStratumBesideTheNode(t *testing.T) {
	n := startLive(t, Config{Stratum: StratumConfig{Listen: "127.0.0.1:0"}})
	m := dialStratum(t, n.Node)
	m.login("ann")
	session := binary.BigEndian.Uint32(m.terms.Extranonces.Fixed())
	for i := range 3 {
		post(t, n.Chain(), fmt.Sprint("mine this ", i))
		b, mined, err := n.miner.Mine(t.Context())
		if err != nil || !mined {
			t.Fatal(mined, err)
		}
		if got := uint32(b.Coinbase.Extranonce >> 32); got != session-1 {
			t.Errorf("the node has searched the extranonces that begin with %08x, the first session has %08x", got, session)
		}
	}
}

func TestStratumConfig(t *testing.T) {
	for _, c := range []StratumConfig{
		{Only: true},
		{Listen: "127.0.0.1:0", Limits: server.Limits{Sessions: -1}},
		{Listen: "127.0.0.1:0", Vardiff: vardiff.Config{Rate: -1}},
	} {
		if n, err := Open(t.Context(), Config{Params: easy(t), Data: t.TempDir(), Listen: "127.0.0.1:0", Stratum: c}); err == nil {
			t.Errorf("%+v: a node was opened", c)
			_ = n.Close()
		}
	}
	for listen, want := range map[string]string{":3333": "127.0.0.1:3333", "0.0.0.0:1": "0.0.0.0:1", "[::]:2": "[::]:2", "pool:3": "pool:3"} {
		if got, err := (StratumConfig{Listen: listen}).address(); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", listen, got, err, want)
		}
	}
	if _, err := (StratumConfig{Listen: "3333"}).address(); err == nil {
		t.Error("an address without a colon was taken")
	}
}
