package p2p

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lodepow/lode/node/gossip"
)

// TestNotes has each kind of note counted and logged.
func TestNotes(t *testing.T) {
	var log bytes.Buffer
	config := testConfig(newTestChain(t))
	config.Peers = []gossip.Address{"http://kept:1"}
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	n := newTestNetwork(t, config)
	(&script{
		peers: []gossip.PeerInfo{{Out: true}, {}, {}},
		book:  make([]gossip.Entry, 5),
		sync:  gossip.SyncInfo{Active: true, From: 10, Height: 60, Target: 160, Since: testTime},
	}).set(n)
	for _, note := range []gossip.Note{
		{Kind: gossip.NoteFailed, Peer: "http://kept:1", Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteFailed, Peer: "http://kept:1", Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteConnected, Peer: "http://kept:1", Out: true},
		{Kind: gossip.NoteFailed, Peer: "http://heard:1", Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteConnected, Peer: "http://in:1"},
		{Kind: gossip.NoteDropped, Peer: "http://in:1", Reason: "unreachable"},
		{Kind: gossip.NoteBanned, Peer: "http://in:1", Reason: "work"},
		{Kind: gossip.NoteRefused, Reason: "full"},
		{Kind: gossip.NotePropagated, Hash: hashOf(1), Took: 15 * time.Millisecond},
		{Kind: gossip.NoteAnnounced, Reason: "block", Count: 2},
		{Kind: gossip.NoteHeard, Reason: "tx", Count: 30},
		{Kind: gossip.NoteSyncBegins, Count: 150},
		{Kind: gossip.NoteSynced, Count: 50},
		{Kind: gossip.NoteSyncStalled},
		{Kind: gossip.NoteSyncEnds, Reason: "done"},
	} {
		n.note(note)
	}
	want := `
# HELP lode_addresses Addresses of nodes in the address book.
# TYPE lode_addresses gauge
lode_addresses 5
# HELP lode_gossip_announcements_total Blocks and transactions announced to and by peers.
# TYPE lode_gossip_announcements_total counter
lode_gossip_announcements_total{direction="received",kind="block"} 0
lode_gossip_announcements_total{direction="received",kind="tx"} 30
lode_gossip_announcements_total{direction="sent",kind="block"} 2
lode_gossip_announcements_total{direction="sent",kind="tx"} 0
# HELP lode_peer_bans_total Peers banned for some time, by what they did.
# TYPE lode_peer_bans_total counter
lode_peer_bans_total{reason="invalid"} 0
lode_peer_bans_total{reason="malformed"} 0
lode_peer_bans_total{reason="oversize"} 0
lode_peer_bans_total{reason="unconnected"} 0
lode_peer_bans_total{reason="unrequested"} 0
lode_peer_bans_total{reason="work"} 1
# HELP lode_peer_connections_total Connections with other nodes that came about, and attempts that did not, by direction and outcome.
# TYPE lode_peer_connections_total counter
lode_peer_connections_total{direction="in",result="connected"} 1
lode_peer_connections_total{direction="in",result="unreachable"} 0
lode_peer_connections_total{direction="out",result="connected"} 1
lode_peer_connections_total{direction="out",result="unreachable"} 3
# HELP lode_peers Nodes that this one is connected with, by who chose whom.
# TYPE lode_peers gauge
lode_peers{direction="in"} 2
lode_peers{direction="out"} 1
# HELP lode_sync_blocks_remaining Blocks that peers have and this node has not yet taken; 0 if it is not catching up.
# TYPE lode_sync_blocks_remaining gauge
lode_sync_blocks_remaining 100
# HELP lode_sync_blocks_total Blocks taken while catching up with other nodes.
# TYPE lode_sync_blocks_total counter
lode_sync_blocks_total 50
`
	if err := testutil.CollectAndCompare(n, strings.NewReader(want), "lode_addresses", "lode_gossip_announcements_total", "lode_peer_bans_total",
		"lode_peer_connections_total", "lode_peers", "lode_sync_blocks_remaining", "lode_sync_blocks_total"); err != nil {
		t.Error(err)
	}
	if got := testutil.CollectAndCount(n, "lode_block_propagation_seconds"); got != 1 {
		t.Errorf("%d propagation histograms", got)
	}
	problems, err := testutil.CollectAndLint(n)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	if got := strings.Count(log.String(), "no connection with peer"); got != 1 || strings.Contains(log.String(), "heard") {
		t.Errorf("a peer that is wanted and missing is said once, others never: %s", log.String())
	}
	for _, part := range []string{`"peer connected" peer=http://in:1 direction=in`, `"peer banned"`, `"peer dropped"`, `"sync begins"`, `"sync ends"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, log.String())
		}
	}
	perSecond, left := n.Sync().Progress(testTime.Add(5 * time.Second))
	if perSecond != 10 || left != 10*time.Second {
		t.Errorf("%v blocks a second, %v left", perSecond, left)
	}
}

// TestRequestsAreCounted counts what was sent, by outcome, and bytes both ways.
func TestRequestsAreCounted(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	(&script{}).set(n)
	if w := call(n, "GET", "/p2p/addresses", ""); w.Code != 200 {
		t.Fatal(w.Code)
	}
	call(n, "POST", "/p2p/headers", "{")
	n.metrics.request("/p2p/hello", gossip.Fault{}, time.Second)
	n.metrics.request("/p2p/hello", gossip.Refusal{}, time.Second)
	n.metrics.request("/p2p/hello", errTooManySends, time.Second)
	for _, result := range []string{"fault", "refused", "failed"} {
		if got := testutil.ToFloat64(n.metrics.requests.WithLabelValues("/p2p/hello", result)); got != 1 {
			t.Errorf("%s: %v", result, got)
		}
	}
	if sent, received := testutil.ToFloat64(n.metrics.sent), testutil.ToFloat64(n.metrics.received); sent < 20 || received != 1 {
		t.Errorf("%v bytes sent, %v received", sent, received)
	}
	if got := testutil.ToFloat64(n.metrics.refused.WithLabelValues("bad-request")); got != 1 {
		t.Errorf("%v refused", got)
	}
}
