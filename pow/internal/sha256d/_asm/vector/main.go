// Command vector writes the AVX-512 and AVX2 kernels of package sha256d. It divides
// SHA-256d into loops and the code around them, builds a dataflow graph of each part,
// drops everything that mining does not need, counts the remaining operations, schedules
// them for the execution units of the CPU, assigns registers, and emits Go assembly:
//
//	machine.go   the instruction sets
//	konst.go     the constants of a job, and their folding
//	graph.go     the dataflow graph
//	functions.go the functions of SHA-256 as operations of the machine
//	sha256d.go   the hash, as defined in FIPS 180-4
//	parts.go     the loops, and where their data are
//	straight.go  the code around the loops
//	mingle.go    the order within a round
//	sections.go  the order of the parts
//	count.go     the operations that are needed, and their number
//	schedule.go  the order of the operations
//	regalloc.go  the registers of their results
//	table.go     the table of constants, and the Go code that fills it
//	emit.go      the instructions
//	loops.go     the loops around them
//	block.go     the compression function for different messages side by side
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

// part is straight code, or the body of a loop.
type part struct {
	section
	code    []instruction
	vectors int // number of vectors that it needs in the scratch memory
}

// build schedules the operations of each section and assigns registers. It prints the
// number of operations of all sections together, and the number of instructions. vectors is
// the first free vector of the scratch memory.
func build(name string, m *machine, sections []section, compares, vectors int, t *table) (parts []part) {
	total := counts{compare: compares}
	instructions, spills, moves := 0, 0, 0
	for _, s := range sections {
		g := newGraph(m)
		s.graph(g)
		order := live(g)
		c := count(order)
		total = total.plus(c, s.turns)
		if s.loop == nil { // the steps of the others are their order
			order = schedule(order, g, m)
		}
		a := allocate(m, order, g, vectors)
		t.collect(g, order)
		instructions += len(a.code)
		spills += a.spills
		moves += a.moves
		fmt.Fprintf(os.Stderr, "  %s, %s: %d operations, %d instructions, %d times\n", name, s.name, c.total(), len(a.code), s.turns)
		parts = append(parts, part{section: s, code: a.code, vectors: a.vectors})
	}
	if total.total() == 0 {
		return parts
	}
	fmt.Fprintf(os.Stderr, "%s %s; %d instructions in the code; %d values go through memory, %d are moved\n",
		m.name, total.text(name), instructions, spills, moves)
	return parts
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
	plan := func(name string, share bool) (k kernel) {
		start, group, version := sections(share)
		vectors := slots(share) * m.streams
		k.start = build(name+", call", m, start, 0, vectors, t)
		k.group = build(name+", group", m, group, 0, vectors, t)
		k.version = build(name+", version", m, version, m.streams, vectors, t)
		return k
	}
	whole, shared := plan("fixed header", false), plan("shared words", true)
	block := build("block", m, blockSections(), 0, allRounds, t)
	if m.broadcasts && max(len(t.job), len(t.version)) > reach {
		log.Fatalf("%d constants of a job or %d of a version are too many for a short displacement, which spans %d", len(t.job), len(t.version), reach)
	}

	e := newEmitter(m, t)
	suffix := strings.ToUpper(m.name)
	e.kernel("scan"+suffix, "It computes the whole hash for each version.", whole)
	e.kernel("roll"+suffix, "It computes the message schedule once for all versions.", shared)
	e.block("compress"+suffix, block)
	Generate()

	source, err := t.goSource(max(whole.vectors(), shared.vectors()))
	if err == nil {
		err = os.WriteFile(*constants, source, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
