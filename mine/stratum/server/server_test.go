package server

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// easyShares makes shares that a test finds at once.
var easyShares = vardiff.Config{Start: 1e-8, Least: 1e-8}

// Every share that the server takes is checked here from first principles, and so is what
// it hands to its source.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(testWork("a"))
		s, l := start(t, Config{Source: source, Vardiff: easyShares, First: 0xfffffffe})
		m := connect(t, l.dial(t))
		m.login("ann")
		if got := hex.EncodeToString(m.extranonce1); got != "fffffffe" || m.size2 != 4 {
			t.Fatalf("extranonce1 %s, size of extranonce2 %d", got, m.size2)
		}
		if m.difficulty != 1e-8 || !m.job.clean {
			t.Fatalf("difficulty %v, job %+v", m.difficulty, m.job)
		}
		good := m.solve(m.job, 1, 0, m.difficulty, true)
		m.wantAccepted(m.submit("ann", good))
		m.wantRefused(m.submit("ann", good), 22)
		m.wantRefused(m.submit("ann", m.solve(m.job, 1, 0, m.difficulty, false)), 23)
		unknown := good
		unknown.job.name = "77"
		m.wantRefused(m.submit("ann", unknown), 21)
		m.wantRefused(m.submit("bob", good), 24)

		early, late := good, good
		early.time = uint32(time.Now().Unix()) - 601
		m.wantRefused(m.submit("ann", early), 20)
		late.time = uint32(time.Now().Add(2*time.Hour).Unix()) + 1
		m.wantRefused(m.submit("ann", late), 23) // the hash is another one, and a low one is refused first
		j := m.job
		j.time = hex.EncodeToString(binary.BigEndian.AppendUint32(nil, late.time))
		late = m.solve(j, 1, 0, m.difficulty, true)
		m.wantRefused(m.submit("ann", late), 20)
		j.time = hex.EncodeToString(binary.BigEndian.AppendUint32(nil, late.time-1))
		latest := m.solve(j, 1, 0, m.difficulty, true)
		m.wantAccepted(m.submit("ann", latest))

		long := good
		long.extranonce2 = append(long.extranonce2, 0)
		m.wantRefused(m.submit("ann", long), 20)
		m.wantRefused(m.call("mining.submit", "ann", "1", "zz", "0", "0"), 20)
		m.wantRefused(m.call("mining.submit", "ann", m.job.name, "00000001", "00000000", "00000000", "00002000"), 20)

		other := connect(t, l.dial(t))
		other.subscribe()
		if got := hex.EncodeToString(other.extranonce1); got != "ffffffff" {
			t.Errorf("extranonce1 of the second session %s", got)
		}
		other.wantRefused(other.submit("ann", good), 24)
		fresh := connect(t, l.dial(t))
		fresh.wantRefused(fresh.submit("ann", good), 25)

		want := map[Share]uint64{
			ShareAccepted: 2, ShareDuplicate: 1, ShareLow: 2, ShareStale: 1, ShareUnauthorized: 3,
			ShareTime: 2, ShareMalformed: 2, ShareVersion: 1,
		}
		stats := s.Stats()
		for _, share := range Shares() {
			if stats.Shares[share] != want[share] {
				t.Errorf("%s: %d, want %d", share, stats.Shares[share], want[share])
			}
		}
		if got := source.submitted(); len(got) != 0 {
			t.Errorf("%d shares went to the source, which wants blocks only", len(got))
		}
		workers := s.Workers()
		if len(workers) != 1 || workers[0].Name != "ann" || workers[0].Work != 2e-8 || workers[0].Shares[ShareAccepted] != 2 {
			t.Errorf("workers %+v", workers)
		}
	})
}

// A session that has asked for it rolls the bits of its mask, and no others. The jobs
// that were sent before keep their mask.
func TestVersionRolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares})
		m := connect(t, l.dial(t))
		got := m.call("mining.configure", []string{"version-rolling", "minimum-difficulty", "x"},
			map[string]any{"version-rolling.mask": "ffff0000", "version-rolling.min-bit-count": 2})
		if string(got.Result) != `{"minimum-difficulty":false,"version-rolling":true,"version-rolling.mask":"1fff0000","x":false}` {
			t.Fatalf("configure: %s", got.Result)
		}
		m.mask = 0x1fff0000
		m.login("ann")
		m.wantAccepted(m.submit("ann", m.solve(m.job, 0, 0, m.difficulty, true)))
		m.wantAccepted(m.submit("ann", m.solve(m.job, 0, 0x1fff0000, m.difficulty, true)))
		// The form without a version is that of a miner that does not roll.
		plain := m.solve(m.job, 9, 0, m.difficulty, true)
		m.mask = 0
		m.wantAccepted(m.submit("ann", plain))
		m.mask = 0xffffffff
		m.wantRefused(m.submit("ann", m.solve(m.job, 0, 1<<13, m.difficulty, true)), 20)
		if got := s.Stats().Shares[ShareVersion]; got != 1 {
			t.Errorf("%d shares with a bad version", got)
		}

		old := m.job
		m.call("mining.configure", []string{"version-rolling"}, map[string]any{"version-rolling.mask": "00006000"})
		m.mask = 0x6000
		m.awaitAfter(old.name)
		m.wantAccepted(m.submit("ann", m.solve(m.job, 0, 1<<13, m.difficulty, true)))
		m.mask = 0x1fff0000
		m.wantAccepted(m.submit("ann", m.solve(old, 3, 1<<20, m.difficulty, true)))

		none := connect(t, l.dial(t))
		got = none.call("mining.configure", []string{"version-rolling"}, map[string]any{"version-rolling.mask": "00002000", "version-rolling.min-bit-count": 2})
		if string(got.Result) != `{"version-rolling":false}` {
			t.Errorf("a mask that is too narrow: %s", got.Result)
		}
	})
}

// If the source's work allows fewer bits than a session was told, it is told before the
// job.
func TestNarrowerMask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(testWork("a"))
		_, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.call("mining.configure", []string{"version-rolling"}, map[string]any{"version-rolling.mask": "ffffffff"})
		m.login("ann")
		narrow := testWork("b")
		narrow.VersionMask = 0x00c00000
		source.post(narrow, true)
		m.await()
		if m.mask != 0x00c00000 {
			t.Fatalf("mask %08x", m.mask)
		}
		m.wantAccepted(m.submit("ann", m.solve(m.job, 0, 1<<22, m.difficulty, true)))
	})
}

// A new tip makes the shares of earlier jobs worthless, but not their blocks.
func TestLateBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWork("a")
		w.Bits = easyBits
		source := newTestSource(w)
		s, l := start(t, Config{Source: source, Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		old, difficulty := m.job, m.difficulty
		if difficulty > 4.7e-10 {
			t.Fatalf("difficulty %v is above that of a block", difficulty)
		}
		next := testWork("b")
		source.post(next, true)
		if j := m.await(); !j.clean {
			t.Error("the job on a new tip is not clean")
		}
		late := m.solve(old, 5, 0, 4.6566e-10, true)
		m.wantAccepted(m.submit("ann", late))
		source.outcome = mine.Lost
		m.wantRefused(m.submit("ann", m.solve(old, 6, 0, 4.6566e-10, true)), 21)
		m.wantRefused(m.submit("ann", m.solve(old, 7, 0, 4.6566e-10, false)), 23)

		got := source.submitted()
		if len(got) != 2 || got[0].WorkID != "a" || !got[0].Block || string(got[0].Extranonce) != "\x00\x00\x00\x00\x00\x00\x00\x05" {
			t.Fatalf("submitted %+v", got)
		}
		if raw := got[0].Header.Bytes(); string(raw[:]) != string(late.header) {
			t.Errorf("header %x, want %x", raw, late.header)
		}
		stats := s.Stats()
		if stats.Shares[ShareAccepted] != 1 || stats.Shares[ShareStale] != 1 || stats.Solutions[mine.Accepted] != 1 || stats.Solutions[mine.Lost] != 1 {
			t.Errorf("%+v", stats)
		}
		blocks := s.Blocks()
		if len(blocks) != 2 || blocks[1].Worker != "ann" || blocks[1].Outcome != mine.Accepted || blocks[1].Height != 7 || blocks[1].Hash != got[0].Hash {
			t.Errorf("blocks %+v", blocks)
		}
	})
}

// A share is judged by the difficulty of its job, not by that of the latest one.
func TestDifficultyOfTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := start(t, Config{Source: newTestSource(testWork("a")), Vardiff: easyShares})
		m := connect(t, l.dial(t))
		m.login("ann")
		old := m.job
		m.wantAccepted(m.call("mining.suggest_difficulty", 1e-6))
		m.awaitAfter(old.name)
		if m.difficulty != 1e-6 || m.job.clean || m.job.name == old.name {
			t.Fatalf("difficulty %v, job %+v", m.difficulty, m.job)
		}
		m.wantAccepted(m.submit("ann", m.solve(old, 1, 0, 1e-8, true)))
		weak := m.solve(m.job, 1, 0, 1e-6, false)
		m.wantRefused(m.submit("ann", weak), 23)
		m.wantAccepted(m.submit("ann", m.solve(m.job, 1, 0, 1e-6, true)))

		// A second suggestion within a short time is answered, and nothing else.
		m.wantAccepted(m.call("mining.suggest_difficulty", 1e-4))
		synctest.Wait()
		if len(m.lines) != 0 {
			t.Errorf("%d lines after the second suggestion", len(m.lines))
		}
	})
}

// Newer work reaches the sessions after a while, and a new tip at once. Without either,
// the time of the job is renewed.
func TestJobsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTestSource(testWork("a"))
		_, l := start(t, Config{Source: source, Vardiff: vardiff.Config{Start: 1e-8, Least: 1e-8}})
		m := connect(t, l.dial(t))
		m.login("ann")
		begin := time.Now()
		took := func(what string, want time.Duration, clean bool) {
			t.Helper()
			j := m.await()
			if got := time.Since(begin); got != want || j.clean != clean {
				t.Errorf("%s: a job after %v, clean %v; want after %v, %v", what, got, j.clean, want, clean)
			}
			begin = time.Now()
		}
		source.post(testWork("b"), false)
		took("newer work", jobEvery, false)
		time.Sleep(3 * time.Second)
		source.post(testWork("c"), true)
		took("another tip", 3*time.Second, true)
		source.post(testWork("d"), false)
		source.post(testWork("e"), false)
		took("much newer work", jobEvery, false)
		before := m.job.time
		took("nothing", refreshEvery, false)
		if m.job.time == before {
			t.Error("the time of the job has not been renewed")
		}
	})
}
