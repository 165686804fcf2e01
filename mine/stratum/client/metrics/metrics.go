// Package metrics exports the numbers of a Stratum client to Prometheus.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/client"
)

// Register registers the metrics of a client. A client can be registered once in a
// registry. The error is the registry's, and then nothing is registered. now is the clock
// that tells the age of the job; nil means time.Now.
func Register(reg prometheus.Registerer, c *client.Client, now func() time.Time) error {
	if now == nil {
		now = time.Now
	}
	return reg.Register(newMetrics(c, now))
}

// metrics is one collector for the whole client, so that all of its metrics are
// registered or none.
type metrics struct {
	client *client.Client
	now    func() time.Time

	connected, difficulty, jobAge, rate   *prometheus.Desc
	connections, failures, jobs           *prometheus.Desc
	shares, rejects, blocks, sharesHashes *prometheus.Desc
}

func newMetrics(c *client.Client, now func() time.Time) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &metrics{
		client: c, now: now,
		connected:    desc("lode_pool_connected", "Whether a pool gives work: 1 or 0."),
		difficulty:   desc("lode_pool_difficulty", "Difficulty of the shares of the present job; 0 without one."),
		jobAge:       desc("lode_pool_job_age_seconds", "Time since the present job came; 0 without one."),
		rate:         desc("lode_pool_hash_rate", "Hash rate as the pool sees it, from the accepted shares of at most ten minutes, and the limits between which the true rate is with 95 % confidence.", "bound"),
		connections:  desc("lode_pool_connections_total", "Connections to pools that have given work."),
		failures:     desc("lode_pool_failures_total", "Connections to pools that have ended or could not be made."),
		jobs:         desc("lode_pool_jobs_total", "Jobs of pools that have been offered to the miner."),
		shares:       desc("lode_pool_shares_total", "Shares that have been submitted to pools, by what became of them.", "outcome"),
		rejects:      desc("lode_pool_rejects_total", "Shares that pools have refused, by the reason that they gave.", "reason"),
		blocks:       desc("lode_pool_blocks_total", "Accepted shares that are also blocks."),
		sharesHashes: desc("lode_pool_shares_hashes_total", "Hashes that the accepted shares were worth."),
	}
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.connected, m.difficulty, m.jobAge, m.rate, m.connections, m.failures, m.jobs,
		m.shares, m.rejects, m.blocks, m.sharesHashes,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.client.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	var connected, age float64
	if s.Pool != "" {
		connected = 1
		age = max(0, m.now().Sub(s.JobTime).Seconds())
	}
	gauge(m.connected, connected)
	gauge(m.difficulty, s.Difficulty)
	gauge(m.jobAge, age)
	if s.Rate.Shares > 0 {
		gauge(m.rate, s.Rate.Hashes, "estimate")
		gauge(m.rate, s.Rate.Low, "low")
		gauge(m.rate, s.Rate.High, "high")
	}
	counter(m.connections, float64(s.Connections))
	counter(m.failures, float64(s.Failures))
	counter(m.jobs, float64(s.Jobs))
	for _, outcome := range mine.Outcomes() {
		counter(m.shares, float64(s.Shares[outcome]), outcome.String())
	}
	for reason, n := range s.Rejects {
		counter(m.rejects, float64(n), reason)
	}
	counter(m.blocks, float64(s.Blocks))
	counter(m.sharesHashes, s.Hashes)
}
