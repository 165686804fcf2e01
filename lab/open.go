package lab

import (
	"errors"
	"fmt"
)

// Open reads a folder of results: what was run, and what came out. A run that was
// interrupted is read as far as it went. Without a file course.csv the replicas have no
// courses. The errors say what is wrong with a file, or that
// the run has not ended.
func Open(dir string) (*Plan, *Summary, []Replica, error) {
	s, err := readSummary(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := Parse([]byte(s.File))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	if len(s.Points) != len(p.Points) {
		return nil, nil, nil, fmt.Errorf("the run in %s goes on, or was ended by force: wait for it, or resume it", dir)
	}
	replicas, err := readResults(dir, p)
	if errors.Is(err, errNoCourse) {
		err = nil
	}
	return p, s, replicas, err
}
