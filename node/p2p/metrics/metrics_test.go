package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

// TestMetrics counts what an observer is told, and exports the stats.
func TestMetrics(t *testing.T) {
	stats := p2p.Stats{Outbound: 1, Inbound: 2, Addresses: 5, Remaining: 100, BytesSent: 70, BytesReceived: 80,
		Clock: gossip.ClockInfo{Offset: -90 * time.Second, Peers: 3}}
	m := newMetrics(func() p2p.Stats { return stats }, []string{"/p2p/hello", "/p2p/pool"})
	o := m.observer()
	for _, note := range []gossip.Note{
		{Kind: gossip.NoteFailed, Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteFailed, Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteFailed, Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteConnected, Out: true},
		{Kind: gossip.NoteConnected},
		{Kind: gossip.NoteDropped, Reason: "unreachable"},
		{Kind: gossip.NoteBanned, Reason: "work"},
		{Kind: gossip.NoteRefused, Reason: "full"}, // counted by Refused
		{Kind: gossip.NotePropagated, Took: 15 * time.Millisecond},
		{Kind: gossip.NoteAnnounced, Reason: "block", Count: 2},
		{Kind: gossip.NoteHeard, Reason: "tx", Count: 30},
		{Kind: gossip.NoteSyncBegins, Count: 150},
		{Kind: gossip.NoteSynced, Count: 50},
	} {
		o.Noted(note)
	}
	o.Sent(p2p.Sent{Route: "/p2p/hello", Result: p2p.ResultFault, Took: time.Second})
	o.Sent(p2p.Sent{Route: "/p2p/hello", Result: p2p.ResultOK, Took: time.Second})
	o.Refused(gossip.Full)
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
# HELP lode_peer_bytes_total Bytes of the bodies of messages from and to other nodes.
# TYPE lode_peer_bytes_total counter
lode_peer_bytes_total{direction="received"} 80
lode_peer_bytes_total{direction="sent"} 70
# HELP lode_peer_clock_offset_seconds This node's clock minus the median of its peers' clocks; positive if this node's is ahead, 0 if no peer has said its time.
# TYPE lode_peer_clock_offset_seconds gauge
lode_peer_clock_offset_seconds -90
# HELP lode_peer_connections_total Connections with other nodes that came about, and attempts that did not, by direction and outcome.
# TYPE lode_peer_connections_total counter
lode_peer_connections_total{direction="in",result="connected"} 1
lode_peer_connections_total{direction="in",result="unreachable"} 0
lode_peer_connections_total{direction="out",result="connected"} 1
lode_peer_connections_total{direction="out",result="unreachable"} 3
# HELP lode_peer_refused_total Requests of other nodes that were refused, by reason.
# TYPE lode_peer_refused_total counter
lode_peer_refused_total{reason="bad-request"} 0
lode_peer_refused_total{reason="banned"} 0
lode_peer_refused_total{reason="busy"} 0
lode_peer_refused_total{reason="full"} 1
lode_peer_refused_total{reason="self"} 0
lode_peer_refused_total{reason="unknown-session"} 0
lode_peer_refused_total{reason="wrong-network"} 0
lode_peer_refused_total{reason="wrong-version"} 0
# HELP lode_peer_request_duration_seconds Time from the sending of a request to another node to the end of its answer.
# TYPE lode_peer_request_duration_seconds histogram
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.0005"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.001"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.0025"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.005"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.01"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.025"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.05"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.1"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.25"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="0.5"} 0
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="1"} 2
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="2.5"} 2
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="5"} 2
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="10"} 2
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="30"} 2
lode_peer_request_duration_seconds_bucket{route="/p2p/hello",le="+Inf"} 2
lode_peer_request_duration_seconds_sum{route="/p2p/hello"} 2
lode_peer_request_duration_seconds_count{route="/p2p/hello"} 2
# HELP lode_peer_requests_total Requests sent to other nodes, by route and outcome.
# TYPE lode_peer_requests_total counter
lode_peer_requests_total{result="failed",route="/p2p/hello"} 0
lode_peer_requests_total{result="failed",route="/p2p/pool"} 0
lode_peer_requests_total{result="fault",route="/p2p/hello"} 1
lode_peer_requests_total{result="fault",route="/p2p/pool"} 0
lode_peer_requests_total{result="ok",route="/p2p/hello"} 1
lode_peer_requests_total{result="ok",route="/p2p/pool"} 0
lode_peer_requests_total{result="refused",route="/p2p/hello"} 0
lode_peer_requests_total{result="refused",route="/p2p/pool"} 0
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
	if err := testutil.CollectAndCompare(m, strings.NewReader(want), "lode_addresses", "lode_gossip_announcements_total",
		"lode_peer_bans_total", "lode_peer_bytes_total", "lode_peer_clock_offset_seconds", "lode_peer_connections_total", "lode_peer_refused_total",
		"lode_peer_request_duration_seconds", "lode_peer_requests_total", "lode_peers", "lode_sync_blocks_remaining", "lode_sync_blocks_total"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]int{"lode_block_propagation_seconds": 1, "lode_peer_request_duration_seconds": 1} {
		if got := testutil.CollectAndCount(m, name); got != want {
			t.Errorf("%s has %d series, want %d", name, got, want)
		}
	}
	problems, err := testutil.CollectAndLint(m)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// TestRegister checks that a network can be registered only once.
func TestRegister(t *testing.T) {
	c, err := chain.Open(chain.Config{Params: rules.Lab(), Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	n, err := p2p.New(p2p.Config{Chain: c, Address: "http://127.0.0.1:8000"})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := Register(reg, n); err != nil {
		t.Fatal(err)
	}
	if err := Register(reg, n); err == nil {
		t.Error("a network is registered twice in a registry")
	}
	if count, err := testutil.GatherAndCount(reg, "lode_peer_requests_total"); err != nil || count != 4*len(n.Paths()) {
		t.Errorf("%d series of requests, %v; want 4 for each of %d routes", count, err, len(n.Paths()))
	}
}
