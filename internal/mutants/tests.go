package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// program is a compiled test program.
type program struct {
	pkg   string // folder of the package, such as ./chain
	path  string // of the executable
	tests []*test
}

// test is a test function, which is run alone to see what it reaches.
type test struct {
	name    string
	took    time.Duration // without a mutant
	reaches map[int]bool  // numbers of the mutants whose code runs
}

// isTest matches the names that run besides benchmarks.
var isTest = regexp.MustCompile(`^(Test|Fuzz|Example)`)

// measure runs each test of the program once, alone and without a mutant, and records
// its time and what it reaches. All of them must pass. The tests are then in the order
// of their times.
func (p *program) measure(ctx context.Context, dir string, jobs int) error {
	names, err := output(p.command(ctx, 0, "-test.list=."))
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(names)) {
		if isTest.MatchString(name) {
			p.tests = append(p.tests, &test{name: name, reaches: map[int]bool{}})
		}
	}
	err = inParallel(jobs, p.tests, func(t *test) error {
		reached := filepath.Join(dir, t.name)
		if err := os.WriteFile(reached, nil, 0o600); err != nil {
			return err
		}
		start := time.Now()
		text, err := p.run(ctx, -1, []*test{t}, 10*time.Minute, "LODE_MUTANTS_REACHED="+reached)
		if err != nil {
			return fmt.Errorf("%s, %s fails without a mutant: %w\n%s", p.pkg, t.name, err, text)
		}
		t.took = time.Since(start)
		numbers, err := os.ReadFile(reached)
		for line := range bytes.FieldsSeq(numbers) {
			if id, err := strconv.Atoi(string(line)); err == nil {
				t.reaches[id] = true
			}
		}
		return err
	})
	slices.SortStableFunc(p.tests, func(a, b *test) int { return cmp.Compare(a.took, b.took) })
	return err
}

// find runs the tests that reach a mutant until one of them fails. It returns what that
// one says, or "" if none fails, and how many tests reach the mutant.
//
// The shortest tests run first. To start a program takes time as well, so a call runs
// several tests, and each takes about twice as long as the one before.
func (p *program) find(ctx context.Context, m mutant) (reached int, by string, err error) {
	tests := slices.DeleteFunc(slices.Clone(p.tests), func(t *test) bool { return !t.reaches[m.id] })
	reached = len(tests)
	for most := 100 * time.Millisecond; len(tests) > 0; most *= 2 {
		n, took := 1, tests[0].took
		for n < len(tests) && took+tests[n].took <= most {
			took += tests[n].took
			n++
		}
		text, failed := p.run(ctx, m.id, tests[:n], 5*took+10*time.Second)
		if ctx.Err() != nil {
			return 0, "", ctx.Err()
		}
		if failed != nil {
			return reached, firstFailure(text), nil //nolint:nilerr // a failure is what a mutant is for
		}
		tests = tests[n:]
	}
	return reached, "", nil
}

// run runs some tests of a program with one mutant on, or with none if the number is not
// positive. An error means that the tests fail or take longer than the timeout.
func (p *program) run(ctx context.Context, mutant int, tests []*test, timeout time.Duration, env ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+10*time.Second)
	defer cancel()
	var names []string
	for _, t := range tests {
		names = append(names, t.name)
	}
	cmd := p.command(ctx, mutant, "-test.run=^("+strings.Join(names, "|")+")$",
		"-test.short", "-test.failfast", "-test.count=1", "-test.timeout="+timeout.String())
	cmd.Env = append(cmd.Env, env...)
	cmd.WaitDelay = time.Second
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// command returns a call of the program. A mutant may fill the memory, so the program
// gets a limit where the shell can set one.
func (p *program) command(ctx context.Context, mutant int, args ...string) *exec.Cmd {
	const limit = `ulimit -d 4194304 2>/dev/null; exec "$0" "$@"` // KiB
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", limit, p.path}, args...)...)
	cmd.Dir = filepath.FromSlash(p.pkg)
	cmd.Env = append(os.Environ(), fmt.Sprintf("LODE_MUTANT=%d", mutant))
	return cmd
}

// firstFailure returns the line of a test's output that says what has failed.
func firstFailure(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		for _, mark := range []string{"--- FAIL: ", "panic: ", "fatal error: "} {
			if _, after, ok := strings.Cut(line, mark); ok {
				return strings.TrimPrefix(mark, "--- FAIL: ") + after
			}
		}
	}
	return "an exit without a failed test"
}
