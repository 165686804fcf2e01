// Package metrics exports the numbers of a Stratum server to Prometheus.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/server"
)

// Register registers the metrics of a server and attaches an observer to it. It must be
// called before the server runs, and once for each registry. The error is the
// registry's; then nothing is registered or attached.
func Register(reg prometheus.Registerer, s *server.Server) error {
	m := newMetrics(s)
	if err := reg.Register(m); err != nil {
		return err
	}
	s.Observe(server.Observer{Notified: func(took time.Duration) { m.notified.Observe(took.Seconds()) }})
	return nil
}

// metrics is one collector for the whole server, so that all of its metrics are
// registered or none.
type metrics struct {
	server       *server.Server
	sessions     *prometheus.Desc
	closed       *prometheus.Desc
	shares       *prometheus.Desc
	solutions    *prometheus.Desc
	jobs         *prometheus.Desc
	difficulties *prometheus.Desc
	age          *prometheus.Desc
	workers      *prometheus.Desc
	rate         *prometheus.Desc
	low          *prometheus.Desc
	high         *prometheus.Desc
	difficulty   *prometheus.Desc
	notified     prometheus.Histogram
}

func newMetrics(s *server.Server) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("lode_stratum_"+name, help, labels, nil)
	}
	return &metrics{
		server:       s,
		sessions:     desc("sessions", "Connections of miners that are open."),
		closed:       desc("sessions_closed_total", "Connections of miners that have ended, by the reason.", "reason"),
		shares:       desc("shares_total", "Shares that miners have submitted, by what became of them.", "outcome"),
		solutions:    desc("blocks_total", "Blocks that miners have found, by the answer of the chain.", "outcome"),
		jobs:         desc("jobs_total", "Jobs that were sent to miners."),
		difficulties: desc("difficulties_total", "Difficulties that were sent to miners."),
		age:          desc("job_age_seconds", "Age of the work that the miners search; 0 if there is none."),
		workers:      desc("workers", "Names of workers that are remembered."),
		rate:         desc("hash_rate", "Hash rate of all miners over five minutes, as their shares show it, in hashes a second; 0 until a session has sent two shares."),
		low:          desc("hash_rate_low", "With 95 % confidence the hash rate of all miners is at least this. There is no such series until a session has sent two shares."),
		high:         desc("hash_rate_high", "With 95 % confidence the hash rate of all miners is at most this. There is no such series until a session has sent two shares."),
		difficulty:   desc("difficulty", "Difficulty of the shares of the sessions' present jobs: the least, the median and the greatest; 0 if no session has a job.", "bound"),
		notified: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_stratum_new_tip_seconds",
			Help: "Time from a new tip until a miner has been sent its job.",
			// The least is one miner on an idle machine; the most, a slow line.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 10},
		}),
	}
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.sessions, m.closed, m.shares, m.solutions, m.jobs, m.difficulties, m.age, m.workers, m.rate, m.low, m.high, m.difficulty} {
		ch <- d
	}
	m.notified.Describe(ch)
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	stats := m.server.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge(m.sessions, float64(stats.Sessions))
	for _, r := range server.Reasons() {
		counter(m.closed, stats.Closed[r], string(r))
	}
	for _, share := range server.Shares() {
		counter(m.shares, stats.Shares[share], string(share))
	}
	for _, o := range mine.Outcomes() {
		counter(m.solutions, stats.Solutions[o], o.String())
	}
	counter(m.jobs, stats.Jobs)
	counter(m.difficulties, stats.Difficulties)
	var age float64
	if !stats.JobSince.IsZero() {
		age = time.Since(stats.JobSince).Seconds()
	}
	gauge(m.age, age)
	gauge(m.workers, float64(stats.Workers))
	gauge(m.rate, stats.Rate.Rate)
	if stats.Rate.High > 0 { // otherwise nothing is known of the rate
		gauge(m.low, stats.Rate.Low)
		gauge(m.high, stats.Rate.High)
	}
	gauge(m.difficulty, stats.Spread.Least, "least")
	gauge(m.difficulty, stats.Spread.Median, "median")
	gauge(m.difficulty, stats.Spread.Greatest, "greatest")
	m.notified.Collect(ch)
}
