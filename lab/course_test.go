package lab

import (
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// courseFile has four points, of which two have a course that ends in another difficulty.
const courseFile = `
replicas = 3
nodes = 2
blocks = 4000
interval = "10s"
[topology]
shape = "clique"
[latency]
mean = "1us"
[difficulty]
rule = ["fixed", "lwma"]
bits = "1e0fffff"
limit = "207fffff"
[[power.steps]]
at = "20000s"
factor = [1.0, 4.0]
`

// runFolder runs a plan, or a shard of it, into a folder, and returns the content of course.csv.
func runFolder(t *testing.T, p *Plan, shard Shard) (dir, course string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "results")
	f, err := Create(dir, p, "v1", shard)
	if err != nil {
		t.Fatal(err)
	}
	replicas, err := Run(t.Context(), p, Options{Shard: shard, Finished: f.Add})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Finish(replicas); err != nil {
		t.Fatal(err)
	}
	return dir, readFile(t, filepath.Join(dir, CourseFile))
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The course says what theory says: at a fixed difficulty a fourfold hash rate makes blocks
// take a quarter of the time, exponentially distributed, and the difficulty is too low by the
// logarithm of 4. lwma corrects that.
func TestCourseFile(t *testing.T) {
	_, text := runFolder(t, parse(t, courseFile), Shard{})
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	type sums struct{ blocks, seconds, expected, err, median, last, n float64 }
	var got [4][2]sums // by point, before and after the step
	for _, row := range rows[1:] {
		number := func(name string) float64 {
			x, err := strconv.ParseFloat(row[column[name]], 64)
			if err != nil {
				t.Fatalf("%s in %q: %v", name, row, err)
			}
			return x
		}
		from, to := number("from_seconds"), number("to_seconds")
		after := 0
		switch {
		case from >= 20_500: // lwma needs some blocks
			after = 1
		case to > 20_000:
			continue
		}
		s := &got[int(number("point"))][after]
		s.blocks += number("blocks")
		s.seconds += to - from
		s.expected += number("expected_seconds")
		s.err += number("difficulty_error")
		s.median += number("interval_median_seconds")
		s.last += number("interval_95_seconds")
		s.n++
	}
	for point, want := range [4][2]float64{{10, 10}, {10, 2.5}, {10, 10}, {10, 10}} {
		for after, mean := range want {
			s := got[point][after]
			tolerance := 0.001
			if point >= 2 {
				tolerance = 0.1 // lwma swings
			}
			if math.Abs(s.expected/s.n/mean-1) > tolerance || math.Abs(s.err/s.n-math.Log(mean/10)) > tolerance {
				t.Errorf("point %d, after the step: %d: blocks are expected to take %.3f s, error %.4f, want %v s and %.4f", point, after, s.expected/s.n, s.err/s.n, mean, math.Log(mean/10))
			}
			if interval := s.seconds / s.blocks; math.Abs(interval/mean-1) > tolerance+4/math.Sqrt(s.blocks) {
				t.Errorf("point %d, after the step: %d: %v s from block to block, want %v", point, after, interval, mean)
			}
			if median := s.median / s.n; math.Abs(median/mean/math.Ln2-1) > 0.12 {
				t.Errorf("point %d, after the step: %d: the median is %.3f s, want %.3f", point, after, median, mean*math.Ln2)
			}
			if last := s.last / s.n; math.Abs(last/mean/math.Log(20)-1) > 0.12 {
				t.Errorf("point %d, after the step: %d: the quantile of 95 %% is %.3f s, want %.3f", point, after, last, mean*math.Log(20))
			}
		}
	}
}

// The file is the same whether a run is whole, in shards, or interrupted, and what is read is
// what was written.
func TestCourseIsMergedAndResumed(t *testing.T) {
	p := parse(t, strings.Replace(courseFile, "4000", "300", 1))
	whole, want := runFolder(t, p, Shard{})
	var shards []string
	for i := 1; i <= 2; i++ {
		dir, _ := runFolder(t, p, Shard{i, 2})
		shards = append(shards, dir)
	}
	merged := filepath.Join(t.TempDir(), "merged")
	if _, _, _, err := Merge(merged, shards, "v1"); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(merged, CourseFile)); got != want {
		t.Error("the merged file differs")
	}
	// An interrupt after the course of a replica, in the middle of a line, and before its row.
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.CopyFS(broken, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	results := readFile(t, filepath.Join(broken, ResultsFile))
	results = results[:strings.LastIndexByte(strings.TrimSuffix(results, "\n"), '\n')+1]
	for name, content := range map[string]string{ResultsFile: results, CourseFile: want[:len(want)-7]} {
		if err := os.WriteFile(filepath.Join(broken, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, done, err := Resume(broken, p, "v1", Shard{})
	if err != nil || len(done) != 11 {
		t.Fatalf("%d replicas, error %v", len(done), err)
	}
	replicas, err := Run(t.Context(), p, Options{Done: done, Finished: f.Add})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Finish(replicas); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(broken, CourseFile)); got != want {
		t.Error("the resumed file differs")
	}
}

// A steady experiment has no course, and a folder that has lost its course is refused.
func TestCourseMissing(t *testing.T) {
	steady := filepath.Join(t.TempDir(), "steady")
	f, err := Create(steady, parse(t, small), "v1", Shard{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Finish(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(steady, CourseFile)); err == nil {
		t.Error("a steady experiment has a course")
	}
	p := parse(t, strings.Replace(courseFile, "4000", "50", 1))
	dir, text := runFolder(t, p, Shard{})
	name := filepath.Join(dir, CourseFile)
	for want, content := range map[string]string{
		"the rows of replica 0 of point 0 are missing":         text[:strings.IndexByte(text, '\n')+1],
		"the columns are not those of this experiment file":    strings.Replace(text, "replica", "number", 1),
		"record on line 2: wrong number of fields":             strings.Replace(text, "\n", "\n1,", 1),
		`parsing "zero": invalid syntax`:                       strings.Replace(text, "\n0,0,", "\nzero,0,", 1),
		"course.csv: the rows of replica 2 of point 3 are mis": strings.ReplaceAll(text, "\n3,2,", "\n3,9,"),
	} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readResults(dir, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// The results of an earlier version, which have no file course.csv, can be read, but not
// continued or merged.
func TestCourseOfAnEarlierVersion(t *testing.T) {
	p := parse(t, strings.Replace(courseFile, "4000", "50", 1))
	dir, _ := runFolder(t, p, Shard{})
	shard, _ := runFolder(t, p, Shard{1, 1})
	for _, dir := range []string{dir, shard} {
		if err := os.Remove(filepath.Join(dir, CourseFile)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, replicas, err := Open(dir); err != nil || len(replicas) != 12 || replicas[11].Course != nil {
		t.Errorf("%d replicas, error %v", len(replicas), err)
	}
	_, _, err1 := Resume(dir, p, "v1", Shard{})
	_, _, _, err2 := Merge(filepath.Join(t.TempDir(), "merged"), []string{shard}, "v1")
	for _, err := range []error{err1, err2} {
		if err == nil || !strings.Contains(err.Error(), "course.csv: the file is missing, which an earlier version did not write: run the experiment again") {
			t.Errorf("error %v", err)
		}
	}
}

// A run that ends between the writes of its final files, with fewer replicas than had been
// added, can be resumed.
func TestEndBetweenResultsAndCourse(t *testing.T) {
	p := parse(t, strings.Replace(courseFile, "4000", "50", 1))
	dir := t.TempDir()
	f, err := Create(dir, p, "v1", Shard{})
	if err != nil {
		t.Fatal(err)
	}
	replicas, err := Run(t.Context(), p, Options{Finished: f.Add})
	if err != nil {
		t.Fatal(err)
	}
	// A folder with the name of the file makes the second write fail.
	name, aside := filepath.Join(dir, CourseFile), filepath.Join(dir, "aside")
	if err := errors.Join(os.Rename(name, aside), os.MkdirAll(filepath.Join(name, "x"), 0o777)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Finish(replicas[:7]); err == nil {
		t.Fatal("no error")
	}
	if err := errors.Join(os.RemoveAll(name), os.Rename(aside, name)); err != nil {
		t.Fatal(err)
	}
	_, done, err := Resume(dir, p, "v1", Shard{})
	if err != nil || len(done) != 7 {
		t.Errorf("%d replicas, error %v", len(done), err)
	}
}
