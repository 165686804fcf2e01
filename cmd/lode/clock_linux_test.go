package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockAgree is how long a node may take to agree with the others after its clock has
// been set.
const clockAgree = 2 * time.Minute

// TestWrongClock runs three honest nodes and one whose clock is three hours ahead for some
// seconds. All of them mine. The node mines itself onto a fork, which no other node takes,
// says in its log that its clock is wrong, and by how much in a metric. When the clock has
// been set, it comes back by itself, and it says that too.
func TestWrongClock(t *testing.T) {
	if testing.Short() {
		t.Skip("four processes")
	}
	if ranInNewNetwork(t) {
		return
	}
	dir := t.TempDir()
	params, ahead := filepath.Join(dir, "split.json"), filepath.Join(dir, "ahead")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil { // so that the node never reads half of it
			t.Fatal(err)
		}
	}
	write(params, splitNetwork)
	write(ahead, "0")

	h := newHub(t)
	var honest []*process
	var peers []string
	for i := range 3 {
		m := h.machine(fmt.Sprintf("10.%d.0.1/8", i+1))
		flags := []string{"node", "--network", params, "--data", m.data, "--listen", "0.0.0.0:8000", "--advertise", m.url(), "--mine", "continuous", "--workers", "1"}
		for _, p := range peers {
			flags = append(flags, "--peer", p)
		}
		honest = append(honest, m.startCommand(exec.Command(h.command, flags...)))
		peers = append(peers, m.url())
	}
	wrong := h.machine("10.9.0.1/8")
	program := filepath.Join(filepath.Dir(h.command), "skewed")
	if err := os.Symlink(h.command, program); err != nil {
		t.Fatal(err)
	}
	p := wrong.startCommand(exec.Command(program, "-ahead", ahead, "-network", params, "-data", wrong.data,
		"-advertise", wrong.url(), "-peers", strings.Join(peers, ",")))
	nodes := append(honest, p)
	eventually(t, "four nodes are connected and agree", func() bool {
		v := look(t, nodes)
		return v.low >= 5 && v.depth() <= splitDepth && p.peers(t) == 3
	})

	write(ahead, strconv.Itoa(3*60*60))
	eventually(t, "the node is on a fork of its own", func() bool {
		return look(t, nodes).common+splitDepth < look(t, honest).common
	})
	eventually(t, "the node's metric says by how much its clock is wrong", func() bool {
		return math.Abs(p.metric(t, "lode_peer_clock_offset_seconds")-3*60*60) < 60
	})
	for i, n := range honest {
		if off := n.metric(t, "lode_peer_clock_offset_seconds"); math.Abs(off) > 60 {
			t.Errorf("honest node %d believes that its clock is wrong by %v s, because one of three peers is", i+1, off)
		}
	}
	if v := look(t, honest); v.depth() > splitDepth {
		t.Errorf("the honest nodes do not agree: heights %d to %d, but the last common block is %d", v.low, v.high, v.common)
	}

	write(ahead, "0")
	begin := time.Now()
	var now view
	if _, ok := until(clockAgree, func() bool {
		now = look(t, nodes)
		return now.depth() <= splitDepth
	}); !ok {
		t.Errorf("%v after its clock was set, the node does not agree: heights %d to %d, but the last common block is %d", clockAgree, now.low, now.high, now.common)
	}
	t.Logf("agreed %v after the clock was set", since(begin))
	eventually(t, "the node's metric says that its clock is right", func() bool {
		return math.Abs(p.metric(t, "lode_peer_clock_offset_seconds")) < 60
	})
	p.kill()
	for _, want := range []string{"the clock of this machine is wrong", "ahead of the median of its 3 peers", "the clock of this machine is right again"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, p.log)
		}
	}
}
