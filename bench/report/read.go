// Package report turns benchmark results, as go test -bench and lodelab bench write
// them, into tables, plots and a self-contained HTML page.
package report

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/lodepow/lode/bench/raw"
)

// MaxFile is the greatest length of a file that Read accepts, in bytes.
const MaxFile = 64 << 20

// ErrNoResults is the error of a file that contains no benchmark results.
var ErrNoResults = errors.New("no benchmark results: want the output of go test -bench or of lodelab bench")

// File is the content of a file of results.
type File struct {
	Label  string
	Notes  []Note    // about the machine and the run
	Series []*Series // the benchmarks, sorted by name
	Bad    []string  // the first few invalid result lines, each with what is wrong

	// Searches are the single searches of the run, which the file itself does not
	// contain. Without them, the report has no percentiles of the time to a block.
	Searches []raw.Search
}

// AddSearches adds the single searches of the same run. It returns an error if their
// seed shows that they are of another one.
func (f *File) AddSearches(all []raw.Search) error {
	seeds := map[string]bool{}
	for _, n := range f.Notes {
		if n.Key == "seed" {
			seeds[n.Value] = true
		}
	}
	for _, s := range all {
		if seed := strconv.FormatUint(s.Seed, 10); len(seeds) > 0 && !seeds[seed] {
			return fmt.Errorf("a search has the seed %s, which %s has not: the searches are of another run; move or rename their file", seed, f.Label)
		}
	}
	f.Searches = append(f.Searches, all...)
	return nil
}

// Note is a line "# Key: Value", or a configuration line such as goos.
type Note struct{ Key, Value string }

// Series is the results of one benchmark.
type Series struct {
	Name   string               // full name; the suffix such as -8 is dropped if it is the same in the whole file
	Base   string               // first part of the name, such as Search
	Parts  map[string]string    // the other parts of the name, such as zeros: 8
	Units  []string             // in the order of the file
	Values map[string][]float64 // by unit, one value for each round
	Iters  []int                // number of operations in each round
}

// maxBad is the number of invalid lines that are kept. A few are enough to find the
// mistake.
const maxBad = 5

// Read reads a file of results; label names it in the report and in errors. The
// error wraps ErrNoResults if the file has no results. Read converts units to base
// units, as benchfmt does: ns/op becomes sec/op.
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

// Note returns the value of the first note with the given key, or "" if there is
// none.
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
			if v, ok := implausible(record.Values); ok {
				if len(f.Bad) < maxBad {
					_, line := record.Pos()
					f.Bad = append(f.Bad, fmt.Sprintf("%s:%d: %v %s cannot be a measurement", f.Label, line, v.Value, v.Unit))
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

// implausible returns the first value that cannot be a measurement, if there is one.
// Measurements are 0 or positive, and neither extremely small nor extremely large.
func implausible(values []benchfmt.Value) (benchfmt.Value, bool) {
	for _, v := range values {
		if !(v.Value == 0 || v.Value > 1e-30 && v.Value < 1e30) { // true for NaN too
			return v, true
		}
	}
	return benchfmt.Value{}, false
}

// collect groups the results by benchmark, in f.Series, and adds configuration lines
// to f.Notes.
func (f *File) collect(results []*benchfmt.Result) {
	procs := map[string]bool{}
	for _, r := range results {
		procs[procsOf(r.Name)] = true
	}
	byName := map[string]*Series{}
	for _, r := range results {
		for _, key := range []string{"goos", "goarch", "cpu"} {
			if f.Note("system") != "" {
				break // the notes of lodelab bench are more detailed
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

// natural compares names for sorting. It compares sequences of digits as numbers, so
// that zeros=8 comes before zeros=16.
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

// digitsOf splits a string into its leading digits and the rest.
func digitsOf(s string) (digits, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return s[:len(s)-len(rest)], rest
}

// procsOf returns the suffix of a name for GOMAXPROCS, such as "-8", or "" if it has
// none.
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

// of returns all series with the given base name.
func (f *File) of(base string) []*Series {
	var all []*Series
	for _, s := range f.Series {
		if s.Base == base {
			all = append(all, s)
		}
	}
	return all
}

// find returns the series with the given full name, or nil if there is none.
func (f *File) find(name string) *Series {
	for _, s := range f.Series {
		if s.Name == name {
			return s
		}
	}
	return nil
}
