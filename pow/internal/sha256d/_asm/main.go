// Command _asm writes the AVX-512 kernels of package sha256d. It builds the
// dataflow graph of SHA-256d with everything that mining can skip, counts its
// operations, schedules them for the ports of the CPU, assigns registers, and
// emits Go assembly:
//
//	konst.go     constants of a job, and how they fold
//	graph.go     the graph and the functions of SHA-256
//	sha256d.go   the hash, as FIPS 180-4 has it
//	count.go     what is left of it, counted
//	schedule.go  the order of the operations
//	regalloc.go  their registers
//	table.go     the table of constants and the Go code that fills it
//	emit.go      instructions, and the loops around them
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
)

var (
	window = flag.Int("window", 40, "how far ahead the scheduler looks, in operations")
	alive  = flag.Int("alive", 30, "values that it lets be alive")
)

// pass is code without loops, from inputs to results.
type pass struct {
	code    []instruction
	results []int // registers
	slots   int   // of scratch memory
}

// build schedules a graph and assigns registers.
func build(name string, g *graph, roots []*node, compares int, t *table) *pass {
	order := live(g, roots)
	c := count(order, compares)
	order = schedule(order, *window, *alive)
	var inputs []*node
	for _, n := range g.nodes {
		if n.op == opNonce {
			inputs = append(inputs, n)
		}
	}
	a, results := allocate(order, inputs, roots, slots)
	t.collect(order)
	fmt.Fprintf(os.Stderr, "%s; %d values go through memory\n", c.text(name), a.spills)
	return &pass{code: a.code, results: results, slots: a.slots}
}

func main() {
	constants := flag.String("table", "", "file for the Go code of the constants")
	t := &table{index: map[konst]int{}}
	t.add(number(decides & 0xffffffff))
	t.add(number(-decides & 0xffffffff))

	ConstraintExpr("amd64,!purego,!noasm")
	flag.Parse()

	pass := func(name string, compares int, graph func() (*graph, []*node)) *pass {
		g, roots := graph()
		return build(name, g, roots, compares, t)
	}
	group, whole := pass("nonces", 0, nonces), pass("fixed header", 1, fixed)
	schedule, version := pass("schedule", 0, shared), pass("each version", 1, rolled)
	if len(t.job) > reach || len(t.version) > reach {
		log.Fatalf("%d and %d constants a version are out of reach", len(t.job), len(t.version))
	}

	e := newEmitter(t)
	e.kernel("scanAVX512", "each version on its own", group, whole)
	e.kernel("rollAVX512", "all over one message schedule", schedule, version)
	Generate()

	source, err := t.goSource()
	if err == nil {
		err = os.WriteFile(*constants, source, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
