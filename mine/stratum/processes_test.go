package stratum_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// poolVariable has the address of the pool that TestMinerProcess mines for.
const poolVariable = "LODE_TEST_POOL"

// TestMinerProcess is one of the miners of TestFourProcesses, and does nothing in other
// runs. It writes a line about everything that it has searched, and mines until its
// standard input ends.
func TestMinerProcess(t *testing.T) {
	address := os.Getenv(poolVariable)
	if address == "" {
		return
	}
	// All miners begin with the same extranonce of theirs, so that only the part that the
	// server gives to each keeps them apart.
	m := startMiner(t, address, fmt.Sprint("process-", os.Getpid()), 0, func(s searched) {
		h := s.header.Bytes()
		fmt.Printf("searched %x %d %d\n", h[:], s.first, s.last)
	})
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
	m.stop()
}

// minerProcess is a process that runs TestMinerProcess.
type minerProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when all of its lines have been read

	mu       sync.Mutex
	searched []searched
	other    []string // lines that are not about a search
}

func startMinerProcess(t *testing.T, address string) *minerProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &minerProcess{cmd: exec.CommandContext(t.Context(), self, "-test.run=^TestMinerProcess$", "-test.timeout=10m"), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), poolVariable+"="+address)
	p.cmd.Stderr = os.Stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.take(lines.Text())
		}
	}()
	t.Cleanup(func() { _ = p.end(true) })
	return p
}

// take reads a line of the process. The last line of a process that was killed may be cut
// off, and is then left out.
func (p *minerProcess) take(line string) {
	var s searched
	var header string
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, err := fmt.Sscanf(line, "searched %s %d %d", &header, &s.first, &s.last); n != 3 || err != nil {
		p.other = append(p.other, line)
		return
	}
	var err error
	if s.header, err = pow.ParseHeader(header); err != nil {
		p.other = append(p.other, line)
		return
	}
	p.searched = append(p.searched, s)
}

// count returns how many searches the process has told of.
func (p *minerProcess) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.searched)
}

// end ends the process, and waits for it and its lines. Later calls do nothing.
func (p *minerProcess) end(kill bool) error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	if kill {
		_ = p.cmd.Process.Kill()
	}
	_ = p.stdin.Close()
	<-p.done
	return p.cmd.Wait()
}

// Four processes mine for one server. One is killed and another joins. No two of them have
// searched a header, a version and a nonce in common, and no block is lost.
func TestFourProcesses(t *testing.T) {
	pool := startPool(t)
	var miners []*minerProcess
	for range 4 {
		miners = append(miners, startMinerProcess(t, pool.address))
	}
	work := func(m *minerProcess) {
		for m.count() < 20*pow.MaxVersions {
			select {
			case <-m.done:
				t.Fatalf("a miner has ended: %s", strings.Join(m.other, "\n"))
			default:
				pool.await(pool.chain.Tip().Height + 1)
			}
		}
	}
	for _, m := range miners {
		work(m)
	}
	if err := miners[0].end(true); err == nil {
		t.Error("a process that was killed has ended well")
	}
	late := startMinerProcess(t, pool.address)
	work(late)
	miners = append(miners, late)
	for _, m := range miners[1:] {
		if err := m.end(false); err != nil {
			t.Errorf("%v\n%s", err, strings.Join(m.other, "\n"))
		}
	}
	pool.stop()

	var all []searched
	for _, m := range miners {
		all = append(all, m.searched...)
	}
	t.Logf("%d jobs were searched, and the chain has %d blocks", len(all)/pow.MaxVersions, pool.chain.Tip().Height)
	checkSearched(t, all)
	stats := pool.server.Stats()
	if height := pool.chain.Tip().Height; stats.Solutions[mine.Accepted] != uint64(height) {
		t.Errorf("%d blocks of miners were accepted, and the chain has %d", stats.Solutions[mine.Accepted], height)
	}
	checkBlocks(t, stats)
}
