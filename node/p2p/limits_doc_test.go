package p2p

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// value is a number of the code. A duration is in nanoseconds.
type value struct {
	n        int64
	duration bool
}

func (v value) String() string {
	if v.duration {
		return time.Duration(v.n).String()
	}
	return strconv.FormatInt(v.n, 10)
}

// limitsOf reads the constants and the defaults from the source of a package. A
// default has the name of its struct and its field, such as p2p.Limits.Rate. The
// struct is the receiver of the method withDefaults, or Config in other functions.
func limitsOf(t *testing.T, folder, name string) map[string]value {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(folder, err)
	}
	consts, defaults := map[string]ast.Expr{}, map[string]ast.Expr{}
	set := token.NewFileSet()
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if spec, ok := spec.(*ast.ValueSpec); ok && decl.Tok == token.CONST && len(spec.Values) == len(spec.Names) {
						for i, ident := range spec.Names {
							consts[ident.Name] = spec.Values[i]
						}
					}
				}
			case *ast.FuncDecl:
				ast.Inspect(decl, func(node ast.Node) bool {
					field, value, ok := defaultOf(node)
					if !ok {
						return true
					}
					typ := "Config"
					if decl.Name.Name == "withDefaults" {
						typ = decl.Recv.List[0].Type.(*ast.Ident).Name
					}
					defaults[typ+"."+field] = value
					return true
				})
			}
		}
	}
	limits := map[string]value{}
	for _, group := range []map[string]ast.Expr{consts, defaults} {
		for key, expr := range group {
			if v, err := evaluate(expr, consts); err == nil {
				limits[name+"."+key] = v
			}
		}
	}
	return limits
}

// defaultOf reads a statement that sets a field to its default:
// c.X = cmp.Or(c.X, 5).
func defaultOf(node ast.Node) (field string, value ast.Expr, ok bool) {
	assign, ok := node.(*ast.AssignStmt)
	if !ok {
		return "", nil, false
	}
	call, ok := assign.Rhs[0].(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return "", nil, false
	}
	if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Or" {
		return "", nil, false
	}
	target, ok := assign.Lhs[0].(*ast.SelectorExpr)
	if !ok {
		return "", nil, false
	}
	return target.Sel.Name, call.Args[1], true
}

var errNotConstant = errors.New("not a number that can be computed from the source")

// evaluate computes an expression made of numbers, constants of the same package
// and units of time.
func evaluate(expr ast.Expr, consts map[string]ast.Expr) (value, error) {
	switch e := expr.(type) {
	case *ast.BasicLit:
		n, err := strconv.ParseInt(strings.ReplaceAll(e.Value, "_", ""), 0, 64)
		return value{n: n}, err
	case *ast.ParenExpr:
		return evaluate(e.X, consts)
	case *ast.Ident:
		if c, ok := consts[e.Name]; ok {
			return evaluate(c, consts)
		}
	case *ast.SelectorExpr:
		units := map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}
		if unit, ok := units[e.Sel.Name]; ok {
			return value{int64(unit), true}, nil
		}
	case *ast.BinaryExpr:
		x, err := evaluate(e.X, consts)
		if err != nil {
			return value{}, err
		}
		y, err := evaluate(e.Y, consts)
		if err != nil {
			return value{}, err
		}
		duration := x.duration || y.duration
		switch e.Op {
		case token.MUL:
			return value{x.n * y.n, duration}, nil
		case token.ADD:
			return value{x.n + y.n, duration}, nil
		case token.SHL:
			return value{x.n << y.n, duration}, nil
		}
	}
	return value{}, errNotConstant
}

// readValue parses a number in the form of the table: 2,000 or 2 MiB or 10 s.
func readValue(text string) (value, error) {
	digits, unit, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(strings.ReplaceAll(digits, ",", ""), 10, 64)
	if err != nil {
		return value{}, err
	}
	switch unit {
	case "":
		return value{n: n}, nil
	case "KiB":
		return value{n: n << 10}, nil
	case "MiB":
		return value{n: n << 20}, nil
	case "ms":
		return value{n * int64(time.Millisecond), true}, nil
	case "s":
		return value{n * int64(time.Second), true}, nil
	case "min":
		return value{n * int64(time.Minute), true}, nil
	case "h":
		return value{n * int64(time.Hour), true}, nil
	}
	return value{}, fmt.Errorf("unit %q", unit)
}

// TestLimitsDoc compares the table of limits in docs/network.md with the code: every
// limit is in the table with its value and a reason, and its flag exists.
func TestLimitsDoc(t *testing.T) {
	page, err := os.ReadFile("../../docs/network.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string]value{}
	maps.Copy(limits, limitsOf(t, ".", "p2p"))
	maps.Copy(limits, limitsOf(t, "../gossip", "gossip"))
	maps.Copy(limits, limitsOf(t, "../api", "api"))
	maps.Copy(limits, limitsOf(t, "..", "node"))
	maps.Copy(limits, limitsOf(t, "../../mine/stratum/server", "server"))
	for name, v := range limitsOf(t, "../../chain", "chain") { // its parameters are in docs/formats.md
		if strings.HasPrefix(name, "chain.Config.Pool") || strings.HasPrefix(name, "chain.Config.Orphan") {
			limits[name] = v
		}
	}
	// These do not bound what others can take.
	for _, name := range []string{
		"gossip.Version", "gossip.idSetSize", "gossip.poorBook", "gossip.minWait",
		"node.firstNonces", "node.jobTime", "node.reportEvery", "node.soonest", "node.retryAfter", "node.retryHeldEvery", "api.StatusGone",
		"server.extranonceSize", "server.checkEvery",
	} {
		delete(limits, name)
	}
	_, table, ok := strings.Cut(string(page), "\n## Limits\n")
	if !ok {
		t.Fatal("docs/network.md has no section Limits")
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z0-9.]+)` \\| ([^|]*) \\|([^|]*)\\| ([^|]*) \\|$").FindAllStringSubmatch(table, -1) {
		name, text, flag, why := m[1], m[2], strings.Trim(m[3], " `"), m[4]
		if rows[name] {
			t.Errorf("%s is in the table twice", name)
		}
		rows[name] = true
		want, ok := limits[name]
		if !ok {
			t.Errorf("%s is not in the code", name)
			continue
		}
		if got, err := readValue(text); err != nil || got != want {
			t.Errorf("%s is %s, the code has %s (%v)", name, text, want, err)
		}
		if flag != "" && !strings.Contains(string(commands), flag+"=") {
			t.Errorf("%s: there is no flag %s", name, flag)
		}
		if len(why) < 10 {
			t.Errorf("%s has no reason", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if !rows[name] {
			t.Errorf("%s = %s is not in the table", name, limits[name])
		}
	}
}
