package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadResults(t *testing.T) {
	inside, over, err := readResults(strings.NewReader(`# a comment
BenchmarkStratum/where=inside	1	100 H/s
BenchmarkStratum/where=stratum	1	101 H/s	0.001 node-cores	174.0 shares/min
BenchmarkStratum/where=stratum	1	201 H/s	1.900 cores	0.001 node-cores	174.0 shares/min
BenchmarkStratum/where=inside	1	200 H/s	2.000 cores
over Stratum / inside: 1.0125
`))
	if err != nil || !slices.Equal(inside, []result{{100, 0}, {200, 2}}) || !slices.Equal(over, []result{{101, 0}, {201, 1.9}}) {
		t.Errorf("%v, %v, %v", inside, over, err)
	}
	for _, bad := range []string{"", "BenchmarkStratum/where=inside 1 100 H/s", "BenchmarkStratum/where=inside 1 x H/s", "BenchmarkStratum/where=inside 1 1 H/s x cores"} {
		if _, _, err := readResults(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read without an error", bad)
		}
	}
}

// The published results say that Stratum costs at most three percent.
func TestPublishedResults(t *testing.T) {
	files, err := filepath.Glob("../results/*-stratum*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if err := reportFile(name); err != nil {
			t.Error(err)
		}
	}
	if err := reportFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
