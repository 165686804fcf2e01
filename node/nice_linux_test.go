package node

import (
	"os"
	"strings"
	"testing"
	"time"
)

// niceThreads returns how many threads of this process have the lowest priority.
func niceThreads(t *testing.T) (n int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		stat, err := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
		if err != nil {
			continue // the thread has ended
		}
		if _, fields, _ := strings.Cut(string(stat), ") "); strings.Fields(fields)[16] == "19" { // nice; see proc(5)
			n++
		}
	}
	return n
}

// Mining lowers the priority of its threads only if the configuration asks for it.
func TestNice(t *testing.T) {
	for _, nice := range []bool{false, true} {
		n := startLive(t, Config{Params: hard(t), Mine: Continuous, Nice: nice})
		// The first job of a loop has 2^19 hashes, and the next one takes seconds.
		// It is a long search after less than 64 chunks.
		for want := uint64(1<<19 + 64*n.Engine().Kernel().Chunk()); n.Engine().Hashes() < want; {
			time.Sleep(time.Millisecond)
		}
		if got := niceThreads(t); got > 0 != nice {
			t.Errorf("nice %v: %d threads have a low priority", nice, got)
		}
		n.stop()
	}
}
