package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// isOn is the name of the function that is added to a mutated package. It reports
// whether the mutant with a number is switched on.
const isOn = "lodeMutantIsOn"

// mutant is one change of one expression or statement.
type mutant struct {
	id   int    // from 1
	file string // path below the module's folder
	line int
	name string // says what is changed, without the line: unique, and the same as long as the code is
}

// mutator inserts switches into one file, so that the file contains all of its
// mutants and behaves like one of them if isOn is true for that mutant's number.
//
// Only the copy of an expression that runs when its own mutants are off contains the
// mutants of its parts. The text therefore does not grow exponentially with the depth
// of expressions.
type mutator struct {
	fset *token.FileSet
	info *types.Info
	pkg  *types.Package
	tree *ast.File
	path string // below the module's folder
	src  []byte

	first   int // number of the first mutant of this file
	mutants []mutant
	names   map[string]int // how many mutants have a name
	in      string         // the function that is being visited
	roles   map[ast.Node]role
	inserts []insert
	aliases strings.Builder // declarations that name the types of mutated values
}

// insert is a text that is inserted before the byte at an offset of the source.
type insert struct {
	at      int
	text    string
	closing bool
}

// role says what the parent of a node makes of it.
type role struct {
	statement bool // an element of a list of statements, and may be left out
	yes, no   bool // that true, or false, in its place is a mutant
	keep      bool // a constant that is left as it is
}

func (m *mutator) text(n ast.Node) string {
	return string(m.src[m.offset(n.Pos()):m.offset(n.End())])
}

func (m *mutator) offset(p token.Pos) int { return m.fset.Position(p).Offset }

// add records a mutant that has a text in place of a node, or nothing, and returns its
// number.
func (m *mutator) add(n ast.Node, now string) int {
	short := func(s string) string {
		s = strings.Join(strings.Fields(s), " ")
		if r := []rune(s); len(r) > 100 {
			s = string(r[:100]) + "…"
		}
		return s
	}
	change := "removed"
	if now != "" {
		change = "`" + short(now) + "`"
	}
	name := fmt.Sprintf("%s %s: `%s` → %s", m.path, m.in, short(m.text(n)), change)
	m.names[name]++
	if k := m.names[name]; k > 1 {
		name += fmt.Sprintf(" #%d", k)
	}
	id := m.first + len(m.mutants)
	m.mutants = append(m.mutants, mutant{id, m.path, m.fset.Position(n.Pos()).Line, name})
	return id
}

// wrap inserts a text before a node and one behind it. The text behind it is inserted
// by the function that wrap returns, to be called after the node's parts have been
// visited.
func (m *mutator) wrap(n ast.Node, before, after string) (leave func()) {
	m.inserts = append(m.inserts, insert{m.offset(n.Pos()), before, false})
	return func() { m.inserts = append(m.inserts, insert{m.offset(n.End()), after, true}) }
}

// mutate visits the whole file and returns its text with all mutants.
func (m *mutator) mutate() []byte {
	m.names, m.roles = map[string]int{}, map[ast.Node]role{}
	for _, d := range m.tree.Decls {
		m.in = "var"
		if f, ok := d.(*ast.FuncDecl); ok {
			m.in = f.Name.Name
			if f.Recv != nil && len(f.Recv.List) == 1 {
				m.in = strings.TrimPrefix(types.ExprString(f.Recv.List[0].Type), "*") + "." + m.in
			}
		}
		m.visit(d)
	}
	slices.SortStableFunc(m.inserts, func(a, b insert) int {
		if a.at == b.at && a.closing != b.closing {
			if a.closing {
				return -1
			}
			return 1
		}
		return a.at - b.at
	})
	var out bytes.Buffer
	at := 0
	for _, i := range m.inserts {
		out.Write(m.src[at:i.at])
		out.WriteString(i.text)
		at = i.at
	}
	out.Write(m.src[at:])
	out.WriteString(m.aliases.String())
	return out.Bytes()
}

func (m *mutator) visit(root ast.Node) {
	var leave []func()
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			last := len(leave) - 1
			leave[last]()
			leave = leave[:last]
			return false
		}
		if m.skips(n) {
			return false
		}
		m.assignRoles(n)
		after := m.enter(n)
		if e, ok := n.(ast.Expr); ok && m.info.Types[e].Value != nil {
			after() // the parts of a constant must stay constant
			return false
		}
		leave = append(leave, after)
		return true
	})
}

// enter inserts the mutants of one node and returns what is to be done after its
// parts have been visited.
func (m *mutator) enter(n ast.Node) func() {
	r := m.roles[n]
	switch n := n.(type) {
	case ast.Stmt:
		if r.statement {
			return m.statement(n)
		}
	case ast.Expr:
		tv, ok := m.info.Types[n]
		if !ok || !tv.IsValue() {
			break
		}
		if basic, ok := tv.Type.Underlying().(*types.Basic); ok {
			switch {
			case tv.Value != nil && !r.keep:
				return m.constant(n, tv.Value, basic)
			case tv.Value == nil && basic.Info()&types.IsBoolean != 0:
				return m.truth(n, r)
			case tv.Value == nil && basic.Info()&types.IsNumeric != 0:
				return m.number(n)
			}
		}
	}
	return func() {}
}

// statement makes mutants that leave a statement out or turn its operator round.
func (m *mutator) statement(s ast.Stmt) func() {
	other := ""
	switch s := s.(type) {
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE || !slices.ContainsFunc(s.Lhs, func(e ast.Expr) bool { return m.text(e) != "_" }) {
			return func() {}
		}
		if op, ok := opposite[s.Tok]; ok && m.isNumber(s.Lhs[0]) {
			other = m.text(s.Lhs[0]) + " " + op.String() + " (" + m.text(s.Rhs[0]) + ")"
		}
	case *ast.IncDecStmt:
		other = m.text(s.X) + opposite[s.Tok].String()
	case *ast.BranchStmt:
		if s.Tok != token.BREAK && s.Tok != token.CONTINUE {
			return func() {}
		}
	case *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
	default:
		return func() {}
	}
	without := m.add(s, "")
	before := fmt.Sprintf("if !%s(%d) { ", isOn, without)
	if other != "" {
		before = fmt.Sprintf("if %s(%d) { %s } else %s", isOn, m.add(s, other), other, before)
	}
	return m.wrap(s, before, " }")
}

// truth makes mutants of an expression that is true or false.
func (m *mutator) truth(n ast.Expr, r role) func() {
	var others []string
	if b, ok := n.(*ast.BinaryExpr); ok {
		if op, ok := boundary[b.Op]; ok {
			others = append(others, m.binary(b, op))
		}
	}
	if r.yes {
		others = append(others, "true")
	}
	if r.no {
		others = append(others, "false")
	}
	if len(others) == 0 {
		return func() {}
	}
	var before strings.Builder
	before.WriteString("(")
	var off strings.Builder // none of the others is on
	for _, other := range others {
		id := m.add(n, other)
		fmt.Fprintf(&before, "%s(%d) && (%s) || ", isOn, id, other)
		fmt.Fprintf(&off, "!%s(%d) && ", isOn, id)
	}
	before.WriteString(off.String() + "(")
	return m.wrap(n, before.String(), "))")
}

// number makes a mutant of a calculation.
func (m *mutator) number(n ast.Expr) func() {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		op, ok := opposite[n.Op]
		if y := m.info.Types[n.Y].Value; ok && (op != token.QUO || y == nil || constant.Sign(y) != 0) {
			return m.value(n, m.binary(n, op))
		}
	case *ast.UnaryExpr:
		if n.Op == token.SUB || n.Op == token.XOR {
			return m.value(n, m.text(n.X))
		}
	}
	return func() {}
}

func (m *mutator) binary(b *ast.BinaryExpr, op token.Token) string {
	return fmt.Sprintf("(%s) %s (%s)", m.text(b.X), op, m.text(b.Y))
}

// constant makes a mutant of a constant. A new value is closer to zero, so that every
// type can hold it, unless the constant is zero.
func (m *mutator) constant(n ast.Expr, v constant.Value, t *types.Basic) func() {
	const small = 1024
	switch {
	case t.Info()&types.IsBoolean != 0:
		not := "!"
		if !constant.BoolVal(v) {
			not = ""
		}
		id := m.add(n, fmt.Sprint(!constant.BoolVal(v)))
		return m.wrap(n, fmt.Sprintf("%s%s(%d) /* ", not, isOn, id), " */")
	case t.Info()&types.IsNumeric == 0:
		return func() {}
	case constant.Sign(v) <= 0:
		return m.value(n, m.text(n)+" + 1")
	case t.Info()&types.IsInteger != 0 && constant.Compare(v, token.LEQ, constant.MakeInt64(small)):
		return m.value(n, m.text(n)+" - 1")
	}
	return m.value(n, "("+m.text(n)+") / 2")
}

// value wraps a numeric expression in a function that returns another one if the
// mutant is on.
func (m *mutator) value(n ast.Expr, other string) func() {
	name, ok := m.typeName(m.info.Types[n].Type)
	if !ok {
		return func() {}
	}
	id := m.add(n, other)
	alias := fmt.Sprintf("lodeMutantType%d", id)
	fmt.Fprintf(&m.aliases, "\ntype %s = %s\n", alias, name)
	return m.wrap(n, fmt.Sprintf("(func() %s { if %s(%d) { return %s }; return (", alias, isOn, id, other), ") }())")
}

// typeName returns how a declaration in this file can name a type. It returns false
// if it cannot, because the type belongs to a function or to a package that the file
// does not import.
func (m *mutator) typeName(t types.Type) (string, bool) {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return t.Name(), t.Info()&types.IsUntyped == 0
	case *types.Named:
		name, of := t.Obj().Name(), t.Obj().Pkg()
		switch {
		case t.TypeArgs().Len() > 0 || of == nil || t.Obj().Parent() != of.Scope():
			return "", false
		case of == m.pkg:
			return name, true
		}
		for _, spec := range m.tree.Imports {
			if spec.Path.Value == fmt.Sprintf("%q", of.Path()) && spec.Name == nil {
				return of.Name() + "." + name, true
			}
		}
	}
	return "", false
}

func (m *mutator) isNumber(e ast.Expr) bool {
	basic, ok := m.info.TypeOf(e).Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsNumeric != 0
}

// boundary has the comparisons that differ from one another if both sides are equal.
var boundary = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
}

// opposite has an operator of the same operands for each operator that is replaced.
var opposite = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.XOR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
	token.AND_NOT: token.AND, token.INC: token.DEC, token.DEC: token.INC,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.QUO_ASSIGN,
	token.QUO_ASSIGN: token.MUL_ASSIGN, token.REM_ASSIGN: token.MUL_ASSIGN, token.AND_ASSIGN: token.OR_ASSIGN,
	token.OR_ASSIGN: token.AND_ASSIGN, token.XOR_ASSIGN: token.AND_ASSIGN, token.SHL_ASSIGN: token.SHR_ASSIGN,
	token.SHR_ASSIGN: token.SHL_ASSIGN, token.AND_NOT_ASSIGN: token.AND_ASSIGN,
}
