package server

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
)

// mostSession is the memory in bytes that a session may cost.
const mostSession = 64 << 10

// ownCoinbases is a source that writes the name of the miner into a coinbase of its own.
type ownCoinbases struct{ *testSource }

func (s ownCoinbases) Name(w mine.Work, miner string) (mine.Work, error) {
	w.ID += "/" + miner
	w.Before = slices.Concat(w.Before, make([]byte, 100))
	w.After = slices.Concat([]byte(miner), w.After)
	return w, nil
}

// A session costs at most its bound even if all that it may hold is full: jobs, shares,
// moments of the difficulty, workers that nobody else has, and a line that has not ended.
// What the connections need outside the server is not counted.
func TestMemoryOfFullSessions(t *testing.T) {
	// What is made once in a process is made now.
	synctest.Test(t, func(t *testing.T) { fullSessions(t, 5, false) })
	const sessions = 100
	for name, crowded := range map[string]bool{"shares of many jobs": false, "shares of one job": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				each := fullSessions(t, sessions, crowded)
				t.Logf("a full session costs %d bytes", each) // the documents quote this line
				if each > mostSession {
					t.Errorf("a full session costs %d bytes, want at most %d", each, mostSession)
				}
			})
		})
	}
}

// fullSessions fills a number of sessions, and returns the memory in bytes that each costs.
// If crowded, all shares are of the latest job.
func fullSessions(t *testing.T, sessions int, crowded bool) int64 {
	t.Helper()
	source := newTestSource(testWork("a"))
	s, l := start(t, Config{Source: ownCoinbases{source}})
	synctest.Wait()
	before := memory()
	conns := make([]net.Conn, sessions)
	for i := range conns {
		conns[i] = l.dial(t)
		go drain(conns[i])
		login := `{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]}` + "\n" +
			`{"id":2,"method":"mining.subscribe","params":[]}` + "\n"
		for n := range s.limits.Names {
			worker := fmt.Sprintf("%d.%d.", i, n)
			worker += strings.Repeat("x", maxName-len(worker))
			login += fmt.Sprintf(`{"id":3,"method":"mining.authorize","params":[%q]}`+"\n", worker)
		}
		send(t, conns[i], login)
	}
	synctest.Wait()
	for i := range keptJobs {
		source.post(testWork(fmt.Sprint("newer ", i)), true)
		synctest.Wait()
	}
	for _, session := range s.all() {
		session.fill(t, crowded)
	}
	for _, conn := range conns {
		send(t, conn, `{"id":"`+strings.Repeat("x", s.limits.Line-7)) // its end is missing
	}
	for _, conn := range conns { // nobody needs to take what the server sends any more
		if err := conn.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	stats := s.Stats()
	each := (memory() - before) / int64(sessions)
	if stats.Sessions != sessions || stats.Workers != sessions*s.limits.Names {
		t.Errorf("%d sessions of %d workers are left: %v", stats.Sessions, stats.Workers, stats.Closed)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	return each
}

// fill lets a session remember as many shares as it can, and its controller as many
// moments.
func (s *session) fill(t *testing.T, crowded bool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	difficulty := s.control.Difficulty()
	for i := range keptShares {
		j := s.lastJob()
		if !crowded {
			j = s.jobs[i%(len(s.jobs)-1)]
		}
		var sol mine.Solution
		binary.LittleEndian.PutUint32(sol.Hash[:], uint32(i)*2654435761) // they are spread as hashes are
		if !s.keepShare(j, sol) {
			t.Error("a share is known before it comes")
		}
		// The controller remembers 256. They come at the pace that the difficulty is right for,
		// so that it changes nothing and forgets none.
		if i < 300 {
			s.control.Share(time.Now().Add(time.Duration(i)*1200*time.Millisecond), difficulty)
		}
	}
	if got := s.control.Difficulty(); got != difficulty {
		t.Errorf("the difficulty has become %v, want %v", got, difficulty)
	}
	if len(s.jobs) != keptJobs || s.shares != keptShares || len(s.names) != s.server.limits.Names {
		t.Errorf("%d jobs, %d shares and %d workers are remembered", len(s.jobs), s.shares, len(s.names))
	}
}

func send(t *testing.T, conn net.Conn, lines string) {
	t.Helper()
	if _, err := io.WriteString(conn, lines); err != nil {
		t.Fatal(err)
	}
}

// drain takes what the server sends.
func drain(conn net.Conn) {
	var b [64]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			return
		}
	}
}

// memory returns the memory in use, stacks included.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
