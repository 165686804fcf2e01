package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// TestScripts runs testdata/*.txt; testdata/README.md describes their form. Every
// answer is also compared with the description.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	described := loadDescription(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &script{t: t, file: file, described: described, vars: map[string]string{}, blocks: map[string]block.Block{}}
			s.run(strings.Split(strings.TrimRight(string(text), "\n"), "\n"))
		})
	}
}

type script struct {
	t         *testing.T
	file      string
	line      int
	described *description
	setup     testSetup
	node      *testNode
	vars      map[string]string
	blocks    map[string]block.Block
}

func (s *script) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s:%d: %s", s.file, s.line, fmt.Sprintf(format, args...))
}

func (s *script) run(lines []string) {
	for len(lines) > 0 {
		line := lines[0]
		switch {
		case line == "" || line[0] == '#':
			lines = lines[1:]
			s.line++
		case line[0] == '!':
			s.line++
			s.command(strings.Fields(line[1:]))
			lines = lines[1:]
		case line[0] == '>':
			var request, answer []string
			at := s.line + 1
			request, lines = s.take(lines, '>')
			answer, lines = s.take(lines, '<')
			end := s.line
			s.line = at
			s.exchange(request, answer)
			s.line = end
		default:
			s.line++
			s.fatalf("cannot read %q", line)
		}
	}
}

// take removes the lines that begin with a mark and returns them without it.
func (s *script) take(lines []string, mark byte) (marked, rest []string) {
	for len(lines) > 0 && lines[0] != "" && lines[0][0] == mark {
		marked = append(marked, strings.TrimPrefix(lines[0][1:], " "))
		lines = lines[1:]
		s.line++
	}
	return marked, lines
}

func (s *script) start() *testNode {
	if s.node == nil {
		s.node = newTestNode(s.t, s.setup)
	}
	return s.node
}

func (s *script) command(words []string) {
	switch words[0] {
	case "pool":
		s.setup.poolTxs, _ = strconv.Atoi(words[1])
	case "signed":
		s.setup.params = rulestest.MustNew(rules.Config{Name: "signed", Signatures: rules.SignaturesRequired})
	case "disk":
		s.start().store.full.Store(words[1] == "full")
		s.start().store.broken.Store(words[1] == "broken")
	case "clock":
		s.start().clock.Add(s.duration(words[1]).Milliseconds())
	case "hold":
		s.start().miner.hold = make(chan struct{})
		s.t.Cleanup(func() { close(s.node.miner.hold) })
	case "minewait":
		s.setup.limits.mineWait = s.duration(words[1])
	case "mempool":
		if txs, _ := s.start().chain.PendingCount(); strconv.Itoa(txs) != words[1] {
			s.fatalf("%d transactions are pending, want %s", txs, words[1])
		}
	case "block":
		s.block(words[1], words[3], words[4:])
	default:
		s.fatalf("unknown command %q", words[0])
	}
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.fatalf("%v", err)
	}
	return d
}

// block makes a block on a parent, for which the script can use the name then.
func (s *script) block(name, parent string, options []string) {
	n := s.start()
	var hash pow.Hash
	var height int64
	switch b, ok := s.blocks[parent]; {
	case ok:
		hash, height = b.Hash(), b.Height()
	case parent == "tip":
		hash, height = n.chain.Tip().Hash, n.chain.Tip().Height
	case parent == "genesis":
		hash, _ = n.chain.HashAt(0)
	default:
		s.fatalf("unknown parent %q", parent)
	}
	o := blockOptions{salt: uint64(len(s.blocks) + 1)}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "later":
			o.later = s.duration(value)
		case "bits":
			o.bits, _ = pow.ParseBits(value)
		case "unsolved":
			o.unsolved = true
		case "pending":
			o.txs = n.chain.Pending(0, 100)
		default:
			s.fatalf("unknown option %q", key)
		}
	}
	b := n.child(hash, height+1, o)
	text, err := json.Marshal(b)
	if err != nil {
		s.fatalf("%v", err)
	}
	s.blocks[name] = b
	s.vars[name], s.vars[name+".hash"] = string(text), b.Hash().String()
}

func (s *script) expand(text string) string {
	s.vars["tip"] = s.node.chain.Tip().Hash.String()
	return regexp.MustCompile(`\{[a-z.]+\}`).ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := s.vars[name[1:len(name)-1]]; ok {
			return value
		}
		return name
	})
}

// split splits a message into its first line, headers and body. body is nil if there
// is no empty line.
func split(lines []string) (first string, headers [][2]string, body *string) {
	first, lines = lines[0], lines[1:]
	for i, line := range lines {
		if line == "" {
			text := strings.Join(lines[i+1:], "\n")
			return first, headers, &text
		}
		name, value, _ := strings.Cut(line, ": ")
		headers = append(headers, [2]string{name, value})
	}
	return first, headers, nil
}

func (s *script) exchange(request, answer []string) {
	n := s.start()
	if len(answer) == 0 {
		s.fatalf("a request without an answer")
	}
	first, headers, body := split(request)
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s HTTP/1.1\r\n", s.expand(first))
	host := "Host: 127.0.0.1:8000\r\n"
	for _, h := range headers {
		if h[0] == "Host" {
			host = ""
		}
		fmt.Fprintf(&raw, "%s: %s\r\n", h[0], s.expand(h[1]))
	}
	raw.WriteString(host)
	if body != nil {
		text := s.expand(*body)
		fmt.Fprintf(&raw, "Content-Length: %d\r\n\r\n%s", len(text), text)
	} else {
		raw.WriteString("\r\n")
	}
	r, err := http.ReadRequest(bufio.NewReader(&raw))
	if err != nil {
		s.fatalf("request: %v", err)
	}
	r = r.WithContext(s.t.Context())
	w := httptest.NewRecorder()
	n.api.ServeHTTP(w, r)
	if place := w.Header().Get("Location"); place != "" {
		s.vars["id"] = place[strings.LastIndex(place, "/")+1:]
	}

	got := strings.TrimSuffix(w.Body.String(), "\n")
	status, wantHeaders, wantBody := split(answer)
	if strconv.Itoa(w.Code) != status {
		s.fatalf("status %d, want %s; body: %s", w.Code, status, got)
	}
	for _, h := range wantHeaders {
		if value := w.Header().Get(h[0]); !s.matches(value, h[1]) {
			s.fatalf("header %s is %q, want %q", h[0], value, s.expand(h[1]))
		}
	}
	if wantBody != nil && !s.matches(got, *wantBody) {
		s.fatalf("body\n%s\nwant\n%s", got, s.expand(*wantBody))
	}
	if err := s.described.check(n.api, r, w); err != nil {
		s.fatalf("the answer is not as described: %v\n%s", err, got)
	}
}

// matches reports whether a text matches a pattern, in which … matches any text.
func (s *script) matches(got, want string) bool {
	parts := strings.Split(s.expand(want), "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?s)\A` + strings.Join(parts, ".*") + `\z`).MatchString(got)
}
