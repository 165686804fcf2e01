package p2p

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/node/gossip"
)

type metrics struct {
	connections   *prometheus.CounterVec
	bans          *prometheus.CounterVec
	bytes         *prometheus.CounterVec
	sent          prometheus.Counter // of bytes
	received      prometheus.Counter // of bytes
	propagation   prometheus.Histogram
	synced        prometheus.Counter
	announcements *prometheus.CounterVec
	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	refused       *prometheus.CounterVec

	peers     *prometheus.Desc
	addresses *prometheus.Desc
	remaining *prometheus.Desc
}

func newMetrics(n *Network) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		connections: counter("lode_peer_connections_total",
			"Connections with other nodes that came about, and attempts that did not, by direction and outcome.", "direction", "result"),
		bans:  counter("lode_peer_bans_total", "Peers banned for some time, by what they did.", "reason"),
		bytes: counter("lode_peer_bytes_total", "Bytes of the bodies of messages from and to other nodes.", "direction"),
		propagation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_block_propagation_seconds",
			Help: "Time from the finding of a block to its becoming the tip here, for blocks that peers announced.",
			// From one hop on one machine to a block that had to be asked for again.
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
			// From a greeting on one machine to blocks that come just in time.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		refused: counter("lode_peer_refused_total", "Requests of other nodes that were refused, by reason.", "reason"),

		peers:     prometheus.NewDesc("lode_peers", "Nodes that this one is connected with, by who chose whom.", []string{"direction"}, nil),
		addresses: prometheus.NewDesc("lode_addresses", "Addresses of nodes in the address book.", nil, nil),
		remaining: prometheus.NewDesc("lode_sync_blocks_remaining", "Blocks that peers have and this node has not yet taken; 0 if it is not catching up.", nil, nil),
	}
	// All labels are there from the start, so that rates start from 0.
	for _, reason := range gossip.FaultReasons() {
		m.bans.WithLabelValues(string(reason))
	}
	for _, reason := range refusalReasons() {
		m.refused.WithLabelValues(string(reason))
	}
	for _, out := range []bool{true, false} {
		for _, result := range []string{"connected", "unreachable"} {
			m.connections.WithLabelValues(direction(out), result)
		}
	}
	m.sent, m.received = m.bytes.WithLabelValues("sent"), m.bytes.WithLabelValues("received")
	for _, path := range n.Paths() {
		for _, result := range []string{"ok", "refused", "fault", "failed"} {
			m.requests.WithLabelValues(path, result)
		}
		m.duration.WithLabelValues(path)
	}
	for _, kind := range []string{"block", "tx"} {
		for _, direction := range []string{"sent", "received"} {
			m.announcements.WithLabelValues(kind, direction)
		}
	}
	return m
}

// request counts a request that was sent.
func (m *metrics) request(path string, err error, took time.Duration) {
	result := "ok"
	var refusal gossip.Refusal
	var fault gossip.Fault
	switch {
	case err == nil:
	case errors.As(err, &refusal):
		result = "refused"
	case errors.As(err, &fault):
		result = "fault"
	default:
		result = "failed"
	}
	m.requests.WithLabelValues(path, result).Inc()
	m.duration.WithLabelValues(path).Observe(took.Seconds())
}

func direction(out bool) string {
	if out {
		return "out"
	}
	return "in"
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.connections, m.bans, m.bytes, m.propagation, m.synced, m.announcements, m.requests, m.duration, m.refused,
	}
}

// Describe implements [prometheus.Collector].
func (n *Network) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range n.metrics.all() {
		c.Describe(ch)
	}
	ch <- n.metrics.peers
	ch <- n.metrics.addresses
	ch <- n.metrics.remaining
}

// Collect implements [prometheus.Collector].
func (n *Network) Collect(ch chan<- prometheus.Metric) {
	for _, c := range n.metrics.all() {
		c.Collect(ch)
	}
	count := map[bool]int{}
	for _, p := range n.Peers() {
		count[p.Out]++
	}
	gauge := func(desc *prometheus.Desc, value int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	gauge(n.metrics.peers, int64(count[true]), direction(true))
	gauge(n.metrics.peers, int64(count[false]), direction(false))
	n.mu.Lock()
	known := n.machine.Known()
	n.mu.Unlock()
	gauge(n.metrics.addresses, int64(known))
	sync := n.Sync()
	var remaining int64
	if sync.Active {
		remaining = max(sync.Target-sync.Height, 0)
	}
	gauge(n.metrics.remaining, remaining)
}
