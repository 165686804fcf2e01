package client

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

// readEvents returns all events of a text, and the error at its end, which is not EOF.
func readEvents(r io.Reader, lastID string) (all []message, in *sseReader, err error) {
	in = newSSEReader(r, lastID)
	for {
		m, err := in.next(func() {})
		if errors.Is(err, io.EOF) {
			return all, in, nil
		}
		if err != nil {
			return all, in, err
		}
		all = append(all, m)
	}
}

// TestStandardExamples reads the examples of the HTML standard, section 9.2.6, and some
// texts in which each rule of that section decides.
func TestStandardExamples(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []message
	}{
		{"the stock ticker", "data: YHOO\ndata: +2\ndata: 10\n\n", []message{{"message", "YHOO\n+2\n10", ""}}},
		{"four blocks", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
			[]message{{"message", "first event", "1"}, {"message", "second event", ""}, {"message", " third event", ""}}},
		{"empty data", "data\n\ndata\ndata\n\ndata:", []message{{"message", "", ""}, {"message", "\n", ""}}},
		{"a space or none", "data:test\n\ndata: test\n\n", []message{{"message", "test", ""}, {"message", "test", ""}}},
		{"carriage returns", "event: a\rdata: 1\r\rdata: 2\r\n\r\n", []message{{"a", "1", ""}, {"message", "2", ""}}},
		{"a byte order mark", "\ufeffdata: 1\n\n", []message{{"message", "1", ""}}},
		{"a second byte order mark", "\ufeff\ufeffdata: 1\n\ndata: 2\n\n", []message{{"message", "2", ""}}},
		{"an event without data keeps its id", "id: 7\nevent: x\n\ndata: 1\n\n", []message{{"message", "1", "7"}}},
		{"an id with a null", "id: 7\n\nid: a\x00b\ndata: 1\n\n", []message{{"message", "1", "7"}}},
		{"an unknown field and case", "Data: 1\nfoo: 2\n data: 3\ndata: 4\n\n", []message{{"message", "4", ""}}},
		{"no end", "id: 8\ndata: 1\n", nil},
		{"bytes that are no UTF-8", "data: a\xffb\n\n", []message{{"message", "a\ufffdb", ""}}},
	} {
		for _, r := range []io.Reader{strings.NewReader(tc.text), iotest.OneByteReader(strings.NewReader(tc.text))} {
			got, _, err := readEvents(r, "")
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("%s: %q, %v, want %q", tc.name, got, err, tc.want)
			}
		}
	}
}

// TestRetry reads the field retry, which counts only if it is nothing but digits.
func TestRetry(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"retry: 1500\n\n": 1500 * time.Millisecond, "retry:0\n": 0, "retry: -1\n": 0, "retry: 1.5\n": 0, "retry: +1\n": 0, "retry\n": 0,
		"retry: 20\nretry: x\n": 20 * time.Millisecond, "retry: 99999999999999999999\n": 0,
	} {
		if _, in, err := readEvents(strings.NewReader(text), ""); err != nil || in.retry != want {
			t.Errorf("%q: %v, %v, want %v", text, in.retry, err, want)
		}
	}
}

// TestLongEvents feeds lines and events without an end. The reader refuses them before
// it has read much more than it may keep.
func TestLongEvents(t *testing.T) {
	for name, piece := range map[string]string{"a line": "x", "an event": "data: " + strings.Repeat("y", 1000) + "\n"} {
		endless := &repeated{text: piece}
		if _, _, err := readEvents(endless, ""); !errors.Is(err, errLongEvent) {
			t.Errorf("%s without an end: %v", name, err)
		}
		if endless.read > 2*maxEvent {
			t.Errorf("%s without an end: %d bytes were read, and an event may have %d", name, endless.read, maxEvent)
		}
	}
	short := strings.Repeat("data: "+strings.Repeat("z", 1000)+"\n\n", 5000)
	if got, _, err := readEvents(strings.NewReader(short), ""); err != nil || len(got) != 5000 {
		t.Errorf("many short events: %d, %v", len(got), err)
	}
}

// repeated is an endless stream of a text.
type repeated struct {
	text string
	read int // bytes so far
}

// Read implements [io.Reader].
func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[(r.read+i)%len(r.text)]
	}
	r.read += len(p)
	return len(p), nil
}

// eventsAtOnce reads a whole text by other means: it splits it into lines and events, and
// has no bound.
func eventsAtOnce(text, lastID string) (all []message) {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	lines = lines[:len(lines)-1] // what has no end is not a line
	id := lastID
	var kind string
	var data []string
	for _, line := range lines {
		if line == "" {
			if data != nil {
				if kind == "" {
					kind = "message"
				}
				all = append(all, message{kind, strings.Join(data, "\n"), id})
			}
			kind, data = "", nil
			continue
		}
		name, value, _ := strings.Cut(strings.ToValidUTF8(line, "\ufffd"), ":")
		if value != "" && value[0] == ' ' {
			value = value[1:]
		}
		switch {
		case name == "event":
			kind = value
		case name == "data":
			data = append(data, value)
		case name == "id" && !strings.Contains(value, "\x00"):
			id = value
		}
	}
	return all
}

// FuzzEvents compares the reader with one that has the whole text at once, and reads the
// text in pieces of other sizes.
func FuzzEvents(f *testing.F) {
	for _, text := range []string{
		"retry: 3000\nevent: tip\ndata: {\"height\":0}\n\n", ":\n\n", "id: 1-2\nevent: block\ndata: {}\n\n", "\ufeffdata: 1\r\r\ndata: 2\n\r\n", "data\n\n", "id\ndata: \n\n",
	} {
		f.Add(text, "", 1)
		f.Add(text, "7", 3)
	}
	f.Fuzz(func(t *testing.T, text, lastID string, size int) {
		want := eventsAtOnce(text, lastID)
		got, in, err := readEvents(iotest.HalfReader(strings.NewReader(text)), lastID)
		if len(text) >= maxEvent && errors.Is(err, errLongEvent) {
			return
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %q, %v, want %q", text, got, err, want)
		}
		if in.retry < 0 {
			t.Fatalf("%q: retry %v", text, in.retry)
		}
		pieces := &inPieces{text: []byte(text), size: max(1, size%64)}
		if again, _, err := readEvents(pieces, lastID); err != nil || !reflect.DeepEqual(again, want) {
			t.Fatalf("%q in pieces of %d: %q, %v, want %q", text, pieces.size, again, err, want)
		}
		// What a server writes in the form of the standard is read as it was.
		var out bytes.Buffer
		for i, m := range want {
			if strings.ContainsAny(m.kind+m.id, "\r\n\x00") || !utf8.ValidString(m.id) { // lastID is what it is
				return
			}
			out.WriteString("id: " + m.id + "\nevent: " + m.kind + "\n")
			for line := range strings.SplitSeq(m.data, "\n") {
				out.WriteString("data: " + line + "\n")
			}
			out.WriteString("\n: " + strconv.Itoa(i) + "\n")
		}
		if again, _, err := readEvents(&out, ""); err != nil || !reflect.DeepEqual(again, want) {
			t.Fatalf("%q written again: %q, %v, want %q", text, again, err, want)
		}
	})
}

// inPieces returns a text in pieces of one size.
type inPieces struct {
	text []byte
	size int
}

// Read implements [io.Reader].
func (p *inPieces) Read(to []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.text[:min(p.size, len(p.text))])
	p.text = p.text[n:]
	return n, nil
}
