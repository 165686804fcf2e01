package main

import (
	"fmt"
	"slices"
	"strings"
)

// konst is a constant: a value that is the same in every lane and for every nonce of
// a job. It is the sum of a number and of terms that are known only when the job is.
// The terms are Go expressions in tail, mid and round3, which the generated code
// evaluates once for each job.
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

// String returns the constant as a Go expression.
func (k konst) String() string {
	switch {
	case k.isNumber():
		return fmt.Sprintf("%#08x", k.number)
	case k.number == 0:
		return k.terms
	}
	return fmt.Sprintf("%s + %#08x", k.terms, k.number)
}

// call returns a function of constants. If all of them are numbers, so is the result.
// Otherwise it is a term with a call of the named function. The terms of a konst are
// separated by " + ", so a plus sign inside the arguments has no spaces around it.
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
