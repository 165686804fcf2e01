package nodes

import "time"

// Churn kills a random node from time to time, and starts it again later. The time
// between two kills and the time that a node stays down are exponentially
// distributed; every and down are their means. Churn goes on until StopChurn, or
// until it is called again.
func (n *Net) Churn(every, down time.Duration) {
	n.churn++
	n.churnLater(n.churn, every, down)
}

// StopChurn ends Churn and starts all nodes that are down.
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
