// Package report turns results of benchmarks, as go test -bench and lode bench
// write them, into tables, plots and one page that needs nothing else.
package report

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// MaxFile is the length in bytes of the longest file that is read.
const MaxFile = 64 << 20

// ErrNoResults is the error of a file that holds nothing to report on.
var ErrNoResults = errors.New("no benchmark results: want the output of go test -bench or of lode bench")

// File is what one file of results says.
type File struct {
	Label string
	Notes []Note // about the machine and the run

	// Series are the benchmarks, by name.
	Series []*Series
	Bad    []string // lines that look like results and are not, with why
}

// Note is a remark "# Key: Value", or a configuration line.
type Note struct{ Key, Value string }

// Series is what one benchmark measured, a value a round.
type Series struct {
	Name   string            // without the number of Ps at its end, if there is only one
	Base   string            // such as Search
	Parts  map[string]string // such as zeros: 8
	Units  []string          // in order
	Values map[string][]float64
	Iters  []int
}

// maxBad is how many bad lines are kept; one is enough to find what is wrong.
const maxBad = 5

// Read reads a file of results. The error wraps ErrNoResults when there are
// none. Units are base units, as benchfmt has them: ns/op becomes sec/op.
func Read(label string, r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%s: longer than %d MiB", label, MaxFile>>20)
	}
	f := &File{Label: label, Notes: notes(data)}
	results, err := f.results(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	f.collect(results)
	return f, nil
}

func notes(data []byte) []Note {
	var all []Note
	for line := range strings.Lines(string(data)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			continue
		}
		if key, value, ok := strings.Cut(rest, ": "); ok {
			all = append(all, Note{key, strings.TrimSpace(value)})
		}
	}
	return all
}

// Note returns the value of the first note of that key, or "".
func (f *File) Note(key string) string {
	for _, n := range f.Notes {
		if n.Key == key {
			return n.Value
		}
	}
	return ""
}

func (f *File) results(data []byte) ([]*benchfmt.Result, error) {
	reader := benchfmt.NewReader(bytes.NewReader(data), f.Label)
	var results []*benchfmt.Result
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			if len(f.Bad) < maxBad {
				f.Bad = append(f.Bad, record.Error())
			}
		case *benchfmt.Result:
			if v, ok := strange(record.Values); ok {
				if len(f.Bad) < maxBad {
					_, line := record.Pos()
					f.Bad = append(f.Bad, fmt.Sprintf("%s:%d: %v %s was never measured", f.Label, line, v.Value, v.Unit))
				}
				continue
			}
			results = append(results, record.Clone())
		}
	}
	if err := reader.Err(); err != nil {
		return nil, err
	}
	if len(results) == 0 {
		if len(f.Bad) > 0 {
			return nil, fmt.Errorf("%w; %s", ErrNoResults, f.Bad[0])
		}
		return nil, ErrNoResults
	}
	return results, nil
}

// strange returns a value that no benchmark has measured: values are 0 or
// positive, and neither very small nor very large.
func strange(values []benchfmt.Value) (benchfmt.Value, bool) {
	for _, v := range values {
		if !(v.Value == 0 || v.Value > 1e-30 && v.Value < 1e30) { // NaN too
			return v, true
		}
	}
	return benchfmt.Value{}, false
}

func (f *File) collect(results []*benchfmt.Result) {
	procs := map[string]bool{}
	for _, r := range results {
		procs[procsOf(r.Name)] = true
	}
	byName := map[string]*Series{}
	for _, r := range results {
		for _, key := range []string{"goos", "goarch", "cpu"} {
			if f.Note("system") != "" {
				break // lode bench says more
			}
			if value := r.GetConfig(key); value != "" && !slices.Contains(f.Notes, Note{key, value}) {
				f.Notes = append(f.Notes, Note{key, value})
			}
		}
		name := string(r.Name)
		if len(procs) == 1 {
			name = strings.TrimSuffix(name, procsOf(r.Name))
		}
		s := byName[name]
		if s == nil {
			s = newSeries(name, r.Name)
			byName[name] = s
			f.Series = append(f.Series, s)
		}
		s.Iters = append(s.Iters, r.Iters)
		for _, v := range r.Values {
			if s.Values[v.Unit] == nil {
				s.Units = append(s.Units, v.Unit)
			}
			s.Values[v.Unit] = append(s.Values[v.Unit], v.Value)
		}
	}
	slices.SortStableFunc(f.Series, func(a, b *Series) int { return natural(a.Name, b.Name) })
}

// natural orders names as people do: zeros=8 comes before zeros=16.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, restA := digitsOf(a)
		y, restB := digitsOf(b)
		if x != "" && y != "" {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if c := cmp.Or(len(x)-len(y), strings.Compare(x, y)); c != 0 {
				return c
			}
			a, b = restA, restB
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// digitsOf cuts off the digits that a string begins with.
func digitsOf(s string) (digits, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return s[:len(s)-len(rest)], rest
}

// procsOf returns the "-8" at the end of a name, or "".
func procsOf(name benchfmt.Name) string {
	_, parts := name.Parts()
	if n := len(parts); n > 0 && parts[n-1][0] == '-' {
		return string(parts[n-1])
	}
	return ""
}

func newSeries(name string, full benchfmt.Name) *Series {
	base, parts := full.Parts()
	s := &Series{Name: name, Base: string(base), Parts: map[string]string{}, Values: map[string][]float64{}}
	for _, part := range parts {
		if key, value, ok := strings.Cut(string(part), "="); ok {
			s.Parts[strings.TrimPrefix(key, "/")] = value
		}
	}
	return s
}

// of returns the series of that base name.
func (f *File) of(base string) []*Series {
	var all []*Series
	for _, s := range f.Series {
		if s.Base == base {
			all = append(all, s)
		}
	}
	return all
}

// find returns the series of that name, or nil.
func (f *File) find(name string) *Series {
	for _, s := range f.Series {
		if s.Name == name {
			return s
		}
	}
	return nil
}
