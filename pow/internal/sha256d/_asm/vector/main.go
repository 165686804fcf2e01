// Command vector writes the AVX-512 and AVX2 kernels of package sha256d. It builds
// the dataflow graph of SHA-256d, drops everything that mining does not need, counts
// the remaining operations, schedules them for the execution units of the CPU,
// assigns registers, and emits Go assembly:
//
//	machine.go   the instruction sets
//	konst.go     the constants of a job, and their folding
//	graph.go     the dataflow graph
//	functions.go the functions of SHA-256 as operations of the machine
//	sha256d.go   the hash, as defined in FIPS 180-4
//	count.go     the operations that are needed, and their number
//	schedule.go  the order of the operations
//	regalloc.go  the registers of their results
//	table.go     the table of constants, and the Go code that fills it
//	emit.go      the instructions
//	loops.go     the loops around them
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
)

// pass is code without loops: the body of a loop over groups or versions.
type pass struct {
	code   []instruction
	result int // register of the result, if the pass has one
	slots  int // number of slots that it needs in the scratch memory
}

// build schedules the operations of a graph and assigns registers. It prints the
// number of operations.
func build(name string, m *machine, g *graph, roots []*node, compares int, t *table) *pass {
	order := live(g, roots)
	c := count(order, compares)
	order = schedule(order, m)
	var inputs []*node
	for _, n := range g.nodes {
		if n.op == opNonce {
			inputs = append(inputs, n)
		}
	}
	a, results := allocate(m, order, inputs, roots, slots)
	t.collect(order)
	fmt.Fprintf(os.Stderr, "%s %s; %d values go through memory\n", m.name, c.text(name), a.spills)
	p := &pass{code: a.code, slots: a.slots}
	if len(results) > 0 {
		p.result = results[0]
	}
	return p
}

func main() {
	isa := flag.String("isa", "avx512", "instruction set")
	constants := flag.String("table", "", "file for the Go code of the constants")
	ConstraintExpr("amd64,!purego,!noasm")
	flag.Parse()
	at := slices.IndexFunc(machines(), func(m *machine) bool { return m.name == *isa })
	if at < 0 {
		log.Fatalf("no instruction set %q", *isa)
	}
	m := machines()[at]

	t := &table{m: m, index: map[konst]int{}}
	t.add(number(decides & 0xffffffff))
	t.add(number(-decides & 0xffffffff))
	pass := func(name string, compares int, graph func(*machine) (*graph, []*node)) *pass {
		g, roots := graph(m)
		return build(name, m, g, roots, compares, t)
	}
	group, whole := pass("nonces", 0, nonces), pass("fixed header", 1, fixed)
	schedule, version := pass("schedule", 0, shared), pass("each version", 1, rolled)
	if m.broadcasts && max(len(t.job), len(t.version)) > reach {
		log.Fatalf("%d constants of a job or %d of a version are too many for a short displacement, which spans %d", len(t.job), len(t.version), reach)
	}

	e := newEmitter(m, t)
	suffix := strings.ToUpper(m.name)
	e.kernel("scan"+suffix, "It computes the whole hash for each version.", group, whole)
	e.kernel("roll"+suffix, "It computes the message schedule once for all versions.", schedule, version)
	Generate()

	source, err := t.goSource()
	if err == nil {
		err = os.WriteFile(*constants, source, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
