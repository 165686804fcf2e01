package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// assignRoles says what a node makes of its parts.
func (m *mutator) assignRoles(n ast.Node) {
	switch n := n.(type) {
	case *ast.BlockStmt:
		m.setList(n.List)
	case *ast.CommClause:
		m.setList(n.Body)
	case *ast.CaseClause:
		m.setList(n.Body)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, s := range n.Body.List {
				for _, e := range s.(*ast.CaseClause).List {
					m.roles[e] = role{yes: true, no: true}
				}
			}
		}
	case *ast.IfStmt:
		m.roles[n.Cond] = role{yes: true, no: true}
	case *ast.ForStmt:
		if n.Cond != nil {
			m.roles[n.Cond] = role{no: true} // true would be an endless loop
		}
	case *ast.ReturnStmt:
		for _, e := range n.Results {
			// What is returned with an error means nothing.
			if m.returnsError(n) {
				m.roles[e] = role{keep: true}
			} else {
				m.roles[e] = role{yes: true, no: true}
			}
		}
	case *ast.AssignStmt:
		for _, e := range n.Rhs {
			m.setCondition(e)
		}
	case *ast.CallExpr:
		for _, e := range n.Args {
			m.setCondition(e)
		}
	case *ast.KeyValueExpr:
		m.setCondition(n.Value)
	case *ast.BinaryExpr:
		switch n.Op {
		case token.LAND:
			m.roles[n.X], m.roles[n.Y] = role{yes: true}, role{yes: true}
		case token.LOR:
			m.roles[n.X], m.roles[n.Y] = role{no: true}, role{no: true}
		case token.LSS, token.LEQ, token.GTR, token.GEQ, token.EQL, token.NEQ:
			// The mutants of the comparison do what other constants would.
			m.roles[n.X], m.roles[n.Y] = role{keep: true}, role{keep: true}
		}
	}
}

func (m *mutator) setList(list []ast.Stmt) {
	for _, s := range list {
		m.roles[s] = role{statement: true}
	}
}

// setCondition gives the role of a condition to what is calculated, but not to a
// variable or a call that has a truth value.
func (m *mutator) setCondition(e ast.Expr) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		m.roles[e] = role{yes: true, no: true}
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			m.roles[e] = role{yes: true, no: true}
		}
	}
}

// returnsError reports whether a statement returns several values, the last of
// which is an error.
func (m *mutator) returnsError(s *ast.ReturnStmt) bool {
	if len(s.Results) < 2 {
		return false
	}
	last := m.info.TypeOf(s.Results[len(s.Results)-1])
	return last != types.Typ[types.UntypedNil] && types.Identical(last, types.Universe.Lookup("error").Type())
}

// skips reports whether a node and its parts are left as they are. These are
// constants that the compiler must know, and what only people read: log messages and
// the details of errors. Locks are skipped because only the race detector would miss
// them.
func (m *mutator) skips(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok != token.VAR
	case *ast.ArrayType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.CommentGroup, *ast.FieldList:
		return true
	case *ast.ExprStmt:
		return m.skips(n.X)
	case *ast.DeferStmt:
		return m.skips(n.Call)
	case *ast.GoStmt:
		return m.skips(n.Call)
	case *ast.CallExpr:
		return m.skipsCall(n)
	case *ast.CompositeLit:
		// The keys of an array must be constants.
		if _, ok := m.info.TypeOf(n).Underlying().(*types.Array); ok {
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					m.roles[kv.Key] = role{keep: true}
				}
			}
		}
	}
	return false
}

func (m *mutator) skipsCall(call *ast.CallExpr) bool {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		if _, ok := m.info.Uses[f].(*types.Builtin); ok {
			return f.Name == "panic" || f.Name == "make"
		}
	case *ast.SelectorExpr:
		if s := m.info.Selections[f]; s != nil {
			switch strings.TrimPrefix(s.Recv().String(), "*") {
			case "log/slog.Logger", "sync.Mutex", "sync.RWMutex":
				return true
			}
			if of := s.Obj().Pkg(); of != nil && of.Path() == "sync" && strings.HasSuffix(s.Obj().Name(), "ock") {
				return true // a lock that is embedded
			}
		}
	}
	s, ok := m.info.TypeOf(call.Fun).(*types.Signature)
	if !ok || !s.Variadic() || s.Params().Len() < 2 {
		return false
	}
	return s.Params().At(s.Params().Len()-2).Name() == "format"
}
