package main

import (
	"fmt"
	"slices"
	"strings"
)

// konst is a value that is the same in every lane: a number plus terms that are
// known only when a job is. The terms are Go expressions over tail, mid and
// round3, which the generated code evaluates once a job.
type konst struct {
	number uint32
	terms  string // sorted, joined by " + "
}

func number(n uint32) konst { return konst{number: n} }

func term(expression string) konst { return konst{terms: expression} }

func (k konst) isZero() bool { return k == konst{} }

func (k konst) isNumber() bool { return k.terms == "" }

// ofVersion reports whether the constant differs between the versions of a job.
func (k konst) ofVersion() bool {
	return strings.Contains(k.terms, "mid[") || strings.Contains(k.terms, "round3[")
}

func (k konst) plus(l konst) konst {
	var terms []string
	for _, t := range []string{k.terms, l.terms} {
		if t != "" {
			terms = append(terms, strings.Split(t, " + ")...)
		}
	}
	slices.Sort(terms)
	return konst{k.number + l.number, strings.Join(terms, " + ")}
}

// String is the constant as a Go expression.
func (k konst) String() string {
	switch {
	case k.isNumber():
		return fmt.Sprintf("%#08x", k.number)
	case k.number == 0:
		return k.terms
	}
	return fmt.Sprintf("%s + %#08x", k.terms, k.number)
}

// call is a function of constants: evaluated here where they are numbers, left
// to the generated code where not. A plus inside the arguments must not look
// like one between terms, so it goes without spaces.
func call(name string, f func(x, y, z uint32) uint32, args ...konst) konst {
	var values [3]uint32
	var texts []string
	numbers := true
	for i, a := range args {
		numbers = numbers && a.isNumber()
		values[i] = a.number
		texts = append(texts, strings.ReplaceAll(a.String(), " + ", "+"))
	}
	if numbers {
		return number(f(values[0], values[1], values[2]))
	}
	return term(name + "(" + strings.Join(texts, ",") + ")")
}
