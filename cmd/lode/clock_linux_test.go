package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockAgree is how long a node may take to agree with the others after its clock has
// been set.
const clockAgree = 2 * time.Minute

// TestWrongClock runs three honest nodes and one that mines all the time and whose clock is
// three hours ahead for a while. It mines itself onto a fork with more work than the other
// nodes' branch, which none of them takes. Meanwhile a metric says by how much its clock is
// wrong. When the clock has been set, it comes back to the others by itself. What the node
// says about its clock in the log is tested in the packages gossip and p2p, because it
// takes minutes until it is said.
func TestWrongClock(t *testing.T) {
	if testing.Short() {
		t.Skip("four processes")
	}
	if ranInNewNetwork(t) {
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "ahead")
	setAhead := func(seconds int) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(strconv.Itoa(seconds)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil { // so that the node never reads half of it
			t.Fatal(err)
		}
	}
	setAhead(0)
	const fork = 5    // blocks by which the fork is longer than the others' branch, at least
	difficulty := "5" // a block takes about a million hashes
	if hasSlowKernel(t) {
		difficulty = "4" // 65,536
	}
	h := newHub(t)
	var honest []*process
	var peers []string
	for i := range 3 {
		m := h.machine(fmt.Sprintf("10.%d.0.1/8", i+1))
		flags := []string{"node", "--difficulty", difficulty, "--data", m.data, "--listen", "0.0.0.0:8000", "--advertise", m.url(), "--workers", "1"}
		for _, p := range peers {
			flags = append(flags, "--peer", p)
		}
		honest = append(honest, m.startCommand(exec.Command(h.command, flags...))) //nolint:gosec,noctx // the command is this test binary, and the tests end it with signals
		peers = append(peers, m.url())
	}
	wrong := h.machine("10.9.0.1/8")
	program := filepath.Join(filepath.Dir(h.command), "skewed")
	if err := os.Symlink(h.command, program); err != nil {
		t.Fatal(err)
	}
	//nolint:gosec,noctx // the command is this test binary, and the tests end it with signals
	p := wrong.startCommand(exec.Command(program, "-ahead", file, "-difficulty", difficulty, "-data", wrong.data,
		"-advertise", wrong.url(), "-peers", strings.Join(peers, ",")))
	nodes := slices.Concat(honest, []*process{p})
	inTheEnd(t, "four nodes are connected and agree", func() bool {
		v := look(t, nodes)
		return v.low >= 3 && v.depth() <= splitDepth && p.peers(t) == 3
	})

	setAhead(3 * 60 * 60)
	inTheEnd(t, "the node has mined itself onto a fork", func() bool {
		all, others := look(t, nodes), look(t, honest)
		return all.high >= others.high+fork
	})
	for i := range 2 {
		honest[0].post(t, fmt.Sprint("meanwhile ", i))
		honest[0].mineSlowly(t)
	}
	eventually(t, "the node's metric says by how much its clock is wrong", func() bool {
		return math.Abs(p.metric(t, "lode_peer_clock_offset_seconds")-3*60*60) < 60
	})
	for i, n := range honest {
		if off := n.metric(t, "lode_peer_clock_offset_seconds"); math.Abs(off) > 60 {
			t.Errorf("honest node %d believes that its clock is wrong by %v s, because one of its three peers' clocks is", i+1, off)
		}
	}
	eventually(t, "the honest nodes agree", func() bool { return look(t, honest).depth() == 0 })
	all, others := look(t, nodes), look(t, honest)
	if all.high < others.high+fork-2 || all.common >= others.high {
		t.Fatalf("the fork is at height %d, the others are at %d, and the last common block is %d: there is no longer fork", all.high, others.high, all.common)
	}

	setAhead(0)
	begin := time.Now()
	if _, ok := until(clockAgree, func() bool {
		all, others = look(t, nodes), look(t, honest)
		return all.depth() <= splitDepth
	}); !ok {
		t.Errorf("%v after its clock was set, the node does not agree: heights %d to %d, but the last common block is %d", clockAgree, all.low, all.high, all.common)
	}
	t.Logf("agreed %v after the clock was set", since(begin))
	eventually(t, "the node's metric says that its clock is right", func() bool {
		return math.Abs(p.metric(t, "lode_peer_clock_offset_seconds")) < 60
	})
	p.kill()
	if want := "blocks whose time is too far ahead of the clock are held back"; !strings.Contains(p.log.String(), want) {
		t.Errorf("the log does not say %q:\n%s", want, p.log)
	}
}
