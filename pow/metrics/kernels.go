package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/pow"
)

// kernels is the collector of the metrics that have the name of a kernel as a label. An
// engine may change its kernel, so the label is not constant.
type kernels struct {
	engine *pow.Engine

	hashes, refused, info, cycles, expected *prometheus.Desc
}

func newKernels(e *pow.Engine) kernels {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"kernel"}, labels...), nil)
	}
	return kernels{
		engine:  e,
		hashes:  desc("lode_hashes_total", "SHA-256d hashes computed by searches."),
		refused: desc("lode_candidates_refused_total", "Candidates of the kernel whose whole hash did not meet the target."),
		info:    desc("lode_kernel_info", "The kernel in use; the value is always 1.", "lanes", "workers"),
		cycles: desc("lode_kernel_cycles_per_hash",
			"Cycles of one core that a hash took when the kernel was checked. Missing if it was not, or if cycles cannot be measured."),
		expected: desc("lode_kernel_expected_cycles_per_hash",
			"Cycles of one core that a hash should take on processors of this family. Missing if that is not known."),
	}
}

// Describe implements [prometheus.Collector].
func (k kernels) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{k.hashes, k.refused, k.info, k.cycles, k.expected} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (k kernels) Collect(ch chan<- prometheus.Metric) {
	for _, c := range k.engine.KernelCounts() {
		ch <- prometheus.MustNewConstMetric(k.hashes, prometheus.CounterValue, float64(c.Hashes), c.Kernel)
		ch <- prometheus.MustNewConstMetric(k.refused, prometheus.CounterValue, float64(c.Refused), c.Kernel)
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	kernel := k.engine.Kernel()
	gauge(k.info, 1, kernel.Name(), strconv.Itoa(kernel.Lanes()), strconv.Itoa(k.engine.Workers()))
	speed, _ := k.engine.KernelSpeed()
	if speed.Cycles > 0 {
		gauge(k.cycles, speed.Cycles, kernel.Name())
		if expected := kernel.ExpectedCycles(); expected > 0 {
			gauge(k.expected, expected, kernel.Name())
		}
	}
}
