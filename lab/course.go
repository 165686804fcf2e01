package lab

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/lodepow/lode/lab/blocks"
)

// CourseFile is the file in a folder of results that has how block interval and difficulty
// went over time. There is none if they are steady at all points.
const CourseFile = "course.csv"

// maxSpans is the greatest number of spans of time that a course is written in.
const maxSpans = 64

// courseOf returns the course of a replica, or nil if it has none.
func courseOf(x blocks.Experiment, r *blocks.Result) []blocks.Span {
	if !HasCourse(x) {
		return nil
	}
	return r.Course.Spans(maxSpans, r.Growth)
}

// hasCourse reports whether a point of the plan has a course.
func (p *Plan) hasCourse() bool {
	return slices.ContainsFunc(p.Points, func(point Point) bool { return HasCourse(point.Experiment) })
}

// courseHeader returns the columns of course.csv.
func courseHeader(p *Plan) []string {
	header := []string{"point", "replica"}
	for _, v := range p.Points[0].Values {
		header = append(header, v.Key)
	}
	return append(header, "from_seconds", "to_seconds", "blocks", "interval_seconds", "interval_median_seconds", "interval_95_seconds", "expected_seconds", "difficulty_error")
}

// courseRow returns the fields of a span. A figure that it does not have is empty, as in
// results.csv.
func courseRow(p *Plan, r Replica, s blocks.Span) []string {
	row := []string{strconv.Itoa(r.Point), strconv.Itoa(r.Number)}
	for _, v := range p.Points[r.Point].Values {
		row = append(row, v.Text)
	}
	figures := []float64{s.From, s.To, float64(s.Blocks), rounded(s.Interval), rounded(s.Median), rounded(s.Quantile95), rounded(s.Expected), rounded(s.Error)}
	for _, x := range figures {
		text := ""
		if !math.IsNaN(x) {
			text = strconv.FormatFloat(x, 'g', -1, 64)
		}
		row = append(row, text)
	}
	return row
}

// courseSpan reads the figures of a row.
func courseSpan(fields []string) (s blocks.Span, err error) {
	var found float64
	for i, to := range []*float64{&s.From, &s.To, &found, &s.Interval, &s.Median, &s.Quantile95, &s.Expected, &s.Error} {
		*to = math.NaN()
		if fields[i] != "" {
			if *to, err = strconv.ParseFloat(fields[i], 64); err != nil {
				return s, err
			}
		}
	}
	s.Blocks = int64(found)
	return s, nil
}

// courseRows returns the rows of a replica in the form of the file.
func courseRows(p *Plan, r Replica) []byte {
	var out bytes.Buffer
	for _, s := range r.Course {
		out.Write(line(courseRow(p, r, s)))
	}
	return out.Bytes()
}

// addCourse adds the course of a replica to the file.
func (f *Folder) addCourse(r Replica) error {
	if len(r.Course) == 0 {
		return nil
	}
	file, err := os.OpenFile(filepath.Join(f.dir, CourseFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(courseRows(f.plan, r))
	return errors.Join(err, file.Close())
}

// writeCourse writes the whole file, if the plan has a course.
func (f *Folder) writeCourse(replicas []Replica) error {
	if !f.plan.hasCourse() {
		return nil
	}
	return replaceFile(filepath.Join(f.dir, CourseFile), func(w io.Writer) error {
		out := line(courseHeader(f.plan))
		for _, r := range replicas {
			out = append(out, courseRows(f.plan, r)...)
		}
		_, err := w.Write(out)
		return err
	})
}

// errNoCourse says that a folder with results has no file course.csv.
var errNoCourse = errors.New("the file is missing, which an earlier version did not write: run the experiment again, in another folder")

// readCourse reads the courses of replicas from their file. If it is missing, the error is
// errNoCourse. Rows of a replica that is not in
// the list are left out: the run was ended before its row was in results.csv.
func readCourse(dir string, p *Plan, replicas []Replica) error {
	if !p.hasCourse() {
		return nil
	}
	name := filepath.Join(dir, CourseFile)
	data, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(replicas) > 0:
		return fmt.Errorf("%s: %w", name, errNoCourse)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	courses, err := parseCourse(p, data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i := range replicas {
		r := &replicas[i]
		r.Course = courses[[2]int{r.Point, r.Number}]
		if len(r.Course) == 0 && HasCourse(p.Points[r.Point].Experiment) {
			return fmt.Errorf("%s: the rows of replica %d of point %d are missing: run it again, in another folder", name, r.Number, r.Point)
		}
	}
	return nil
}

// parseCourse reads the content of the file. A last line without its end is left out. If a
// replica is there twice, because it was run once more after an interrupt, both are the same.
func parseCourse(p *Plan, data []byte) (map[[2]int][]blocks.Span, error) {
	header := courseHeader(p)
	in := csv.NewReader(bytes.NewReader(data[:bytes.LastIndexByte(data, '\n')+1]))
	in.FieldsPerRecord = len(header)
	courses := map[[2]int][]blocks.Span{}
	for first := true; ; first = false {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return courses, nil
		}
		if err != nil {
			return nil, err
		}
		if first {
			if !slices.Equal(row, header) {
				return nil, errors.New("the columns are not those of this experiment file")
			}
			continue
		}
		point, err1 := strconv.Atoi(row[0])
		number, err2 := strconv.Atoi(row[1])
		s, err3 := courseSpan(row[len(header)-8:])
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, err
		}
		at := [2]int{point, number}
		if last := len(courses[at]) - 1; last >= 0 && s.From <= courses[at][last].From {
			courses[at] = nil // it begins once more
		}
		courses[at] = append(courses[at], s)
	}
}
