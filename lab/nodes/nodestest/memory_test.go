package nodestest

import (
	"runtime"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
)

// A node takes at most 100 KiB, so that ten thousand of them fit into 1 GiB.
func TestNodeMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector takes memory of its own")
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const count, most = 100, 100 << 10
	before := heap()
	net := begin(t, 1, nodes.Config{Nodes: count})
	made := (heap() - before) / count
	net.RunFor(30 * time.Second)
	net.MineAll(10 * time.Second)
	net.RunFor(2 * time.Minute)
	each := (heap() - before) / count
	net.MustConverge(t, 3)
	t.Logf("%d bytes a node when it is made, %d when connected and with %d blocks", made, each, net.Blocks())
	if each > most {
		t.Errorf("a node takes %d bytes, want at most %d", each, most)
	}
}
