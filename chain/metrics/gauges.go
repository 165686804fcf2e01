package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// gauges shows the chain and the mempool as they are at the moment of a scrape.
// All values come from one snapshot, so that they fit each other.
type gauges struct {
	chain *chain.Chain

	height, work, tipTime                 *prometheus.Desc
	difficulty, nextHashes                *prometheus.Desc
	stale, settledHeight, settledHash     *prometheus.Desc
	held, spacing, info                   *prometheus.Desc
	poolTxs, poolBytes, maxTxs, poolLimit *prometheus.Desc
}

func newGauges(c *chain.Chain) gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return gauges{
		chain:         c,
		height:        desc("lode_chain_height", "Height of the tip."),
		work:          desc("lode_chain_work_hashes", "Expected hashes to make the active branch, the chainwork."),
		difficulty:    desc("lode_chain_difficulty", "Difficulty of the next block, in units of bits 1d00ffff."),
		nextHashes:    desc("lode_chain_next_block_hashes", "Expected hashes of the next block, its work."),
		tipTime:       desc("lode_chain_tip_timestamp_seconds", "Time in the header of the tip."),
		stale:         desc("lode_chain_stale_blocks", "Blocks stored beside the active branch."),
		settledHeight: desc("lode_chain_settled_height", "The greatest multiple of 10 that is at least 6 blocks below the tip, or 0."),
		settledHash:   desc("lode_chain_settled_fingerprint", "The last 12 hex digits of the hash at that height, as a number."),
		held:          desc("lode_chain_held_blocks", "Blocks held until their parent or their time comes."),
		spacing:       desc("lode_chain_spacing_seconds", "Seconds a block that the network aims at; 0 if its difficulty is fixed."),
		info:          desc("lode_chain_info", "The network; the value is always 1.", "network", "id"),
		poolTxs:       desc("lode_mempool_transactions", "Transactions that wait for a block."),
		poolBytes:     desc("lode_mempool_bytes", "Bytes of the transactions that wait for a block."),
		maxTxs:        desc("lode_mempool_max_transactions", "Transactions at which the mempool is full."),
		poolLimit:     desc("lode_mempool_max_bytes", "Bytes at which the mempool is full."),
	}
}

// Describe implements [prometheus.Collector].
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		g.height, g.work, g.difficulty, g.nextHashes, g.tipTime, g.stale, g.settledHeight, g.settledHash,
		g.held, g.spacing, g.info, g.poolTxs, g.poolBytes, g.maxTxs, g.poolLimit,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	s := g.chain.Stats()
	params := g.chain.Params()
	target, _, _ := s.NextBits.Decode()
	send(g.height, float64(s.Tip.Height))
	send(g.work, s.Tip.Work.Float())
	send(g.difficulty, target.Difficulty())
	send(g.nextHashes, target.Work().Float())
	send(g.tipTime, float64(s.Tip.Time))
	send(g.stale, float64(s.Stale))
	send(g.settledHeight, float64(s.SettledHeight))
	send(g.settledHash, fingerprint(s.SettledHash))
	send(g.held, float64(s.Held))
	send(g.spacing, float64(params.Difficulty().Spacing))
	send(g.info, 1, params.Name(), params.ID().String())
	send(g.poolTxs, float64(s.PoolTxs))
	send(g.poolBytes, float64(s.PoolBytes))
	send(g.maxTxs, float64(s.MaxPoolTxs))
	send(g.poolLimit, float64(s.MaxPoolBytes))
}

// fingerprint returns the last 12 hex digits of a hash as a number. That is as much
// as a float64 holds exactly, and proof of work does not make these digits zeros.
func fingerprint(hash pow.Hash) float64 {
	var n uint64
	for i := 5; i >= 0; i-- {
		n = n<<8 | uint64(hash[i])
	}
	return float64(n)
}
