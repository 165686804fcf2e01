package blocks

import (
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// noImports leaves the types of other packages unknown, which saves the time to read them.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("unknown") }

// Products of floating-point numbers are converted before they are added, in one statement
// or by way of a variable. Without the conversion some processors round once instead of
// twice, and the hash of a result would differ (Go specification, floating-point
// operators). Products with a power of two are exact and need no conversion.
func TestProductsAreRounded(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		// Closed forms are no part of a result.
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "theory") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	_, _ = config.Check("blocks", set, files, &info) // unknown packages are errors
	products := 0
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			var sums []ast.Expr
			switch n := n.(type) {
			case *ast.BinaryExpr:
				products += isProduct(&info, n)
				if n.Op == token.ADD || n.Op == token.SUB {
					sums = []ast.Expr{n.X, n.Y}
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && !isExact(&info, n.Rhs[0]) && isFloat(&info, n.Lhs[0]) {
					t.Errorf("%s: write x = float64(x * y)", set.Position(n.Pos()))
				}
				sums = n.Rhs
			case *ast.ReturnStmt:
				sums = n.Results
			}
			for _, e := range sums {
				if isProduct(&info, ast.Unparen(e)) > 0 {
					t.Errorf("%s: a product that is not converted: write float64(x * y)", set.Position(e.Pos()))
				}
			}
			return true
		})
	}
	if products < 20 {
		t.Errorf("only %d products were found: the types are not known", products)
	}
}

// isProduct returns 1 for a product of floating-point numbers that may be inexact, and 0
// for all else.
func isProduct(info *types.Info, e ast.Expr) int {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.MUL || info.Types[b].Value != nil || isExact(info, b.X) || isExact(info, b.Y) {
		return 0
	}
	if isFloat(info, b.X) || isFloat(info, b.Y) {
		return 1
	}
	return 0
}

func isFloat(info *types.Info, e ast.Expr) bool {
	t := info.Types[e].Type
	if t == nil {
		return false
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsFloat != 0 && basic.Info()&types.IsUntyped == 0
}

// isExact reports whether a factor is a constant power of two.
func isExact(info *types.Info, e ast.Expr) bool {
	v := info.Types[e].Value
	if v == nil {
		return false
	}
	x, _ := constant.Float64Val(constant.ToFloat(v))
	mantissa, _ := math.Frexp(math.Abs(x))
	return mantissa == 0.5
}
