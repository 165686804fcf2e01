package benchcmd

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lodepow/lode/bench"
)

// statusLine is the last line of a terminal, which shows the progress and is
// overwritten in place.
type statusLine struct {
	mu   sync.Mutex
	w    io.Writer
	text string
}

func (l *statusLine) show(p bench.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = fmt.Sprintf("round %d, about %s left, %s", p.Round, p.Left.Round(time.Second), p.Case)
	fmt.Fprintf(l.w, "\r%s\x1b[K", l.text)
}

func (l *statusLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "\r\x1b[K")
}

// under returns a writer to w for output that appears above the status line. If w
// is the terminal that shows the status, which the caller says with terminal, the
// writer erases the status before each write and shows it again after a newline.
func (l *statusLine) under(w io.Writer, terminal bool) io.Writer {
	if !terminal {
		return w
	}
	return writerFunc(func(p []byte) (int, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		fmt.Fprintf(l.w, "\r\x1b[K")
		n, err := w.Write(p)
		if bytes.HasSuffix(p, []byte("\n")) {
			fmt.Fprintf(l.w, "%s", l.text)
		}
		return n, err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
