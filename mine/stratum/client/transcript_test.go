package client

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
)

// TestRecordedSession plays the pool's part of the first published session. The client
// must say what that miner said, up to the share that solved a block of testnet3.
func TestRecordedSession(t *testing.T) {
	data, err := os.ReadFile("../testdata/transcripts/slush.txt")
	if err != nil {
		t.Fatal(err)
	}
	var fromPool, fromMiner []stratum.Message
	in := bufio.NewScanner(strings.NewReader(string(data)))
	for in.Scan() {
		mark, line, _ := strings.Cut(in.Text(), " ")
		if mark != "<" && mark != ">" {
			continue
		}
		m, err := stratum.Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if mark == "<" {
			fromPool = append(fromPool, m)
		} else {
			fromMiner = append(fromMiner, m)
		}
	}
	answerTo := func(method string) string {
		for _, request := range fromMiner {
			for _, answer := range fromPool {
				if request.Method == method && answer.IsAnswer() && answer.ID == request.ID {
					return string(answer.Result)
				}
			}
		}
		t.Fatalf("no answer to %s", method)
		return ""
	}
	bubble(t, func(t *testing.T) {
		f := newFakeNet(t)
		c := start(t, f, 1, func(c *Config) {
			c.NoVersions = true
			c.Pools[0].User, c.Pools[0].Password = "slush.miner1", "password"
		})
		pool := f.accept()
		pool.answer(pool.expect(stratum.MethodSubscribe), answerTo(stratum.MethodSubscribe))
		authorize := pool.expect(stratum.MethodAuthorize)
		pool.answer(authorize, answerTo(stratum.MethodAuthorize))
		for _, m := range fromPool {
			if !m.IsAnswer() {
				pool.send(strings.TrimSuffix(string(m.Line()), "\n"))
			}
		}
		w := work(t, c)
		recorded := fromMiner[len(fromMiner)-1]
		share, err := stratum.ParseSubmit(recorded)
		if err != nil {
			t.Fatal(err)
		}
		extranonce, header, err := share.Header(w)
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.Solution(extranonce, header)
		if err != nil || !s.Block || s.Hash.String() != "000000002076870fe65a2b6eeed84fa892c0db924f1482243a6247d931dcab32" || w.Height != 25096 {
			t.Fatalf("%+v, %v", s, err)
		}
		done := submit(t, c, s)
		m := pool.expect(stratum.MethodSubmit)
		m.ID = recorded.ID
		if got, want := string(m.Line()), string(recorded.Line()); got != want {
			t.Errorf("\n got %swant %s", got, want)
		}
		pool.answer(stratum.Message{ID: stratum.NumberID(3)}, answerTo(stratum.MethodSubmit))
		if r := <-done; r.outcome != mine.Accepted {
			t.Error(r)
		}
		if c.Stats().Blocks != 1 {
			t.Errorf("%+v", c.Stats())
		}
	})
}
