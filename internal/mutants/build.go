package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type seconds = time.Duration

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export, Name string
	GoFiles                       []string
}

// prepare writes the mutated files of all targets, and the overlay that puts them in
// the place of the originals, into dir. It returns the mutants in order.
func prepare(ctx context.Context, dir string, targets []*target) ([]mutant, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,Name,GoFiles"}
	for _, t := range targets {
		args = append(args, "./"+t.dir)
	}
	out, err := output(exec.CommandContext(ctx, "go", args...))
	if err != nil {
		return nil, err
	}
	packages, exports := map[string]listed{}, map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		packages[p.Dir], exports[p.ImportPath] = p, p.Export
	}
	overlay := map[string]string{}
	var mutants []mutant
	for dir2, files := range filesByPackage(targets) {
		full, err := filepath.Abs(filepath.FromSlash(dir2))
		if err != nil {
			return nil, err
		}
		p, ok := packages[full]
		if !ok {
			return nil, fmt.Errorf("go list does not know the package in %s", dir2)
		}
		more, err := mutatePackage(p, exports, dir2, files, len(mutants), func(name string, text []byte) error {
			to := filepath.Join(dir, fmt.Sprintf("%d.go", len(overlay)))
			overlay[filepath.Join(full, name)] = to
			return os.WriteFile(to, text, 0o600)
		})
		if err != nil {
			return nil, err
		}
		mutants = append(mutants, more...)
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, err
	}
	return mutants, os.WriteFile(overlayPath(dir), text, 0o600)
}

func overlayPath(dir string) string { return filepath.Join(dir, "overlay.json") }

// filesByPackage iterates over the folders of the targets' packages, in order, with
// the names of all their files that are mutated.
func filesByPackage(targets []*target) func(yield func(string, []string) bool) {
	files := map[string][]string{}
	for _, t := range targets {
		for _, f := range t.files {
			files[t.dir] = append(files[t.dir], path.Base(f))
		}
	}
	return func(yield func(string, []string) bool) {
		var dirs []string
		for dir := range files {
			dirs = append(dirs, dir)
		}
		slices.Sort(dirs)
		for _, dir := range dirs {
			slices.Sort(files[dir])
			if !yield(dir, slices.Compact(files[dir])) {
				return
			}
		}
	}
}

// mutatePackage mutates files of one package and calls write with each of them, and
// with a file that declares the switch. before is the number of mutants in other
// packages.
func mutatePackage(p listed, exports map[string]string, dir string, files []string, before int, write func(name string, text []byte) error) ([]mutant, error) {
	fset := token.NewFileSet()
	var trees []*ast.File
	sources := map[string][]byte{}
	for _, name := range p.GoFiles {
		full := filepath.Join(p.Dir, name)
		src, err := os.ReadFile(full)
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(fset, full, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		trees, sources[name] = append(trees, tree), src
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})}
	pkg, err := config.Check(p.ImportPath, fset, trees, info)
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, file := range files {
		i := slices.Index(p.GoFiles, file)
		if i < 0 {
			return nil, fmt.Errorf("%s/%s is no file of this package on this machine", dir, file)
		}
		m := &mutator{
			fset: fset, info: info, pkg: pkg, tree: trees[i], path: path.Join(dir, file), src: sources[file],
			first: before + len(mutants) + 1,
		}
		text := m.mutate()
		mutants = append(mutants, m.mutants...)
		if err := write(file, text); err != nil {
			return nil, err
		}
	}
	declare := fmt.Sprintf(`package %s

import (
	mutantOS "os"
	mutantStrconv "strconv"
)

var %s, _ = mutantStrconv.Atoi(mutantOS.Getenv("LODE_MUTANT"))
`, p.Name, variable)
	return mutants, write("lode_mutant.go", []byte(declare))
}

// build compiles the test programs, and runs each once without a mutant. They must
// pass.
func build(ctx context.Context, dir string, targets []*target) error {
	paths, times := map[string]string{}, map[string]seconds{}
	for _, t := range targets {
		for _, p := range t.tests {
			if paths[p.pkg] == "" {
				paths[p.pkg] = filepath.Join(dir, fmt.Sprintf("%d.test", len(paths)))
				cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlayPath(dir), "-o", paths[p.pkg], p.pkg)
				if _, err := output(cmd); err != nil {
					return err
				}
			}
			p.path = paths[p.pkg]
			key := p.pkg + strings.Join(p.args, " ")
			if times[key] == 0 {
				start := time.Now()
				if text, err := p.run(ctx, 0, 10*time.Minute); err != nil {
					return fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", p.pkg, err, text)
				}
				times[key] = time.Since(start)
			}
			p.took = times[key]
		}
	}
	return nil
}

// findMutant runs the test programs on a mutant until one of them fails, and returns
// its package and what it says. It returns "" if none fails.
func findMutant(ctx context.Context, m mutant, tests []*program) (by string, err error) {
	for _, p := range tests {
		text, failed := p.run(ctx, m.id, 5*p.took+10*time.Second)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if failed != nil {
			return p.pkg + ", " + firstFailure(text), nil //nolint:nilerr // a failure is what a mutant is for
		}
	}
	return "", nil
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

// run runs the test program with one mutant on, or with none if the number is 0. An
// error means that the tests fail or take longer than the timeout. A mutant may fill
// the memory, so the program gets a limit where the shell can set one.
func (p *program) run(ctx context.Context, mutant int, timeout time.Duration) (string, error) {
	const limit = `ulimit -d 4194304 2>/dev/null; exec "$0" "$@"` // KiB
	ctx, cancel := context.WithTimeout(ctx, timeout+10*time.Second)
	defer cancel()
	args := []string{"-c", limit, p.path, "-test.short", "-test.failfast", "-test.count=1", "-test.timeout=" + timeout.String()}
	cmd := exec.CommandContext(ctx, "sh", append(args, p.args...)...)
	cmd.Dir = filepath.FromSlash(p.pkg)
	cmd.Env = append(os.Environ(), fmt.Sprintf("LODE_MUTANT=%d", mutant))
	cmd.WaitDelay = time.Second
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// output runs a command and returns its standard output. An error has what it wrote to
// standard error.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args[:2], " "), err, out, stderr.Bytes())
	}
	return out, nil
}
