package stratum

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReader(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, test := range []struct {
		name, in string
		limit    int
		lines    []string
		err      error
	}{
		{"nothing", "", 10, nil, io.EOF},
		{"lines", "a\nbc\r\n\nd\n", 10, []string{"a", "bc", "", "d"}, io.EOF},
		{"no end", "a\nbc", 10, []string{"a"}, io.ErrUnexpectedEOF},
		{"as long as may be", "0123456789\n0123456789\r\n", 10, []string{"0123456789", "0123456789"}, io.EOF},
		{"too long by one", "a\n0123456789x\nb\n", 10, []string{"a"}, ErrLineTooLong},
		{"longer than the buffer", long + "\nb\n" + long + "\n", 3000, []string{long, "b", long}, io.EOF},
		{"longer than the buffer, too long by one", long + "x\n", 3000, nil, ErrLineTooLong},
		{"longer than the buffer, no end", long, 5000, nil, io.ErrUnexpectedEOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []io.Reader{
				strings.NewReader(test.in),
				iotest.OneByteReader(strings.NewReader(test.in)),
				iotest.DataErrReader(strings.NewReader(test.in)),
			} {
				r := NewReader(in, test.limit)
				for i, want := range test.lines {
					if line, err := r.ReadLine(); string(line) != want || err != nil {
						t.Fatalf("line %d: %q, %v", i, line, err)
					}
				}
				for range 2 {
					if line, err := r.ReadLine(); line != nil || !errors.Is(err, test.err) {
						t.Errorf("%q, %v; want %v", line, err, test.err)
					}
				}
			}
		})
	}
}

// endless is a line without an end, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	e.read += len(b)
	return len(b), nil
}

func TestEndlessLine(t *testing.T) {
	for _, limit := range []int{10, MaxMinerLine, MaxPoolLine} {
		in := &endless{}
		r := NewReader(in, limit)
		if _, err := r.ReadLine(); !errors.Is(err, ErrLineTooLong) {
			t.Errorf("limit %d: %v", limit, err)
		}
		if in.read > limit+2*readerSize {
			t.Errorf("limit %d: %d bytes were read", limit, in.read)
		}
		if r.long != nil {
			t.Errorf("limit %d: the reader keeps %d bytes", limit, cap(r.long))
		}
	}
}

// A long line is forgotten once the next has been read.
func TestReaderForgets(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat("x", 100_000)+"\na\n"), MaxPoolLine)
	if line, err := r.ReadLine(); len(line) != 100_000 || err != nil {
		t.Fatal(len(line), err)
	}
	if line, err := r.ReadLine(); string(line) != "a" || err != nil || r.long != nil {
		t.Errorf("%q, %v; %d bytes are kept", line, err, cap(r.long))
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("a\nbc\r\n\nd"), 10)
	f.Add([]byte("0123456789x\n"), 10)
	f.Add(bytes.Repeat([]byte("x"), 2000), 1500)
	f.Fuzz(func(t *testing.T, in []byte, limit int) {
		if limit < 1 || limit > 1<<16 {
			return
		}
		r := NewReader(bytes.NewReader(in), limit)
		rest := in
		for {
			line, err := r.ReadLine()
			if err != nil {
				if errors.Is(err, io.EOF) && len(rest) > 0 {
					t.Fatalf("%d bytes are left", len(rest))
				}
				return
			}
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				t.Fatalf("line %q has no end", line)
			}
			if want := bytes.TrimSuffix(rest[:end], []byte("\r")); !bytes.Equal(line, want) || len(line) > limit {
				t.Fatalf("line %q, want %q of at most %d bytes", line, want, limit)
			}
			rest = rest[end+1:]
		}
	})
}
