package lab

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzParse reads arbitrary files. What can be read has a canonical form that means the
// same, and what cannot has an error of one line.
func FuzzParse(f *testing.F) {
	for _, file := range []string{everyKey, otherKeys, small, untilNarrow, "a.b.c = [{x = 1}, [2]]"} {
		f.Add(file)
	}
	wrong, err := os.ReadFile("testdata/wrong.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(wrong), "\n====\n") {
		file, _, _ := strings.Cut(part, "\n----\n")
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		if len(file) > 2000 {
			return // large files take long, and find nothing more
		}
		p, err := Parse([]byte(file))
		if err != nil {
			at := (*FileError)(nil)
			if !errors.As(err, &at) || at.Err.Error() == "" || at.Line < 0 || at.Line > 1+strings.Count(file, "\n") || at.Line > 0 && strings.Contains(err.Error(), "\n") {
				t.Errorf("error %#v: %v", err, err)
			}
			return
		}
		again, err := Parse(p.File)
		if err != nil {
			t.Fatalf("the canonical form cannot be read: %v\n%s", err, p.File)
		}
		if string(again.File) != string(p.File) || len(again.Points) != len(p.Points) {
			t.Errorf("the canonical form is\n%s\nand of that it is\n%s", p.File, again.File)
		}
		last := len(p.Points) - 1
		if a, b := p.Points[last], again.Points[last]; len(a.Values) != len(b.Values) || len(a.Values) > 0 && a.Values[len(a.Values)-1] != b.Values[len(b.Values)-1] {
			t.Errorf("the last point is %+v and %+v", a, b)
		}
	})
}

// FuzzParseSetting changes a file by arbitrary settings. What can be read gives a file that
// means the same.
func FuzzParseSetting(f *testing.F) {
	for _, text := range []string{
		"nodes=50", "nodes=[10, 20]", "interval=1s..9s step 2s", "title=a = b", "difficulty.bits=1e0fffff", "strategists[1].node=3",
		"strategists.node=3", "clocks.liars[99999999999999999999].node=3", "relay.loss=", "relay.loss='", "latency.mean=['1ms', '2ms']", "nodes=5\nseed=1", "title=a\xfe",
	} {
		f.Add(text, "blocks=5")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if len(first)+len(second) > 500 {
			return // large files take long, and find nothing more
		}
		var changes []Setting
		for _, text := range []string{first, second} {
			s, err := ParseSetting(text)
			if err != nil {
				if err.Error() == "" {
					t.Error("an error without words")
				}
				return
			}
			changes = append(changes, s)
		}
		p, err := Parse([]byte("nodes = 20\n[[strategists]]\nstrategy = 'honest'\n"), changes...)
		if err != nil {
			at := (*FileError)(nil)
			if !errors.As(err, &at) || at.Err.Error() == "" || at.Line < 0 || at.Line > 3 {
				t.Errorf("error %#v: %v", err, err)
			}
			return
		}
		again, err := Parse(p.File)
		if err != nil {
			t.Fatalf("the file cannot be read: %v\n%s", err, p.File)
		}
		if string(again.File) != string(p.File) || len(again.Points) != len(p.Points) {
			t.Errorf("the file is\n%s\nand of that it is\n%s", p.File, again.File)
		}
	})
}
