package server

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTranscripts plays sessions that are written in the forms in which miners speak; none
// of them is a recording, and the server's lines are what it says. A line that begins with > is sent by the
// miner; one that begins with < must be the next that the server sends, byte for byte;
// "tip NAME" gives the source other work. Whoever changes a line here changes what the
// miners of the world see.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				w := testWork("golden")
				w.Bits = 0x1f00ffff
				source := newTestSource(w)
				_, l := start(t, Config{Source: source, First: 0x0a0b0c0d})
				m := connect(t, l.dial(t))
				for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
					kind, rest, _ := strings.Cut(line, " ")
					switch kind {
					case ">":
						m.send(rest)
					case "<":
						select {
						case got, ok := <-m.lines:
							if got != rest {
								t.Fatalf("line %d (%v):\n got %s\nwant %s", i+1, ok, got, rest)
							}
						case <-time.After(time.Second):
							t.Fatalf("line %d: the server sends nothing, want %s", i+1, rest)
						}
					case "tip":
						next := testWork(rest)
						next.Bits = 0x1f00ffff
						source.post(next, true)
					case "#", "":
					default:
						t.Fatalf("line %d: %s", i+1, line)
					}
				}
				synctest.Wait()
				if n := len(m.lines); n != 0 {
					t.Fatalf("%d lines more, the first: %s", n, <-m.lines)
				}
			})
		})
	}
}

// FuzzSession sends a session anything. It must not panic, must not hold more than its
// bound of a line, and must not outlive its connection; the test's leak check sees to
// the latter.
func FuzzSession(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		in, err := os.Open(file)
		if err != nil {
			f.Fatal(err)
		}
		var lines strings.Builder
		for s := bufio.NewScanner(in); s.Scan(); {
			if line, ok := strings.CutPrefix(s.Text(), "> "); ok {
				lines.WriteString(line + "\n")
			}
		}
		_ = in.Close()
		f.Add([]byte(lines.String()))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s, l := start(t, Config{Source: newTestSource(testWork("fuzz"))})
		conn := l.dial(t)
		m := connect(t, conn)
		go func() {
			for range m.lines { // the server must not wait for us
			}
		}()
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Write(in)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the server has not read what was sent")
		}
		_ = conn.Close()
		if got := s.Stats().Shares[ShareAccepted]; got != 0 {
			t.Fatalf("%d shares were accepted", got)
		}
	})
}
