package main

import "github.com/mmcloughlin/avo/reg"

// machine describes an instruction set, and the processors that run its kernels.
type machine struct {
	name      string // prefix of Go names
	title     string // for comments
	lanes     int    // of a vector
	registers int
	ternary   bool // a function of three bits is one operation, and so is a rotation

	broadcasts   bool // an operand may be one word in memory that is broadcast to all lanes
	shiftsMemory bool // the operand of a shift may be in memory

	// Parameters of schedule, for code outside of loops.
	perCycle int // operations in a cycle
	shifts   int // rotations and shifts among them
	window   int // operations that it looks ahead
	alive    int // limit of values that wait for a use

	streams  int     // vectors of nonces that a pass hashes side by side
	straight int     // the same in code outside of loops
	cold     [8]bool // words of the state that are in memory in a loop, not in registers
	rings    [2]bool // whether a loop keeps the last values of a, and of e, in memory
}

func machines() []*machine {
	return []*machine{
		{
			name: "avx512", title: "AVX-512",
			lanes: 16, registers: 32, ternary: true, broadcasts: true, shiftsMemory: true,
			perCycle: 2, shifts: 1, window: 40, alive: 26,
			streams: 4, straight: 2, cold: [8]bool{2: true, 3: true}, rings: [2]bool{true, false},
		},
		{
			name: "avx2", title: "AVX2",
			lanes: 8, registers: 16,
			perCycle: 3, shifts: 2, window: 1, alive: 14,
			streams: 2, straight: 2, cold: [8]bool{1: true, 2: true, 3: true, 6: true, 7: true}, rings: [2]bool{true, true},
		},
	}
}

// stateRegisters returns the number of registers that hold the state of a hash between
// two parts. Without a ternary operation, there is one more than those of the words; see maj.
func (m *machine) stateRegisters() (n int) {
	for _, cold := range m.cold {
		if !cold {
			n++
		}
	}
	if !m.ternary {
		n++
	}
	return n
}

// vectorsOfGroup says in words how many vectors a group is.
func (m *machine) vectorsOfGroup() string {
	return map[int]string{2: "two vectors", 4: "four vectors"}[m.streams]
}

// vectorBytes returns the size of a register in bytes.
func (m *machine) vectorBytes() int { return 4 * m.lanes }

// constantBytes returns the size of a constant in the table: one word if it is
// broadcast, otherwise a word for each lane.
func (m *machine) constantBytes() int {
	if m.broadcasts {
		return 4
	}
	return m.vectorBytes()
}

// vector returns register i in its full width.
func (m *machine) vector(i int) reg.VecPhysical {
	x := [...]reg.VecPhysical{
		reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7,
		reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13, reg.X14, reg.X15,
		reg.X16, reg.X17, reg.X18, reg.X19, reg.X20, reg.X21, reg.X22, reg.X23,
		reg.X24, reg.X25, reg.X26, reg.X27, reg.X28, reg.X29, reg.X30, reg.X31,
	}[i]
	if m.lanes == 16 {
		return x.AsZ().(reg.VecPhysical)
	}
	return x.AsY().(reg.VecPhysical)
}
