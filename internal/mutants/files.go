package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// target is a line of the file of targets: files of one package, and the tests that
// have to find their mutants.
type target struct {
	dir   string   // of the package, below the module's folder
	files []string // likewise
	tests []string // folders of packages, such as ./chain, in the order in which their tests are run
}

// readTargets reads the file of targets and returns those below the given paths, or
// all of them if there are no paths.
//
// A line has patterns of files, a colon, and one or more packages with tests. An empty
// line and one that begins with # are skipped.
func readTargets(name string, paths []string) ([]*target, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var targets []*target
	used := map[string]bool{}
	for number, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		t := &target{}
		patterns, tests, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s:%d: want files, a colon, and packages with tests", name, number+1)
		}
		for pattern := range strings.FieldsSeq(patterns) {
			matches, err := filepath.Glob(pattern)
			if err != nil || len(matches) == 0 {
				return nil, fmt.Errorf("%s:%d: no file matches %s", name, number+1, pattern)
			}
			for _, file := range matches {
				file = filepath.ToSlash(file)
				if t.dir = path.Dir(file); !strings.HasSuffix(file, "_test.go") && isBelow(file, paths, used) {
					t.files = append(t.files, file)
				}
			}
		}
		if t.tests = strings.Fields(tests); len(t.tests) == 0 {
			return nil, fmt.Errorf("%s:%d: want a package with tests", name, number+1)
		}
		if len(t.files) > 0 {
			targets = append(targets, t)
		}
	}
	for _, p := range paths {
		if !used[p] {
			return nil, fmt.Errorf("%s names no file below %s", name, p)
		}
	}
	return targets, nil
}

// isBelow reports whether a file is one of the paths or below one of them, and
// records which paths have such a file. All files are below no paths.
func isBelow(file string, paths []string, used map[string]bool) bool {
	found := len(paths) == 0
	for _, p := range paths {
		clean := path.Clean(filepath.ToSlash(p))
		if clean == "." || file == clean || strings.HasPrefix(file, clean+"/") {
			used[p], found = true, true
		}
	}
	return found
}

// acceptances holds, by their names, mutants that make no difference, and the
// reasons.
type acceptances map[string]string

// readAccepted reads the file of accepted mutants. Each has a line with its name and,
// indented below it, the reason. A line that begins with # is skipped.
func readAccepted(name string) (acceptances, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	accepted := acceptances{}
	last := ""
	for number, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case line[0] == ' ' || line[0] == '\t':
			accepted[last] = strings.TrimSpace(accepted[last] + " " + strings.TrimSpace(line))
		default:
			if _, ok := accepted[line]; ok {
				return nil, fmt.Errorf("%s:%d: the mutant is listed twice", name, number+1)
			}
			last = line
			accepted[last] = ""
		}
	}
	for mutant, reason := range accepted {
		if reason == "" || mutant == "" {
			return nil, fmt.Errorf("%s: %q has no reason: write it below, indented", name, mutant)
		}
	}
	return accepted, nil
}

// missing returns the accepted mutants of the given mutants' files that do not exist.
func (a acceptances) missing(mutants []mutant) []string {
	names, files := map[string]bool{}, map[string]bool{}
	for _, m := range mutants {
		names[m.name], files[m.file] = true, true
	}
	var missing []string
	for name := range a {
		file, _, _ := strings.Cut(name, " ")
		if files[file] && !names[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}
