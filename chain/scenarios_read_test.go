package chain_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// story is a section of a file in testdata/scenarios: the blocks that a chain is given,
// and what becomes of them. The README there explains the table.
type story struct {
	file, name string
	network    string
	rows       []row
}

type row struct {
	at     string // file and line
	block  string // the name of a block, or one of the verbs below
	on     string
	with   []string
	become string
	tip    string

	pending    []string
	hasPending bool // whether the table has the column "pending"
}

// The verbs that a row may have in place of the name of a block.
const (
	verbClock   = "*clock*"   // moves the clock
	verbPost    = "*post*"    // puts transactions into the mempool
	verbRestart = "*restart*" // closes the store and opens it again
)

func (r row) isBlock() bool { return !strings.HasPrefix(r.block, "*") }

// readStories reads all files of stories. The test fails if it finds something that it
// does not understand, so that no row is skipped by mistake.
func readStories(t testing.TB) []story {
	t.Helper()
	files, err := filepath.Glob("testdata/scenarios/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var stories []story
	for _, file := range files {
		if filepath.Base(file) == "README.md" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		more, err := parseStories(filepath.Base(file), string(text))
		if err != nil {
			t.Fatal(err)
		}
		stories = append(stories, more...)
	}
	seen := map[string]bool{}
	for _, s := range stories {
		if seen[s.name] || len(s.rows) == 0 {
			t.Fatalf("%s: story %q has no rows, or another has its name", s.file, s.name)
		}
		seen[s.name] = true
	}
	return stories
}

func parseStories(file, text string) ([]story, error) {
	var stories []story
	var columns []string
	inTree := false
	for i, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("%s:%d", file, i+1)
		switch {
		case strings.HasPrefix(line, "```"):
			inTree = !inTree
		case inTree:
		case strings.HasPrefix(line, "## "):
			stories = append(stories, story{file: file, name: line[3:], network: "easy"})
			columns = nil
		case strings.HasPrefix(line, "Network: "):
			stories[len(stories)-1].network = strings.TrimPrefix(line, "Network: ")
		case strings.HasPrefix(line, "|") && columns == nil:
			columns = cells(line)
			known := []string{"block", "on", "with", "becomes", "tip", "pending"}
			if len(columns) < 5 || !slices.Equal(columns, known[:min(len(columns), len(known))]) {
				return nil, fmt.Errorf("%s: columns %q", at, columns)
			}
		case strings.HasPrefix(line, "|---"):
		case strings.HasPrefix(line, "|"):
			c := cells(line)
			if len(c) != len(columns) || len(stories) == 0 {
				return nil, fmt.Errorf("%s: %d cells, want %d", at, len(c), len(columns))
			}
			r := row{at: at, block: c[0], on: c[1], with: strings.Fields(c[2]), become: c[3], tip: c[4]}
			if len(c) > 5 {
				r.hasPending, r.pending = true, strings.Fields(c[5])
			}
			s := &stories[len(stories)-1]
			s.rows = append(s.rows, r)
		}
	}
	return stories, nil
}

func cells(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|")
	c := strings.Split(line, "|")
	for i := range c {
		c[i] = strings.TrimSpace(c[i])
	}
	return c
}
