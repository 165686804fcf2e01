package chain

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/pow"
)

// A settled block is one on which nodes that follow the same chain agree, with
// few exceptions: settledDepth below the tip. Of those only every settledStep-th
// is shown, so that nodes which are scraped at different moments mostly show the
// same one.
const (
	settledDepth = 6
	settledStep  = 10
)

// gauges is what the chain and the mempool are at the moment of a scrape, all
// read at once, so that they fit each other.
type gauges struct {
	height, work, difficulty, tipTime     *prometheus.Desc
	stale, settledHeight, settledHash     *prometheus.Desc
	spacing, info                         *prometheus.Desc
	poolTxs, poolBytes, maxTxs, poolLimit *prometheus.Desc
}

func newGauges() gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return gauges{
		height:        desc("lode_chain_height", "Height of the tip."),
		work:          desc("lode_chain_work_hashes", "Expected hashes to make the active branch, the chainwork."),
		difficulty:    desc("lode_chain_difficulty", "Difficulty of the next block, in units of bits 1d00ffff."),
		tipTime:       desc("lode_chain_tip_timestamp_seconds", "Time in the header of the tip."),
		stale:         desc("lode_chain_stale_blocks", "Blocks stored beside the active branch."),
		settledHeight: desc("lode_chain_settled_height", "The greatest multiple of 10 that is at least 6 blocks below the tip, or 0."),
		settledHash:   desc("lode_chain_settled_fingerprint", "The last 12 hex digits of the hash at that height, as a number."),
		spacing:       desc("lode_chain_spacing_seconds", "Seconds a block that the network aims at; 0 if its difficulty is fixed."),
		info:          desc("lode_chain_info", "The network; the value is always 1.", "network", "id"),
		poolTxs:       desc("lode_mempool_transactions", "Transactions that wait for a block."),
		poolBytes:     desc("lode_mempool_bytes", "Bytes of the transactions that wait for a block."),
		maxTxs:        desc("lode_mempool_max_transactions", "Transactions at which the mempool is full."),
		poolLimit:     desc("lode_mempool_max_bytes", "Bytes at which the mempool is full."),
	}
}

func (g gauges) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		g.height, g.work, g.difficulty, g.tipTime, g.stale, g.settledHeight, g.settledHash,
		g.spacing, g.info, g.poolTxs, g.poolBytes, g.maxTxs, g.poolLimit,
	} {
		ch <- d
	}
}

func (c *Chain) collectGauges(ch chan<- prometheus.Metric) {
	c.mu.RLock()
	tip := c.tip
	stale := int(c.tree.count) - len(c.tree.active)
	settled := max(0, tip.Height-settledDepth) / settledStep * settledStep
	hash := c.tree.at(c.tree.active[settled]).hash
	txs, bytes := c.pool.durableTxs, c.pool.durableBytes
	c.mu.RUnlock()

	g := c.metrics.gauges
	send := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	target, _, _ := tip.NextBits(c.params).Decode()
	send(g.height, float64(tip.Height))
	send(g.work, tip.Work.Float())
	send(g.difficulty, target.Difficulty())
	send(g.tipTime, float64(tip.Time))
	send(g.stale, float64(stale))
	send(g.settledHeight, float64(settled))
	send(g.settledHash, fingerprint(hash))
	send(g.spacing, float64(c.params.Difficulty().Spacing))
	send(g.info, 1, c.params.Name(), c.params.ID().String())
	send(g.poolTxs, float64(txs))
	send(g.poolBytes, float64(bytes))
	send(g.maxTxs, float64(c.pool.maxTxs))
	send(g.poolLimit, float64(c.pool.maxBytes))
}

// fingerprint is as much of a hash as a float64 holds exactly: its last 12 hex
// digits, which no difficulty makes zeros.
func fingerprint(hash pow.Hash) float64 {
	var n uint64
	for i := 5; i >= 0; i-- {
		n = n<<8 | uint64(hash[i])
	}
	return float64(n)
}
