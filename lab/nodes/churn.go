package nodes

import "time"

// Churn has random nodes killed, so much time apart on average, and started
// again after a time that is down on average.
func (n *Net) Churn(every, down time.Duration) {
	n.churn++
	n.churnLater(n.churn, every, down)
}

// StopChurn ends Churn and starts the nodes that are down.
func (n *Net) StopChurn() {
	n.churn++
	for _, node := range n.Nodes {
		node.Start()
	}
}

func (n *Net) churnLater(run int, every, down time.Duration) {
	n.after(time.Duration(n.nodeRandom.ExpFloat64()*float64(every)), func() {
		if n.churn != run {
			return
		}
		node := n.Nodes[n.nodeRandom.IntN(len(n.Nodes))]
		node.Stop()
		n.after(time.Duration(n.nodeRandom.ExpFloat64()*float64(down)), node.Start)
		n.churnLater(run, every, down)
	})
}
