package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/lodepow/lode/pow"
)

const (
	statusEvery    = time.Second // on a terminal
	statusLogEvery = time.Minute // in a log
	rateOver       = 10          // readings of the engine's counter that the shown rate spans
)

// statusWriter lets a status line and a log share a terminal: the line is removed
// before each line of the log, and written again with the next update.
type statusWriter struct {
	mu    sync.Mutex
	w     io.Writer
	shown bool // there is a status line that has no end
}

// Write writes lines of the log.
func (s *statusWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	return s.w.Write(b)
}

// show replaces the status line.
func (s *statusWriter) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, "\r%s\x1b[K", line)
	s.shown = true
}

// end removes the status line.
func (s *statusWriter) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *statusWriter) clear() {
	if s.shown {
		fmt.Fprintf(s.w, "\r\x1b[K")
		s.shown = false
	}
}

// showStatus says how the mining goes until the context ends: on a terminal in one line
// that is replaced each second, elsewhere in the log each minute.
func showStatus(ctx context.Context, out *statusWriter, log *slog.Logger, terminal bool, engine *pow.Engine, source remote) {
	every := statusLogEvery
	if terminal {
		every = statusEvery
		defer out.end()
	}
	meter := newMeter(rateOver)
	meter.read(time.Now(), engine.Hashes())
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			rate := meter.read(now, engine.Hashes())
			if terminal {
				out.show(hashRate(rate) + ", " + source.Status())
			} else {
				log.Info("status", "rate", hashRate(rate), "source", source.Status())
			}
		}
	}
}

// meter turns readings of a counter into a rate over the last of them.
type meter struct {
	times  []time.Time
	values []uint64
	keep   int
}

func newMeter(keep int) *meter { return &meter{keep: keep} }

// read adds a reading and returns the rate a second since the oldest one that is kept.
func (m *meter) read(now time.Time, value uint64) float64 {
	m.times, m.values = append(m.times, now), append(m.values, value)
	if len(m.times) > m.keep+1 {
		m.times, m.values = m.times[1:], m.values[1:]
	}
	d := now.Sub(m.times[0]).Seconds()
	if d <= 0 {
		return 0
	}
	return float64(value-m.values[0]) / d
}
