package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// code has one expression or statement of each kind that is mutated, and of each kind
// that must not be.
const code = `package code

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const most = 3 // constants are mutated where they are used

type table struct {
	mu   sync.Mutex
	rows [most]int
	log  *slog.Logger
}

var words = [...]string{most: "x"}

func (t *table) add(n int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log.Debug("add", "n", n+1)
	if n < 0 || n > most {
		return fmt.Errorf("%d is not in 0 to %d", n, most+1)
	}
	for i := 0; i < n; i++ {
		if i == 1 {
			continue
		}
		t.rows[i] += 2
	}
	wait(time.Duration(n) * time.Second)
	return nil
}

func wait(time.Duration) {}

func isOdd(n int64) bool { return n&1 != 0 && true }

func half(n uint8) (uint8, error) { return n / 2, nil }

func find(n int) (int, error) {
	if n == 0 {
		return 0, fmt.Errorf("nothing")
	}
	return n, nil
}

func kind(n int) string {
	switch {
	case n > 9:
		return "big"
	}
	return "small"
}

func unused(n int) int { return -n }
`

const tests = `package code

import (
	"log/slog"
	"testing"
)

func TestAdd(t *testing.T) {
	x := table{log: slog.New(slog.DiscardHandler)}
	if x.add(-1) == nil || x.add(most+1) == nil || x.add(0) != nil || x.rows != [most]int{} {
		t.Error("add")
	}
	if x.add(most) != nil || x.rows != [most]int{2, 0, 2} {
		t.Error(x.rows)
	}
	if !isOdd(3) || isOdd(2) {
		t.Error("isOdd")
	}
	if h, err := half(8); h != 4 || err != nil || words[most] != "x" {
		t.Error("half")
	}
	if n, err := find(1); n != 1 || err != nil {
		t.Error("find")
	}
}

func TestKind(t *testing.T) {
	if kind(8) != "small" || kind(10) != "big" {
		t.Error("kind")
	}
}
`

// inModule makes a module with the code and its tests, and makes it the working
// folder.
func inModule(t *testing.T, files map[string]string) {
	dir := t.TempDir()
	files["go.mod"] = "module code\n\ngo 1.26.0\n"
	files["code/code.go"], files["code/code_test.go"] = code, tests
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// survivors are the mutants that the tests above do not find.
var survivors = []string{
	"code/code.go table.add: `wait(time.Duration(n) * time.Second)` → removed",
	"code/code.go table.add: `time.Duration(n) * time.Second` → `(time.Duration(n)) / (time.Second)`",
	"code/code.go table.add: `time.Second` → `(time.Second) / 2`",
	"code/code.go find: `n == 0` → `false`",
	"code/code.go kind: `n > 9` → `(n) >= (9)`",
	"code/code.go unused: `-n` → `n`",
}

// TestRun runs the command on code with six mutants that its tests do not find.
func TestRun(t *testing.T) {
	const targets = "# comment\n\ncode/*.go : ./code\n"
	inModule(t, map[string]string{"targets": targets})
	o := options{targets: "targets", accepted: "accepted", jobs: 2}
	list := mutantsOf(t)
	var found []string
	read, err := readTargets("targets", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := prepare(t.Context(), dir, read); err != nil {
		t.Fatal(err)
	}
	p, err := build(t.Context(), dir, 0, "./code")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.measure(t.Context(), dir, o.jobs); err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		want := map[string]bool{"TestAdd": !strings.Contains(m.name, " kind") && !strings.Contains(m.name, " unused"), "TestKind": strings.Contains(m.name, " kind")}
		for _, test := range p.tests {
			if test.reaches[m.id] != want[test.name] {
				t.Errorf("%s reaches %s: %t", test.name, m.name, test.reaches[m.id])
			}
		}
	}
	left, err := testAll(t.Context(), dir, read, list, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range left {
		found = append(found, m.name)
	}
	slices.Sort(found)
	want := slices.Sorted(slices.Values(survivors))
	if !slices.Equal(found, want) {
		t.Errorf("these survive:\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}

	// A mutant that survives is an error, unless it is accepted.
	for left := range 2 {
		accepted := "# comment\n" + strings.Join(survivors[left:], "\n\ta reason\n\n") + "\n    a reason\n"
		if err := os.WriteFile("accepted", []byte(accepted), 0o600); err != nil {
			t.Fatal(err)
		}
		switch err := run(t.Context(), o); {
		case left == 0 && err != nil:
			t.Errorf("run with all survivors accepted: %v", err)
		case left == 1 && (err == nil || !strings.HasPrefix(err.Error(), "1 mutants survive")):
			t.Errorf("run with a survivor: %v", err)
		}
	}
}

func mutantsOf(t *testing.T) []mutant {
	targets, err := readTargets("targets", nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := prepare(t.Context(), t.TempDir(), targets)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestMutants checks which mutants there are: some of each kind, and none of what is
// only read by people, of locks, and of constants that the compiler must know.
func TestMutants(t *testing.T) {
	inModule(t, map[string]string{"targets": "code/code.go : ./code\n"})
	list := mutantsOf(t)
	names := map[string]bool{}
	for i, m := range list {
		if m.id != i+1 || names[m.name] {
			t.Errorf("mutant %d has the number %d and the name %s", i+1, m.id, m.name)
		}
		names[m.name] = true
	}
	for _, want := range []string{
		"table.add: `n < 0 || n > most` → `true`",
		"table.add: `n < 0` → `false`",
		"table.add: `n > most` → `(n) >= (most)`",
		"table.add: `i < n` → `false`",
		"table.add: `0` → `0 + 1`",
		"table.add: `continue` → removed",
		"table.add: `t.rows[i] += 2` → `t.rows[i] -= (2)`",
		"table.add: `2` → `2 - 1`",
		"isOdd: `n&1 != 0 && true` → `false`",
		"isOdd: `n&1` → `(n) | (1)`",
		"isOdd: `true` → `false`",
		"half: `n / 2` → `(n) * (2)`",
		"kind: `n > 9` → `false`",
	} {
		if !names["code/code.go "+want] {
			t.Errorf("no mutant %s", want)
		}
	}
	for name := range names {
		for _, never := range []string{"ock()", "Debug", "n+1", "most+1", "Errorf", "find: `0` → `0 + 1`", "i < n` → `true"} {
			if strings.Contains(name, never) {
				t.Errorf("there is a mutant %s", name)
			}
		}
	}
	if len(list) != 32 {
		t.Errorf("%d mutants, want 32", len(list))
	}
}

// TestFiles checks that faults in the two files are named.
func TestFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		targets, accepted, path, want string
	}{
		"no colon":       {"code/code.go", "", "", "targets:1: want files, a colon"},
		"no tests":       {"code/code.go :", "", "", "targets:1: want a package with tests"},
		"no file":        {"code/none.go : ./code", "", "", "no file matches code/none.go"},
		"no such path":   {"code/code.go : ./code", "", "./other", "names no file below ./other"},
		"no reason":      {"code/code.go : ./code", "a b\n", "", "has no reason"},
		"reason alone":   {"code/code.go : ./code", " a b\n", "", "has no reason"},
		"listed twice":   {"code/code.go : ./code", "a b\n c\na b\n c\n", "", "accepted:3: the mutant is listed twice"},
		"does not exist": {"code/code.go : ./code", "code/code.go f: `a` → `b`\n c\n", "code", "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			inModule(t, map[string]string{"targets": tc.targets, "accepted": tc.accepted})
			o := options{targets: "targets", accepted: "accepted", list: true}
			if tc.path != "" {
				o.paths = []string{tc.path}
			}
			if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// TestOtherSystems checks that a file for another system is left out, and that the others
// of its package are mutated all the same.
func TestOtherSystems(t *testing.T) {
	inModule(t, map[string]string{
		"targets":         "code/*.go : ./code\n",
		"code/code_js.go": "package code\n\nfunc more(n int) int { return n + 1 }\n",
	})
	list := mutantsOf(t)
	for _, m := range list {
		if m.file != "code/code.go" {
			t.Errorf("there is a mutant %s", m.name)
		}
	}
	if len(list) == 0 {
		t.Error("no mutants")
	}
}

// TestSample checks that a sample is the same each time, and in order.
func TestSample(t *testing.T) {
	var all []mutant
	for i, name := range strings.Fields("a b c d e f g h i j") {
		all = append(all, mutant{id: i + 1, name: name})
	}
	accepted := acceptances{"c": "a reason"}
	first := choose(slices.Clone(all), accepted, options{sample: 4})
	if len(first) != 4 || !slices.Equal(first, choose(slices.Clone(all), accepted, options{sample: 4})) {
		t.Errorf("the sample is %v", first)
	}
	if !slices.IsSortedFunc(first, func(a, b mutant) int { return a.id - b.id }) {
		t.Errorf("the sample is not in order: %v", first)
	}
	if rest := choose(slices.Clone(all), accepted, options{sample: 20}); len(rest) != 9 {
		t.Errorf("%d mutants without a sample, want all but the accepted one", len(rest))
	}
	if only := choose(slices.Clone(all), accepted, options{only: 5}); len(only) != 1 || only[0].name != "e" {
		t.Errorf("the only mutant is %v", only)
	}
}

// TestFailsWithoutMutant checks that the command names a test that fails without a
// mutant, because what it says of mutants would mean nothing.
func TestFailsWithoutMutant(t *testing.T) {
	inModule(t, map[string]string{
		"targets":              "code/code.go : ./code\n",
		"code/failing_test.go": "package code\n\nimport \"testing\"\n\nfunc TestFailing(t *testing.T) { t.Error(\"always\") }\n",
	})
	err := run(t.Context(), options{targets: "targets", accepted: "accepted", jobs: 1})
	if err == nil || !strings.Contains(err.Error(), "./code, TestFailing fails without a mutant") {
		t.Errorf("error %v", err)
	}
}
