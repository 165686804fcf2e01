// Package metrics exports the numbers of a [p2p.Network] to Prometheus.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

// Register registers the metrics of a network and attaches an observer to it,
// which counts events from then on. The bytes sent and received are counted since
// the network was made. A network can be registered once in a registry. The error is the
// registry's; then nothing is registered or attached.
func Register(reg prometheus.Registerer, n *p2p.Network) error {
	m := newMetrics(n.Stats, n.Paths())
	if err := reg.Register(m); err != nil {
		return err
	}
	n.Observe(m.observer())
	return nil
}

// metrics is one collector for the whole network, so that either all of its
// metrics are registered or none.
type metrics struct {
	connections   *prometheus.CounterVec
	bans          *prometheus.CounterVec
	propagation   prometheus.Histogram
	synced        prometheus.Counter
	announcements *prometheus.CounterVec
	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	refused       *prometheus.CounterVec

	// These are read when a scrape asks for them.
	stats     func() p2p.Stats
	peers     *prometheus.Desc
	addresses *prometheus.Desc
	remaining *prometheus.Desc
	clock     *prometheus.Desc
	bytes     *prometheus.Desc
}

func newMetrics(stats func() p2p.Stats, routes []string) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		connections: counter("lode_peer_connections_total",
			"Connections with other nodes that came about, and attempts that did not, by direction and outcome.", "direction", "result"),
		bans: counter("lode_peer_bans_total", "Peers banned for some time, by what they did.", "reason"),
		propagation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_block_propagation_seconds",
			Help: "Time from the finding of a block to its becoming the tip here, for blocks that peers announced.",
			// The least is one hop on one machine; the most, a block that had to be
			// asked for again.
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30},
		}),
		synced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lode_sync_blocks_total", Help: "Blocks taken while catching up with other nodes.",
		}),
		announcements: counter("lode_gossip_announcements_total", "Blocks and transactions announced to and by peers.", "kind", "direction"),
		requests:      counter("lode_peer_requests_total", "Requests sent to other nodes, by route and outcome.", "route", "result"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lode_peer_request_duration_seconds",
			Help: "Time from the sending of a request to another node to the end of its answer.",
			// The least is a greeting on one machine; the most, blocks that arrive just
			// before the deadline.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		refused: counter("lode_peer_refused_total", "Requests of other nodes that were refused, by reason.", "reason"),

		stats:     stats,
		peers:     prometheus.NewDesc("lode_peers", "Nodes that this one is connected with, by who chose whom.", []string{"direction"}, nil),
		addresses: prometheus.NewDesc("lode_addresses", "Addresses of nodes in the address book.", nil, nil),
		remaining: prometheus.NewDesc("lode_sync_blocks_remaining", "Blocks that peers have and this node has not yet taken; 0 if it is not catching up.", nil, nil),
		clock:     prometheus.NewDesc("lode_peer_clock_offset_seconds", "This node's clock minus the median of its peers' clocks; positive if this node's is ahead, 0 if no peer has said its time.", nil, nil),
		bytes:     prometheus.NewDesc("lode_peer_bytes_total", "Bytes of the bodies of messages from and to other nodes.", []string{"direction"}, nil),
	}
	m.makeSeries(routes)
	return m
}

// makeSeries makes all series of counters whose labels are known, so that their rates
// begin at 0. The durations of requests have a series for each bucket, so those of a
// route are left out until it is used.
func (m *metrics) makeSeries(routes []string) {
	for _, reason := range gossip.FaultReasons() {
		m.bans.WithLabelValues(string(reason))
	}
	for _, reason := range p2p.RefusalReasons() {
		m.refused.WithLabelValues(string(reason))
	}
	for _, out := range []bool{true, false} {
		for _, result := range []string{"connected", "unreachable"} {
			m.connections.WithLabelValues(direction(out), result)
		}
	}
	for _, route := range routes {
		for _, result := range []p2p.Result{p2p.ResultOK, p2p.ResultRefused, p2p.ResultFault, p2p.ResultFailed} {
			m.requests.WithLabelValues(route, string(result))
		}
	}
	for _, kind := range []string{"block", "tx"} {
		for _, direction := range []string{"sent", "received"} {
			m.announcements.WithLabelValues(kind, direction)
		}
	}
}

func direction(out bool) string {
	if out {
		return "out"
	}
	return "in"
}

func (m *metrics) observer() p2p.Observer {
	return p2p.Observer{
		Noted: m.countNote,
		Sent: func(s p2p.Sent) {
			m.requests.WithLabelValues(s.Route, string(s.Result)).Inc()
			m.duration.WithLabelValues(s.Route).Observe(s.Took.Seconds())
		},
		Refused: func(reason gossip.RefusalReason) { m.refused.WithLabelValues(string(reason)).Inc() },
	}
}

// countNote counts what the state machine decided.
func (m *metrics) countNote(n gossip.Note) {
	switch n.Kind {
	case gossip.NoteConnected:
		m.connections.WithLabelValues(direction(n.Out), "connected").Inc()
	case gossip.NoteFailed:
		m.connections.WithLabelValues(direction(n.Out), n.Reason).Inc()
	case gossip.NoteBanned:
		m.bans.WithLabelValues(n.Reason).Inc()
	case gossip.NotePropagated:
		m.propagation.Observe(n.Took.Seconds())
	case gossip.NoteAnnounced:
		m.announcements.WithLabelValues(n.Reason, "sent").Add(float64(n.Count))
	case gossip.NoteHeard:
		m.announcements.WithLabelValues(n.Reason, "received").Add(float64(n.Count))
	case gossip.NoteSynced:
		m.synced.Add(float64(n.Count))
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.connections, m.bans, m.propagation, m.synced, m.announcements, m.requests, m.duration, m.refused,
	}
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
	for _, desc := range []*prometheus.Desc{m.peers, m.addresses, m.remaining, m.clock, m.bytes} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	s := m.stats()
	gauge(m.peers, float64(s.Outbound), direction(true))
	gauge(m.peers, float64(s.Inbound), direction(false))
	gauge(m.addresses, float64(s.Addresses))
	gauge(m.remaining, float64(s.Remaining))
	gauge(m.clock, s.Clock.Offset.Seconds())
	ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.CounterValue, float64(s.BytesSent), "sent")
	ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.CounterValue, float64(s.BytesReceived), "received")
}
