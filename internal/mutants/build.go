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
)

// listed is what go list says of a package. IgnoredGoFiles are those for other systems.
type listed struct {
	ImportPath, Dir, Export, Name string
	GoFiles, IgnoredGoFiles       []string
}

// prepare writes the mutated files of all targets, and the overlay that puts them in
// the place of the originals, into dir. It returns the mutants in order.
func prepare(ctx context.Context, dir string, targets []*target) ([]mutant, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,Name,GoFiles,IgnoredGoFiles"}
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
		if slices.Contains(p.IgnoredGoFiles, file) {
			fmt.Printf("NOT TESTED: %s/%s is for other systems\n", dir, file)
			continue
		}
		i := slices.Index(p.GoFiles, file)
		if i < 0 {
			return nil, fmt.Errorf("%s/%s is no file of this package", dir, file)
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
	declare := fmt.Sprintf(declaration, p.Name, before+len(mutants)+1)
	return mutants, write("lode_mutant.go", []byte(declare))
}

// declaration is the text of a file that is added to a mutated package, whose name it
// needs, and one more than the greatest number of its mutants.
//
// LODE_MUTANT has the number of the mutant that is on, or 0. If it is -1, no mutant is
// on, and the numbers of those whose code runs are appended to the file reachedFile,
// each once. It is written at once, because the process, or one that a test has started,
// may be killed.
const declaration = `package %s

import (
	mutantOS "os"
	mutantStrconv "strconv"
	mutantAtomic "sync/atomic"
)

var lodeMutant, _ = mutantStrconv.Atoi(mutantOS.Getenv("LODE_MUTANT"))

var lodeMutantsSeen [%d]mutantAtomic.Bool

var lodeMutantsReached = func() *mutantOS.File {
	if lodeMutant >= 0 {
		return nil
	}
	f, err := mutantOS.OpenFile(mutantOS.Getenv("LODE_MUTANTS_REACHED"), mutantOS.O_APPEND|mutantOS.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	return f
}()

func lodeMutantIsOn(id int) bool { return lodeMutant == id || lodeMutant < 0 && lodeMutantReaches(id) }

func lodeMutantReaches(id int) bool {
	if !lodeMutantsSeen[id].Load() && !lodeMutantsSeen[id].Swap(true) {
		if _, err := lodeMutantsReached.WriteString(mutantStrconv.Itoa(id) + "\n"); err != nil {
			panic(err)
		}
	}
	return false
}
`

// build compiles the test program of a package.
func build(ctx context.Context, dir string, number int, pkg string) (*program, error) {
	p := &program{pkg: pkg, path: filepath.Join(dir, fmt.Sprintf("%d.test", number))}
	_, err := output(exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlayPath(dir), "-o", p.path, pkg))
	return p, err
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
