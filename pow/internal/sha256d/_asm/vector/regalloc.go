package main

import "slices"

// action is the kind of an instruction.
type action int

const (
	doAdd       action = iota // dst = a + b
	doXor                     // dst = a ^ b
	doAnd                     // dst = a & b
	doRor                     // dst = b rotated right by imm
	doShr                     // dst = b shifted right by imm
	doShl                     // dst = b shifted left by imm
	doTern                    // dst = the function of dst, a, b with truth table imm
	doMove                    // dst = a
	doLoad                    // dst = b
	doStore                   // b = a
	doBroadcast               // dst = b, a constant
)

// place is the location of an operand.
type place struct {
	in  int     // one of the constants below
	reg int     // register, or position in the series
	k   *node   // constant, if it is in the table
	at  address // if it is in the scratch memory
}

const (
	inRegister = iota
	inTable    // a constant
	inSeries   // a constant of a loop's turn
	inScratch  // a vector that another part has stored, or a value that was spilled
)

// instruction is an instruction with registers assigned.
type instruction struct {
	do  action
	imm int
	dst int // register
	a   int // register
	b   place
}

// allocation is the state of the register allocation, which is one linear pass over
// the schedule. A value is in one register from its operation to its last use. If
// the registers do not suffice, the value whose next use is farthest away goes to
// memory. That costs little, because loads and stores use other execution units than
// arithmetic.
//
// A result of the part has a goal, the register that it must be in at the end. It is
// computed there if that register is free by then. To make this likely, goals are the
// last registers that other values get.
type allocation struct {
	m       *machine
	code    []instruction
	now     int             // position of the current operation in the schedule
	uses    map[*node][]int // positions of the operations that use a value
	goal    map[*node]int   // registers of the results
	isGoal  []bool          // registers that are the goal of a result
	reg     map[*node]int   // registers of the values that are in one
	owner   []*node         // values in the registers; nil if a register is free
	pinned  []bool          // registers with operands of the current operation
	spilled map[*node]int   // vectors of the values that were spilled, or that a store has stored
	vectors int             // first free slot of the scratch memory
	spills  int             // number of values that were spilled
	moves   int             // number of results that were not computed in their goal
}

// allocate assigns registers to the operations of a schedule. vectors is the first free
// vector of the scratch memory.
func allocate(m *machine, order []*node, g *graph, vectors int) *allocation {
	a := &allocation{
		m: m, uses: map[*node][]int{}, reg: map[*node]int{}, spilled: map[*node]int{}, vectors: vectors,
		owner: make([]*node, m.registers), pinned: make([]bool, m.registers),
		goal: map[*node]int{}, isGoal: make([]bool, m.registers),
	}
	for i, n := range order {
		for _, arg := range n.args {
			a.uses[arg] = append(a.uses[arg], i)
		}
	}
	for i, r := range g.roots {
		if r.op != opStore {
			if _, twice := a.goal[r]; twice {
				panic("a value is two results")
			}
			a.uses[r] = append(a.uses[r], len(order))
			a.goal[r], a.isGoal[g.goals[i]] = g.goals[i], true
		}
	}
	for _, n := range g.inputs {
		if len(a.uses[n]) > 0 {
			a.reg[n], a.owner[n.imm] = n.imm, n
		}
	}
	for i, n := range order {
		a.now = i
		a.emit(n)
	}
	a.now = len(order)
	a.arrange(g)
	return a
}

// arrange moves the results to their goals, or loads them. A result whose goal holds another result
// waits until that has been moved. Results that are in each other's goals are moved
// through memory.
func (a *allocation) arrange(g *graph) {
	var waiting []*node
	for i, r := range g.roots {
		if r.op == opStore {
			continue
		}
		if at, here := a.reg[r]; !here || at != g.goals[i] {
			waiting = append(waiting, r)
			a.moves++
		}
	}
	move := func(n *node) {
		to := a.goal[n]
		if from, here := a.reg[n]; here {
			a.out(instruction{do: doMove, dst: to, a: from})
			a.owner[from] = nil
		} else {
			do := doLoad
			if n.op == opConst {
				do = doBroadcast
			}
			a.out(instruction{do: do, dst: to, b: a.memory(n)})
		}
		a.reg[n], a.owner[to] = to, n
	}
	for len(waiting) > 0 {
		moved := false
		for i, n := range waiting {
			if owner := a.owner[a.goal[n]]; owner == nil || a.goalless(owner) {
				move(n)
				waiting = slices.Delete(waiting, i, i+1)
				moved = true
				break
			}
		}
		if !moved {
			n := waiting[0]
			a.spill(a.owner[a.goal[n]])
		}
	}
}

// goalless reports whether the value is not a result.
func (a *allocation) goalless(n *node) bool { _, has := a.goal[n]; return !has }

func (a *allocation) out(i instruction) { a.code = append(a.code, i) }

// next returns the position of the value's next use after the current operation, or
// a very large number if there is none.
func (a *allocation) next(n *node) int {
	for _, at := range a.uses[n] {
		if at > a.now {
			return at
		}
	}
	return 1 << 30
}

// dies reports whether the value is not used after the current operation.
func (a *allocation) dies(n *node) bool { return a.next(n) == 1<<30 }

// free returns a free register, which is not the goal of a result if there is another.
// If there is none, it spills the value whose next use is farthest away.
func (a *allocation) free() int {
	free := -1
	for i, n := range a.owner {
		if n == nil && (free < 0 || a.isGoal[free] && !a.isGoal[i]) {
			free = i
		}
	}
	if free >= 0 {
		return free
	}
	victim := -1
	for i, n := range a.owner {
		if !a.pinned[i] && (victim < 0 || a.next(n) > a.next(a.owner[victim])) {
			victim = i
		}
	}
	a.spill(a.owner[victim])
	return victim
}

// freeFor returns a free register for the value: its goal, if that is possible.
func (a *allocation) freeFor(n *node) int {
	if r, has := a.goal[n]; has && a.owner[r] == nil {
		return r
	}
	return a.free()
}

// known remembers that a value is in the vector that a store writes, so that it need not be
// stored again if its register is taken.
func (a *allocation) known(store *node) {
	n := store.args[0]
	for other, vector := range a.spilled {
		if vector == store.at.vector && store.at.base == atScratch && !a.dies(other) {
			panic("a value that was spilled is overwritten")
		}
	}
	if _, done := a.spilled[n]; !done && !n.inMemory() && store.at.base == atScratch {
		a.spilled[n] = store.at.vector
	}
}

// spill frees the register of a value, and stores the value if it is not in memory.
func (a *allocation) spill(n *node) {
	r := a.reg[n]
	if _, done := a.spilled[n]; !done && n.op != opMemory {
		a.spilled[n] = a.vectors
		a.vectors++
		a.spills++
		a.out(instruction{do: doStore, a: r, b: place{in: inScratch, at: address{vector: a.spilled[n]}}})
	}
	delete(a.reg, n)
	a.owner[r] = nil
}

// register returns the value's register, loads the value if need be, and pins it for
// the current operation.
func (a *allocation) register(n *node) int {
	r, ok := a.reg[n]
	if !ok {
		r = a.free()
		a.out(instruction{do: doLoad, dst: r, b: a.memory(n)})
		a.reg[n], a.owner[r] = r, n
	}
	a.pinned[r] = true
	return r
}

// memory returns the value's location in memory.
func (a *allocation) memory(n *node) place {
	switch n.op {
	case opConst:
		return place{in: inTable, k: n}
	case opSeries:
		return place{in: inSeries, reg: n.imm}
	case opMemory:
		return place{in: inScratch, at: n.at}
	}
	return place{in: inScratch, at: address{vector: a.spilled[n]}}
}

// soon is the distance in operations up to which a value that is used again is worth
// loading into a register.
const soon = 60

// operand returns the location of the value. It loads a value from memory only if that
// will be used again soon.
func (a *allocation) operand(n *node) place {
	_, here := a.reg[n]
	if n.isConst() || n.op == opMemory && !here {
		return a.memory(n)
	}
	if !here && a.next(n) > a.now+soon {
		return a.memory(n)
	}
	return place{in: inRegister, reg: a.register(n)}
}

// away reports whether the value is not in a register.
func (a *allocation) away(n *node) bool {
	_, here := a.reg[n]
	return !here
}

// release frees the registers of the operation's operands that are not used again, and
// unpins all registers.
func (a *allocation) release(n *node) {
	for _, arg := range n.args {
		if r, ok := a.reg[arg]; ok && a.dies(arg) {
			delete(a.reg, arg)
			a.owner[r] = nil
		}
	}
	clear(a.pinned)
}

// emit allocates the operands and the result of an operation.
func (a *allocation) emit(n *node) {
	i := instruction{imm: n.imm}
	switch n.op {
	case opStore:
		i.do, i.a, i.b = doStore, a.register(n.args[0]), place{in: inScratch, at: n.at}
		a.known(n)
		a.release(n)
		a.out(i)
		return
	case opRor, opShr, opShl:
		i.do = map[op]action{opRor: doRor, opShr: doShr, opShl: doShl}[n.op]
		if a.m.shiftsMemory && a.dies(n.args[0]) {
			i.b = a.operand(n.args[0])
		} else {
			i.b = place{in: inRegister, reg: a.register(n.args[0])}
		}
	case opAdd, opXor, opAnd:
		i.do = map[op]action{opAdd: doAdd, opXor: doXor, opAnd: doAnd}[n.op]
		x, y := n.args[0], n.args[1]
		if a.away(x) && (!a.away(y) || !y.isConst()) {
			x, y = y, x
		}
		i.a = a.register(x)
		i.b = a.operand(y)
	case opTern:
		a.ternary(n)
		return
	}
	a.release(n)
	i.dst = a.freeFor(n)
	a.reg[n], a.owner[i.dst] = i.dst, n
	a.out(i)
}

// ternary allocates an operation of three operands. The instruction overwrites one of
// them, so it chooses one that is not used again, if there is any. Otherwise it
// overwrites a copy.
func (a *allocation) ternary(n *node) {
	first, last := -1, 2 // the operand that is overwritten, and the one that may be in memory
	var constants []int
	for j, arg := range n.args {
		if arg.isConst() {
			constants = append(constants, j)
		}
	}
	switch len(constants) {
	case 1:
		last = constants[0]
	case 2:
		first, last = constants[0], constants[1]
	}
	if !n.args[last].isConst() {
		for j, arg := range n.args {
			if a.away(arg) && a.next(arg) > a.now+soon {
				last = j
			}
		}
	}
	for j, arg := range n.args {
		if j != last && !arg.isConst() {
			a.register(arg)
		}
	}
	b := a.operand(n.args[last])

	var dst int
	if first >= 0 {
		dst = a.free()
		a.out(instruction{do: doBroadcast, dst: dst, b: a.memory(n.args[first])})
	} else {
		for j, arg := range n.args {
			if !arg.isConst() && a.dies(arg) && !a.away(arg) {
				first = j
			}
		}
		switch {
		case first < 0:
			first = (last + 1) % 3
			dst = a.free()
			a.out(instruction{do: doMove, dst: dst, a: a.reg[n.args[first]]})
		default:
			dst = a.reg[n.args[first]]
			if first == last { // another operand must be the last one
				last = (first + 1) % 3
				b = place{in: inRegister, reg: a.reg[n.args[last]]}
			}
		}
	}
	middle := 3 - first - last
	i := instruction{do: doTern, dst: dst, a: a.reg[n.args[middle]], b: b}
	i.imm = permute(n.imm, first, middle, last)
	a.release(n)
	a.reg[n], a.owner[dst] = dst, n
	a.out(i)
}

// permute returns the truth table of a function whose arguments come in another order.
func permute(table int, order ...int) (permuted int) {
	for i := range 8 {
		bit := 0
		for j, arg := range order {
			bit |= i >> (2 - j) & 1 << (2 - arg)
		}
		permuted |= table >> bit & 1 << i
	}
	return permuted
}
