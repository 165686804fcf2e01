package chain_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every row that the table of sources in the README names exists, and the table names
// every block of the trees on which the stories are based.
func TestScenariosCoverTheirSources(t *testing.T) {
	rows := map[string]bool{}
	for _, s := range readStories(t) {
		for _, r := range s.rows {
			rows[s.name+"/"+r.block] = true
			for _, one := range r.each() {
				rows[s.name+"/"+one.block] = true
			}
		}
	}
	text, err := os.ReadFile("testdata/scenarios/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "| btcd | Core | what it shows | here |\n|---|---|---|---|\n")
	if !ok {
		t.Fatal("the README has no table of sources")
	}
	name := regexp.MustCompile("`([^`]+)`")
	btcd, core := map[int]bool{}, map[int]bool{}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		c := cells(line)
		if len(c) != 4 {
			t.Fatalf("%d cells in %s", len(c), line)
		}
		addNumbers(t, btcd, c[0])
		addNumbers(t, core, c[1])
		named := name.FindAllStringSubmatch(c[3], -1)
		if len(named) == 0 && !strings.HasPrefix(c[3], "none: ") {
			t.Errorf("a line with neither rows nor a reason: %s", line)
		}
		for _, n := range named {
			if !rows[n[1]] {
				t.Errorf("no row %s", n[1])
			}
		}
	}
	for n := 1; n <= 84; n++ {
		if !btcd[n] {
			t.Errorf("the table of sources does not name b%d of btcd", n)
		}
	}
	for n := 0; n <= 88; n++ {
		if !core[n] {
			t.Errorf("the table of sources does not name b%d of Bitcoin Core", n)
		}
	}
}

// addNumbers adds the blocks that a cell names: "b7" or "b12–b14".
func addNumbers(t *testing.T, to map[int]bool, cell string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`\bb(\d+)\b(?:–b(\d+))?`).FindAllStringSubmatch(cell, -1) {
		from, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		last := from
		if m[2] != "" {
			if last, err = strconv.Atoi(m[2]); err != nil {
				t.Fatal(err)
			}
		}
		for n := from; n <= last; n++ {
			to[n] = true
		}
	}
}
