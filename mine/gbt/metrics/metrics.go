// Package metrics exports the numbers of a Bitcoin node as a source of work to Prometheus.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/gbt"
)

// Register registers the metrics of a source. A source can be registered once in a
// registry. The error is the registry's, and then nothing is registered. now is the clock
// that tells the age of the template; nil means time.Now.
func Register(reg prometheus.Registerer, s *gbt.Source, now func() time.Time) error {
	if now == nil {
		now = time.Now
	}
	return reg.Register(newMetrics(s, now))
}

// metrics is one collector for the whole source, so that all of its metrics are
// registered or none.
type metrics struct {
	source *gbt.Source
	now    func() time.Time

	connected, age, height, txs, reward   *prometheus.Desc
	templates, works, failures, submitted *prometheus.Desc
}

func newMetrics(s *gbt.Source, now func() time.Time) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("lode_gbt_"+name, help, labels, nil)
	}
	return &metrics{
		source: s, now: now,
		connected: desc("connected", "Whether the Bitcoin node gives work: 1 or 0."),
		age:       desc("template_age_seconds", "Time since the node sent its latest template; 0 if it gives no work."),
		height:    desc("height", "Height of the block that is searched for; 0 if it is not known."),
		txs:       desc("transactions", "Transactions of the latest template."),
		reward:    desc("reward_satoshis", "What the block that is searched for pays, in satoshi."),
		templates: desc("templates_total", "Templates that the node has sent."),
		works:     desc("works_total", "Works that were made of templates and offered to the miner."),
		failures:  desc("failures_total", "How often the node gave no work, because it did not answer or its answer was of no use."),
		submitted: desc("blocks_total", "Attempts to submit a block to the node, by what became of them.", "outcome"),
	}
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.connected, m.age, m.height, m.txs, m.reward, m.templates, m.works, m.failures, m.submitted,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.source.Stats()
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	var connected, age float64
	if s.Connected {
		connected = 1
		age = max(0, m.now().Sub(s.TemplateTime).Seconds())
	}
	gauge(m.connected, connected)
	gauge(m.age, age)
	gauge(m.height, float64(s.Height))
	gauge(m.txs, float64(s.Txs))
	gauge(m.reward, float64(s.Value))
	counter(m.templates, s.Templates)
	counter(m.works, s.Works)
	counter(m.failures, s.Failures)
	for _, outcome := range mine.Outcomes() {
		counter(m.submitted, s.Solutions[outcome], outcome.String())
	}
}
