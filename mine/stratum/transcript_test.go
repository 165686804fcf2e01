package stratum

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// A transcript is a session in the form of other implementations, a line each: > from the
// miner, < from the pool. Only slush.txt and cpuminer.txt are recordings; the first line of
// each file says where it comes from. After a line, = is the same message as Lode sends it, where that
// differs.
type transcriptLine struct {
	number  int
	in, out string
}

func readTranscript(t *testing.T, file string) []transcriptLine {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var lines []transcriptLine
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		mark, text, _ := strings.Cut(s.Text(), " ")
		switch mark {
		case ">", "<":
			lines = append(lines, transcriptLine{n, text, text})
		case "=":
			lines[len(lines)-1].out = text
		case "#":
		default:
			t.Fatalf("%s:%d: %q", file, n, s.Text())
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// again parses a message with the type of its method and returns it as the type
// writes it. An answer needs the method that it answers.
func again(m Message, answers string) (Message, error) {
	if m.IsAnswer() {
		if m.Error != nil {
			return NewRejection(m.ID, *m.Error), nil //nolint:nilerr // the refusal is what is written again
		}
		switch answers {
		case MethodConfigure:
			a, err := ParseConfigured(m)
			return a.Message(m.ID), err
		case MethodSubscribe:
			a, err := ParseSubscribed(m)
			return a.Message(m.ID), err
		}
		return NewAnswer(m.ID, true), m.Check()
	}
	switch m.Method {
	case MethodConfigure:
		v, err := ParseConfigure(m)
		return v.Message(m.ID), err
	case MethodSubscribe:
		v, err := ParseSubscribe(m)
		return v.Message(m.ID), err
	case MethodAuthorize:
		v, err := ParseAuthorize(m)
		return v.Message(m.ID), err
	case MethodSuggestDifficulty:
		v, err := ParseSuggestDifficulty(m)
		return v.Message(m.ID), err
	case MethodSubmit:
		v, err := ParseSubmit(m)
		return v.Message(m.ID), err
	case MethodNotify:
		v, err := ParseNotify(m)
		return v.Message(), err
	case MethodSetDifficulty:
		v, err := ParseSetDifficulty(m)
		return v.Message(), err
	case MethodSetExtranonce:
		v, err := ParseSetExtranonce(m)
		return v.Message(), err
	case MethodSetVersionMask:
		v, err := ParseSetVersionMask(m)
		return v.Message(), err
	case MethodReconnect:
		v, err := ParseReconnect(m)
		return v.Message(), err
	case MethodShowMessage:
		v, err := ParseShowMessage(m)
		return v.Message(), err
	case MethodGetVersion:
		return GetVersion{}.Message(m.ID), nil
	case MethodPing:
		return Ping{}.Message(m.ID), nil
	case MethodExtranonce:
		return NewRequest(m.ID, MethodExtranonce), nil
	}
	return Message{}, errors.New("unknown method " + m.Method)
}

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			methods := map[ID]string{}
			for _, line := range readTranscript(t, file) {
				m, err := Parse([]byte(line.in))
				if err != nil {
					t.Errorf("line %d: %v", line.number, err)
					continue
				}
				if !m.IsAnswer() {
					methods[m.ID] = m.Method
				}
				out, err := again(m, methods[m.ID])
				if err != nil {
					t.Errorf("line %d: %v", line.number, err)
					continue
				}
				if got := string(out.Line()); got != line.out+"\n" {
					t.Errorf("line %d:\n got %swant %s", line.number, got, line.out)
				}
			}
		})
	}
}

// The first published session ends with a share that solved a block. Everything between
// the lines and the hash of the block is checked by it: byte orders, coinbase, root,
// target.
func TestSolvedBlock(t *testing.T) {
	const hash = "000000002076870fe65a2b6eeed84fa892c0db924f1482243a6247d931dcab32"
	var (
		terms  Terms
		job    Notify
		submit Submit
	)
	for _, line := range readTranscript(t, "testdata/transcripts/slush.txt") {
		m, err := Parse([]byte(line.in))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m.IsAnswer() && m.ID == NumberID(1):
			terms.Extranonces = extranoncesOf(t, m)
		case m.Method == MethodNotify:
			if job, err = ParseNotify(m); err != nil {
				t.Fatal(err)
			}
		case m.Method == MethodSubmit:
			if submit, err = ParseSubmit(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	w, err := job.Work("1", terms)
	if err != nil {
		t.Fatal(err)
	}
	if w.Height != 25096 || w.Prev.String() != "00000000440b921e1b77c6c0487ae5616de67f788f44ae2a5af6e2194d16b6f8" {
		t.Errorf("height %d on %s", w.Height, w.Prev)
	}
	extranonce, header, err := submit.Header(w)
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Solution(extranonce, header)
	if err != nil {
		t.Fatal(err)
	}
	if s.Hash.String() != hash || !s.Block {
		t.Errorf("hash %s, a block: %v", s.Hash, s.Block)
	}
	if got, want := string(SubmitOf("slush.miner1", "bf", w, s).Message(NumberID(4)).Line()), `{"id":4,"method":"mining.submit","params":["slush.miner1","bf","00000001","504e86ed","b2957c02"]}`+"\n"; got != want {
		t.Errorf("submission\n got %swant %s", got, want)
	}
	if got := string(NotifyOf("bf", w, w.MinTime, false).Message().Line()); got != string(job.Message().Line()) {
		t.Errorf("job %s", got)
	}
	difficulty, err := TargetOf(2)
	if err != nil || !s.Hash.Meets(difficulty) {
		t.Errorf("the share does not meet difficulty 2 (%v)", err)
	}
	if hash, err := pow.ParseHash(hash); err != nil || hash != header.Hash() {
		t.Error(hash, err)
	}
}

// extranoncesOf returns the extranonces that an answer to mining.subscribe hands out.
func extranoncesOf(t *testing.T, m Message) mine.Space {
	t.Helper()
	s, err := ParseSubscribed(m)
	if err != nil {
		t.Fatal(err)
	}
	space, err := mine.NewSpace(s.Extranonce1, s.Extranonce2Size)
	if err != nil {
		t.Fatal(err)
	}
	return space
}

// Every share of the recorded miner meets the difficulty that held when its job came. The
// hash of a share that solved a block is the parent of the next clean job, which a node has
// made from it.
func TestRecordedShares(t *testing.T) {
	var (
		terms          Terms
		shares, blocks int
		solved         pow.Hash
	)
	jobs := map[string]mine.Work{}
	for _, line := range readTranscript(t, "testdata/transcripts/cpuminer.txt") {
		m, err := Parse([]byte(line.in))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m.IsAnswer() && m.ID == NumberID(1):
			terms.Extranonces = extranoncesOf(t, m)
		case m.IsAnswer():
			if string(m.Result) != "true" {
				t.Errorf("line %d: refused", line.number)
			}
		case m.Method == MethodSetDifficulty:
			set, err := ParseSetDifficulty(m)
			if err != nil {
				t.Fatal(err)
			}
			if terms.Target, err = TargetOf(set.Difficulty); err != nil {
				t.Fatal(err)
			}
		case m.Method == MethodNotify:
			n, err := ParseNotify(m)
			if err != nil {
				t.Fatal(err)
			}
			w, err := n.Work(n.Job, terms)
			if err != nil {
				t.Fatal(err)
			}
			if n.Clean && shares > 0 && n.Prev != solved {
				t.Errorf("line %d: the parent is %s, want the block that was solved, %s", line.number, n.Prev, solved)
			}
			jobs[n.Job] = w
		case m.Method == MethodSubmit:
			submit, err := ParseSubmit(m)
			if err != nil {
				t.Fatal(err)
			}
			w := jobs[submit.Job]
			extranonce, header, err := submit.Header(w)
			if err != nil {
				t.Fatal(err)
			}
			share, err := w.Solution(extranonce, header) // an error if the hash does not meet the target
			if err != nil {
				t.Fatalf("line %d: %v", line.number, err)
			}
			if shares++; share.Block {
				solved = share.Hash
				blocks++
			}
		}
	}
	if shares != 11 || blocks != 2 {
		t.Errorf("%d shares, %d blocks", shares, blocks)
	}
}
