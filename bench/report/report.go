package report

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// New returns the report on one or more files. Each file after the first is compared
// with the first.
func New(files []*File) (*Report, error) {
	if len(files) == 0 {
		return nil, errors.New("no files to report on")
	}
	r := &Report{Title: "Proof of work, measured"}
	r.add(machines(files))
	for i, f := range files[1:] {
		s := compare(files[0], f)
		if len(files) > 2 {
			s.number(i + 2)
		}
		r.add(s)
	}
	for i, f := range files {
		sections := []*Section{rates(f), searches(f), energy(f)}
		sections = append(sections, timesToBlock(f)...)
		for _, s := range append(sections, luck(f), scaling(f), others(f)) {
			if s == nil {
				continue
			}
			if len(files) > 1 {
				s.number(i + 1)
				s.Title += ": " + f.Label
			}
			r.add(s)
		}
	}
	return r, nil
}

// number appends a number to the id of the section and to the names of its charts, so that they
// differ from those of other files.
func (s *Section) number(i int) {
	s.ID += "-" + strconv.Itoa(i)
	for j := range s.Charts {
		s.Charts[j].Name += "-" + strconv.Itoa(i)
	}
}

func (r *Report) add(s *Section) {
	if s != nil {
		r.Sections = append(r.Sections, *s)
	}
}

// machines returns the section that describes the machine of each file, with
// warnings about anything that makes the results less reliable.
func machines(files []*File) *Section {
	s := &Section{ID: "machine", Title: "Machine", Table: &Table{Head: []string{""}}}
	var keys []string
	seen := map[string]bool{"shape": true, "lanes": true, "skipped": true, "failed": true}
	for _, f := range files {
		s.Table.Head = append(s.Table.Head, f.Label)
		for _, n := range f.Notes {
			if !seen[n.Key] {
				seen[n.Key] = true
				keys = append(keys, n.Key)
			}
		}
	}
	for _, key := range keys {
		row := []string{key}
		for _, f := range files {
			row = append(row, f.Note(key))
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	for _, f := range files {
		s.After = append(s.After, warnings(f)...)
	}
	return s
}

// warnings returns sentences about anything that makes the results of a file
// incomplete or less reliable.
func warnings(f *File) []string {
	var all []string
	warn := func(format string, args ...any) {
		all = append(all, f.Label+": "+fmt.Sprintf(format, args...))
	}
	for _, n := range f.Notes {
		switch n.Key {
		case "skipped":
			warn("not measured: %s.", n.Value)
		case "failed":
			warn("FAILED: %s.", n.Value)
		}
	}
	for _, bad := range f.Bad {
		warn("invalid line: %s.", bad)
	}
	few := 0
	for _, s := range f.Series {
		if len(s.Iters) < enough {
			few++
		}
	}
	if few > 0 {
		warn("%d of %d benchmarks have fewer than %d samples, which is too few for a 95 %% interval. No conclusion is drawn from them. "+
			"Measure for a longer time.", few, len(f.Series), enough)
	}
	if steal, ok := percent(f.Note("steal")); ok && steal >= 1 {
		warn("the hypervisor gave %.1f %% of the processor time to other virtual machines. Absolute rates are too low; ratios are affected less.", steal)
	}
	cores, _ := strconv.ParseFloat(first(f.Note("cores"), ","), 64)
	if load, err := strconv.ParseFloat(f.Note("load before"), 64); err == nil && cores > 0 && load > 0.25*cores {
		warn("before the run, the load average was %.1f on %.0f cores. Absolute rates and scaling are too low.", load, cores)
	}
	return all
}

func percent(s string) (float64, bool) {
	x, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	return x, err == nil
}

func first(s, sep string) string {
	before, _, _ := strings.Cut(s, sep)
	return strings.TrimSpace(before)
}
