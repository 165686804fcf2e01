package main

import "slices"

// action is what one machine instruction does.
type action int

const (
	doAdd       action = iota // dst = a + b
	doXor                     // dst = a ^ b
	doAnd                     // dst = a & b
	doRor                     // dst = b rotated right by imm
	doShr                     // dst = b shifted right by imm
	doShl                     // dst = b shifted left by imm
	doTern                    // dst = table imm of dst, a, b
	doMove                    // dst = a
	doLoad                    // dst = b
	doStore                   // b = a
	doBroadcast               // dst = b, a constant
)

// place is where an operand is.
type place struct {
	in  int // inRegister and so on
	reg int // register, or slot in memory
	k   *node
}

const (
	inRegister = iota
	inTable    // a constant
	inScratch  // what another pass left, or a spilled value
)

type instruction struct {
	do  action
	imm int
	dst int
	a   int // register
	b   place
}

// allocation is the state of register allocation: linear, in one pass over the
// schedule, each value in one register from its operation to its last use.
// Where registers do not suffice, the value whose next use is farthest goes to
// memory: loads and stores use other ports than arithmetic.
type allocation struct {
	m      *machine
	code   []instruction
	now    int
	uses   map[*node][]int // positions still to come
	reg    map[*node]int
	owner  []*node
	pinned []bool // operands of the current operation
	slot   map[*node]int
	slots  int // first free slot of the scratch memory
	spills int
}

// allocate assigns registers. inputs are in registers 0 and up at the start; it
// returns the code and the registers of the roots.
func allocate(m *machine, order []*node, inputs, roots []*node, slots int) (*allocation, []int) {
	a := &allocation{
		m: m, uses: map[*node][]int{}, reg: map[*node]int{}, slot: map[*node]int{}, slots: slots,
		owner: make([]*node, m.registers), pinned: make([]bool, m.registers),
	}
	for i, n := range order {
		for _, arg := range n.args {
			a.uses[arg] = append(a.uses[arg], i)
		}
	}
	for _, r := range roots {
		if r.op != opStore {
			a.uses[r] = append(a.uses[r], len(order))
		}
	}
	for i, n := range inputs {
		a.reg[n], a.owner[i] = i, n
	}
	for i, n := range order {
		a.now = i
		a.emit(n)
	}
	a.now = len(order)
	var results []int
	for _, r := range roots {
		if r.op != opStore {
			results = append(results, a.register(r))
		}
	}
	return a, results
}

func (a *allocation) out(i instruction) { a.code = append(a.code, i) }

// next is the position of the next use after the current operation.
func (a *allocation) next(n *node) int {
	for _, at := range a.uses[n] {
		if at > a.now {
			return at
		}
	}
	return 1 << 30
}

func (a *allocation) dies(n *node) bool { return a.next(n) == 1<<30 }

// free takes a register.
func (a *allocation) free() int {
	if i := slices.Index(a.owner, nil); i >= 0 {
		return i
	}
	victim := -1
	for i, n := range a.owner {
		if !a.pinned[i] && (victim < 0 || a.next(n) > a.next(a.owner[victim])) {
			victim = i
		}
	}
	n := a.owner[victim]
	if _, done := a.slot[n]; !done && n.op != opMemory {
		a.slot[n] = a.slots
		a.slots++
		a.spills++
		a.out(instruction{do: doStore, a: victim, b: place{in: inScratch, reg: a.slot[n]}})
	}
	delete(a.reg, n)
	a.owner[victim] = nil
	return victim
}

// register makes sure that the value is in a register and keeps it there for
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

func (a *allocation) memory(n *node) place {
	switch n.op {
	case opConst:
		return place{in: inTable, k: n}
	case opMemory:
		return place{in: inScratch, reg: n.imm}
	}
	return place{in: inScratch, reg: a.slot[n]}
}

// soon is how near a use must be for a spilled value to be loaded again.
const soon = 60

// operand is the value where it is, loaded if it is used again soon.
func (a *allocation) operand(n *node) place {
	_, here := a.reg[n]
	if n.op == opConst || n.op == opMemory && !here {
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

// release frees the registers of operands that are not used again.
func (a *allocation) release(n *node) {
	for _, arg := range n.args {
		if r, ok := a.reg[arg]; ok && a.dies(arg) {
			delete(a.reg, arg)
			a.owner[r] = nil
		}
	}
	clear(a.pinned)
}

func (a *allocation) emit(n *node) {
	i := instruction{imm: n.imm}
	switch n.op {
	case opStore:
		i.do, i.a, i.b = doStore, a.register(n.args[0]), place{in: inScratch, reg: n.imm}
		a.release(n)
		a.out(i)
		return
	case opRor, opShr, opShl:
		i.do = map[op]action{opRor: doRor, opShr: doShr, opShl: doShl}[n.op]
		if a.m.shiftsMemory {
			i.b = a.operand(n.args[0])
		} else {
			i.b = place{in: inRegister, reg: a.register(n.args[0])}
		}
	case opAdd, opXor, opAnd:
		i.do = map[op]action{opAdd: doAdd, opXor: doXor, opAnd: doAnd}[n.op]
		x, y := n.args[0], n.args[1]
		if a.away(x) && (!a.away(y) || y.op != opConst) {
			x, y = y, x
		}
		i.a = a.register(x)
		i.b = a.operand(y)
	case opTern:
		a.ternary(n)
		return
	}
	a.release(n)
	i.dst = a.free()
	a.reg[n], a.owner[i.dst] = i.dst, n
	a.out(i)
}

// ternary allocates the three-operand operation, which overwrites one of them:
// best one that is not needed any more.
func (a *allocation) ternary(n *node) {
	first, last := -1, 2 // which argument is overwritten, and which may be in memory
	var constants []int
	for j, arg := range n.args {
		if arg.op == opConst {
			constants = append(constants, j)
		}
	}
	switch len(constants) {
	case 1:
		last = constants[0]
	case 2:
		first, last = constants[0], constants[1]
	}
	if n.args[last].op != opConst {
		for j, arg := range n.args {
			if a.away(arg) && a.next(arg) > a.now+soon {
				last = j
			}
		}
	}
	for j, arg := range n.args {
		if j != last && arg.op != opConst {
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
			if arg.op != opConst && a.dies(arg) && !a.away(arg) {
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
			if first == last { // then another one has to go last
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

// permute is the truth table for the arguments in another order.
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
