package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// kind is a kind of instruction, by the units of a core that run it.
type kind int

const (
	hash   kind = iota // SHA256H and SHA256H2
	words              // SHA256SU0 and SHA256SU1
	vector             // other operations on vectors, copies included
	load               // loads of vectors
	store              // stores of vectors
	scalar             // everything on general registers
	kinds
)

type counts [kinds]int

func (c counts) total() (n int) {
	for _, x := range c {
		n += x
	}
	return n
}

func (c counts) plus(d counts) counts {
	for i := range c {
		c[i] += d[i]
	}
	return c
}

// printer prints assembly, and counts the instructions of a function.
type printer struct {
	text   bytes.Buffer
	counts map[string]counts
	count  string // where the instructions are counted: call, group or version
}

func (p *printer) op(k kind, format string, args ...any) {
	c := p.counts[p.count]
	c[k]++
	p.counts[p.count] = c
	fmt.Fprintf(&p.text, "\t"+format+"\n", args...)
}

func (p *printer) label(name string) { fmt.Fprintf(&p.text, "\n%s:\n", name) }

func (p *printer) comment(format string, args ...any) {
	fmt.Fprintf(&p.text, "\n\t// "+format+"\n", args...)
}

// float returns the other name of a vector register, which loads and stores use.
func float(v string) string { return "F" + strings.TrimPrefix(v, "V") }

// core is a core whose units are known from a published table.
type core struct {
	name string
	hash int // cycles for which a SHA256H or SHA256H2 occupies the only unit
}

// The cores have one unit for all SHA-256 instructions, on which SHA256SU0 and
// SHA256SU1 take a cycle. Sources: the measurements of Apple's M1 by Dougall Johnson
// (https://dougallj.github.io/applecpu/firestorm-simd.html), and LLVM's models of the
// Neoverse cores (AArch64SchedNeoverseN1.td and V1.td), which follow Arm's guides.
var cores = []core{
	{"Apple M1, performance core (Firestorm)", 2},
	{"Arm Neoverse N1 and V1", 1},
}

// report prints the number of instructions of a hash, and the least number of cycles
// that its SHA-256 instructions take.
func report(w io.Writer, scan, roll map[string]counts) {
	rows := []struct {
		name string
		c    counts
	}{
		{"a whole hash", scan["group"].plus(scan["version"])},
		{"schedule, once per nonce", roll["group"]},
		{"each version over it", roll["version"]},
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "for four nonces\tinstructions\thash\twords\tvector\tload\tstore\tscalar\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d", r.name, r.c.total())
		for _, n := range r.c {
			fmt.Fprintf(t, "\t%d", n)
		}
		fmt.Fprintln(t, "\t")
	}
	_ = t.Flush()
	for _, c := range cores {
		bound := func(x counts) float64 { return float64(c.hash*x[hash]+x[words]) / streams }
		fmt.Fprintf(w, "%s: at least %.1f cycles a hash, %.1f with 16 versions\n", c.name,
			bound(rows[0].c), bound(rows[1].c)/16+bound(rows[2].c))
	}
}
