package client

import (
	"bytes"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// logBuffer is a log that several goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// A pool cannot fill the log of its miners, however many messages it sends and however
// long they are.
func TestLogIsBounded(t *testing.T) {
	for name, message := range map[string]string{
		"texts":             `{"id":null,"method":"client.show_message","params":["` + strings.Repeat("x", 10_000) + `"]}`,
		"hijacks":           `{"id":null,"method":"client.reconnect","params":["evil.example",3333,0]}`,
		"a long host":       `{"id":null,"method":"client.reconnect","params":["` + strings.Repeat("x", 200_000) + `",3333,0]}`,
		"a host of control": `{"id":null,"method":"client.reconnect","params":["a\nlevel=INFO forged",3333,0]}`,
		"no port":           `{"id":null,"method":"client.reconnect","params":["a",99999]}`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				var log logBuffer
				c := start(t, f, 1, func(c *Config) { c.Logger = log.logger() })
				pool := f.accept()
				pool.greet()
				pool.send(jobLine("1", true))
				work(t, c)
				before := len(log.String())
				for range 500 {
					pool.send(message)
				}
				work(t, c)
				said := log.String()[before:]
				if lines := strings.Count(said, "\n"); lines == 0 || lines > linesAtOnce || len(said) > linesAtOnce*700 {
					t.Errorf("%d lines of %d bytes in all", lines, len(said))
				}
				if strings.Contains(said, "\nlevel=INFO forged") {
					t.Error("the pool has forged a line of the log")
				}
				time.Sleep(lineEvery + time.Second)
				before = len(log.String())
				pool.send(message)
				work(t, c)
				if said := log.String()[before:]; !strings.Contains(said, "left_out=490") {
					t.Errorf("the log does not say how many lines were left out: %.300s", said)
				}
			})
		})
	}
}

// A pool whose shares are harder than blocks hides blocks from itself. The client submits
// what the pool asks for, and says so.
func TestHiddenBlocks(t *testing.T) {
	for difficulty, hidden := range map[string]bool{"0.5": false, "1": false, "1.5": true, "1e6": true} {
		t.Run(difficulty, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFakeNet(t)
				var log logBuffer
				c := start(t, f, 1, func(c *Config) { c.Logger = log.logger() })
				pool := f.accept()
				pool.greet()
				pool.send(`{"id":null,"method":"mining.set_difficulty","params":[`+difficulty+`]}`, jobLine("1", true)) // bits 1d00ffff
				w := work(t, c)
				want, err := strconv.ParseFloat(difficulty, 64)
				if got := w.Target.Difficulty(); err != nil || math.Abs(got-want) > want/1000 {
					t.Errorf("difficulty %v of the work, want %v (%v)", got, want, err)
				}
				if said := strings.Contains(log.String(), "so blocks are missed"); said != hidden {
					t.Errorf("the log says that blocks are missed: %v, want %v\n%s", said, hidden, log.String())
				}
			})
		})
	}
}
