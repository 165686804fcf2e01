package check

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
)

// fakeMiner does what a test says. It submits three shares of each job.
type fakeMiner struct {
	hello   []string
	version string // the answer to client.get_version, in which the word ID is replaced by the ID

	// share returns the line of a share: the number of the job and of the share, from 1 on,
	// and the share with its parameters as they are written. Nil: share as it is.
	share func(job, number int, s stratum.Submit) []string

	leaves bool // at client.reconnect

	jobs    []mine.Work
	mask    uint32
	answers []string // to shares
}

func goodMiner() *fakeMiner {
	return &fakeMiner{
		hello: []string{
			`{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]}`,
			`{"id":2,"method":"mining.subscribe","params":["good/1"]}`,
			`{"id":3,"method":"mining.authorize","params":["w","x"]}`,
		},
		version: `{"id":ID,"result":"good/1"}`,
	}
}

// line returns the line of a share.
func (m *fakeMiner) line(s stratum.Submit) string {
	return strings.TrimSuffix(string(s.Message(stratum.NumberID(9)).Line()), "\n")
}

// solve returns a share of the work, with an extranonce of its own.
func (m *fakeMiner) solve(t *testing.T, name string, w mine.Work, number int) stratum.Submit {
	t.Helper()
	extranonce := w.Extranonces.At(uint64(number))
	r, err := scan(context.Background(), w.Job(extranonce, w.MinTime))
	if err != nil {
		t.Error(err)
		return stratum.Submit{}
	}
	s, err := w.Solution(extranonce, r.Header)
	if err != nil {
		t.Error(err)
	}
	return stratum.SubmitOf("w", name, w, s)
}

// mine plays the miner until the connection ends.
func (m *fakeMiner) mine(t *testing.T, conn net.Conn) {
	said := make(chan string, 100)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer close(said)
	writing.Go(func() {
		for line := range said {
			_, _ = fmt.Fprintln(conn, line) // the check sees what is missing
		}
	})
	for _, line := range m.hello {
		said <- line
	}
	space, err := mine.NewSpace([]byte("lode"), 4)
	if err != nil {
		t.Error(err)
		return
	}
	terms := stratum.Terms{Extranonces: space, VersionMask: m.mask}
	for in := bufio.NewScanner(conn); in.Scan(); {
		msg, err := stratum.Parse(in.Bytes())
		if err != nil {
			t.Error(err)
			return
		}
		switch msg.Method {
		case "":
			if id, _ := msg.ID.Number(); id == 9 {
				m.answers = append(m.answers, in.Text())
			} else if c, err := stratum.ParseConfigured(msg); id == 1 && err == nil && c.RollsVersions() {
				terms.VersionMask = c.VersionMask
			}
		case stratum.MethodSetDifficulty:
			d, _ := stratum.ParseSetDifficulty(msg)
			if terms.Target, err = stratum.TargetOf(d.Difficulty); err != nil {
				t.Error(err)
			}
		case stratum.MethodSetVersionMask:
			v, _ := stratum.ParseSetVersionMask(msg)
			terms.VersionMask = v.Mask
		case stratum.MethodGetVersion:
			if m.version != "" {
				said <- strings.ReplaceAll(m.version, "ID", msg.ID.String())
			}
		case stratum.MethodReconnect:
			if m.leaves {
				_ = conn.Close()
				return
			}
		case stratum.MethodNotify:
			n, err := stratum.ParseNotify(msg)
			if err != nil {
				t.Error(err)
			}
			w, err := n.Work(n.Job, terms)
			if err != nil {
				t.Error(err)
				return
			}
			m.jobs = append(m.jobs, w)
			for number := 1; number <= 3; number++ {
				s := m.solve(t, n.Job, w, number)
				lines := []string{m.line(s)}
				if m.share != nil {
					lines = m.share(len(m.jobs), number, s)
				}
				for _, line := range lines {
					said <- line
				}
			}
		}
	}
}

// TestMinerReports compares what a check says about miners: about one that makes no mistake, and
// how that changes with each mistake.
func TestMinerReports(t *testing.T) {
	golden := openGolden(t, "testdata/miners.txt")
	good := checkMiner(t, goodMiner())
	golden.check(t, "good miner", good)
	// at makes an edit of one share, and leaves the others as they are.
	at := func(m *fakeMiner, job, number int, edit func(s *stratum.Submit) []string) {
		m.share = func(j, n int, s stratum.Submit) []string {
			if j != job || n != number {
				return []string{m.line(s)}
			}
			good := s
			if more := edit(&s); more != nil {
				return more
			}
			return []string{m.line(s), m.line(good)}
		}
	}
	replace := func(m *fakeMiner, job, number int, old, replacement string) {
		at(m, job, number, func(s *stratum.Submit) []string {
			return []string{strings.Replace(m.line(*s), old, replacement, 1)}
		})
	}
	for name, edit := range map[string]func(m *fakeMiner){
		"no version":            func(m *fakeMiner) { m.version = "" },
		"version is refused":    func(m *fakeMiner) { m.version = refusal(20) },
		"another answer":        func(m *fakeMiner) { m.version = `{"id":"other","result":"good/1"}` },
		"no rolling":            func(m *fakeMiner) { m.hello = m.hello[1:] },
		"no rolled share":       func(m *fakeMiner) { m.hello[0] = strings.Replace(m.hello[0], "1fffe000", "00000000", 1) },
		"subscribe is nonsense": func(m *fakeMiner) { m.hello[1] = `{"id":2,"method":"mining.subscribe","params":[[]]}` },
		"pings":                 func(m *fakeMiner) { m.hello = append(m.hello, `{"id":9,"method":"mining.ping","params":[]}`) },
		"the same share twice": func(m *fakeMiner) {
			at(m, 1, 2, func(s *stratum.Submit) []string { return []string{m.line(*s), m.line(*s)} })
		},
		"an unknown job": func(m *fakeMiner) {
			at(m, 1, 1, func(s *stratum.Submit) []string { s.Job = "x"; return nil })
		},
		"short extranonce": func(m *fakeMiner) {
			at(m, 1, 1, func(s *stratum.Submit) []string { s.Extranonce2 = s.Extranonce2[1:]; return nil })
		},
		"early": func(m *fakeMiner) {
			at(m, 1, 1, func(s *stratum.Submit) []string { s.Time--; return nil })
		},
		"low": func(m *fakeMiner) {
			at(m, 2, 1, func(s *stratum.Submit) []string { s.Nonce++; return nil })
		},
		"beside the mask": func(m *fakeMiner) {
			at(m, 3, 1, func(s *stratum.Submit) []string { bits := uint32(1 << 14); s.VersionBits = &bits; return nil })
		},
		"no bits": func(m *fakeMiner) {
			at(m, 1, 1, func(s *stratum.Submit) []string { s.VersionBits = nil; return nil })
		},
		"long time": func(m *fakeMiner) { replace(m, 1, 2, fmt.Sprintf(`"%08x"`, minute), fmt.Sprintf(`"0%08x"`, minute)) },
		"upper case": func(m *fakeMiner) {
			replace(m, 1, 2, fmt.Sprintf(`%08x`, minute), strings.ToUpper(fmt.Sprintf(`%08x`, minute)))
		},
		"short nonce": func(m *fakeMiner) {
			at(m, 1, 2, func(s *stratum.Submit) []string {
				parts := strings.Split(m.line(*s), `","`)
				parts[5] = strings.TrimLeft(parts[5], "0")
				return []string{strings.Join(parts, `","`)}
			})
		},
		"no form": func(m *fakeMiner) {
			at(m, 1, 1, func(s *stratum.Submit) []string {
				return []string{`{"id":9,"method":"mining.submit","params":["w"]}`, m.line(*s)}
			})
		},
		"a late share of an ended job": func(m *fakeMiner) {
			at(m, 2, 1, func(s *stratum.Submit) []string {
				time.Sleep(grace - 1)
				return []string{m.line(m.solve(t, "lode-1", m.jobs[0], 50)), m.line(*s)}
			})
		},
		"too late a share of an ended job": func(m *fakeMiner) {
			at(m, 2, 1, func(s *stratum.Submit) []string {
				time.Sleep(grace)
				return []string{m.line(m.solve(t, "lode-1", m.jobs[0], 50)), m.line(*s)}
			})
		},
		"too late a share of the second job": func(m *fakeMiner) {
			at(m, 3, 1, func(s *stratum.Submit) []string {
				time.Sleep(grace)
				return []string{m.line(m.solve(t, "lode-2", m.jobs[1], 50)), m.line(*s)}
			})
		},
		"a share of a job that was not ended": func(m *fakeMiner) {
			at(m, 4, 1, func(s *stratum.Submit) []string {
				time.Sleep(grace)
				return []string{m.line(m.solve(t, "lode-3", m.jobs[2], 50)), m.line(*s)}
			})
		},
		"gives up after a refusal": func(m *fakeMiner) {
			m.share = func(_, n int, s stratum.Submit) []string {
				if n > 1 {
					return nil
				}
				return []string{m.line(s)}
			}
		},
		"not harder": func(m *fakeMiner) {
			at(m, 2, 1, func(_ *stratum.Submit) []string { return []string{} })
		},
		"silent with a narrow mask": func(m *fakeMiner) {
			at(m, 3, 1, func(_ *stratum.Submit) []string { return []string{} })
		},
		"silent at last": func(m *fakeMiner) { at(m, 4, 1, func(*stratum.Submit) []string { return []string{} }) },
	} {
		t.Run(name, func(t *testing.T) {
			m := goodMiner()
			edit(m)
			golden.check(t, "miner: "+name, differences(checkMiner(t, m), good))
		})
	}
	golden.end(t)
}

// checkMiner checks the fake miner in virtual time. It returns the report with how the check
// has ended, and with the check's refusals of shares.
func checkMiner(t *testing.T, m *fakeMiner) (report string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.mine(t, theirs)
			_ = theirs.Close()
		}()
		began := time.Now()
		var r Report
		err := Miner(t.Context(), ours, MinerOptions{Difficulty: easy, Now: func() time.Time { return time.Unix(minute, 0) }}, &r)
		took := time.Since(began)
		_ = ours.Close()
		<-done
		report = fmt.Sprintf("ended after %v and %d jobs: %v\n%s", took, len(m.jobs), err, text(&r))
		for i, answer := range m.answers {
			if !strings.Contains(answer, "true") {
				report += fmt.Sprintf("share %d: %s\n", i+1, answer)
			}
		}
	})
	return report
}

// A miner that obeys an order to go to another host is told that this is wrong.
func TestMinerLeaves(t *testing.T) {
	m := goodMiner()
	m.leaves = true
	if report := checkMiner(t, m); !strings.Contains(report, "3 jobs: <nil>") || !strings.Contains(report, "FAIL  client.reconnect to another host is not obeyed: ") {
		t.Error(report)
	}
}

// A difficulty that makes no sense ends a check.
func TestNoDifficulty(t *testing.T) {
	ours, theirs := net.Pipe()
	m := goodMiner()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.mine(t, theirs)
	}()
	var r Report
	err := Miner(t.Context(), ours, MinerOptions{Difficulty: -1}, &r)
	_ = ours.Close()
	<-done
	if err == nil || len(m.jobs) > 0 {
		t.Errorf("%v, %d jobs\n%s", err, len(m.jobs), text(&r))
	}
}

// A line of a miner may have 4096 bytes.
func TestLongestLineOfMiner(t *testing.T) {
	const ask = `{"id":1,"method":"mining.x","params":[]}`
	line := ask + strings.Repeat(" ", stratum.MaxMinerLine-len(ask))
	if got := report(t, line); strings.Contains(got, "too long") {
		t.Error(got)
	}
	if got := report(t, line+" "); !strings.Contains(got, "too long") {
		t.Error(got)
	}
}
