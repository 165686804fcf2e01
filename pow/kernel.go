package pow

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// Kernel is a way to scan nonces, one row of the table [Kernels]. The zero
// value is no kernel.
type Kernel struct {
	name    string
	about   string
	lanes   int
	chunk   int
	missing []string
	scan    sha256d.ScanFunc
}

// Name returns the name by which the kernel is chosen and measured.
func (k Kernel) Name() string { return k.name }

// About says in a few words what the kernel is made of.
func (k Kernel) About() string { return k.about }

// Lanes returns the number of hashes computed side by side.
func (k Kernel) Lanes() int { return k.lanes }

// Chunk returns how many hashes a worker claims at a time, worth at most
// 0.4 ms of one core.
func (k Kernel) Chunk() int { return k.chunk }

// Missing names the features that the kernel needs and this CPU lacks. A kernel
// that misses any cannot run.
func (k Kernel) Missing() []string { return slices.Clone(k.missing) }

// Kernels returns the table, in order of preference on this CPU. It includes
// the kernels that cannot run here; see [Kernel.Missing].
func Kernels() []Kernel {
	cpu := sha256d.DetectCPU()
	var table []Kernel
	for _, row := range sha256d.Kernels(cpu) {
		k := Kernel{name: row.Name, about: row.About, lanes: row.Lanes, chunk: row.Chunk, scan: row.Scan}
		for _, f := range row.Needs {
			if !cpu.Has(f) {
				k.missing = append(k.missing, string(f))
			}
		}
		table = append(table, k)
	}
	return table
}

// CPU returns the name of the processor and those of its features that kernels
// ask about.
func CPU() (name string, features []string) {
	cpu := sha256d.DetectCPU()
	for _, f := range cpu.Features {
		features = append(features, string(f))
	}
	if cpu.Name == "" {
		cpu.Name = runtime.GOARCH
	}
	return cpu.Name, features
}

// Choose returns the kernel of that name or, for the empty name, the first of
// the table that this CPU can run and that passes its self-test. why says in a
// sentence how the choice came about.
func Choose(name string) (k Kernel, why string, err error) {
	return choose(Kernels(), name)
}

func choose(table []Kernel, name string) (k Kernel, why string, err error) {
	if name != "" {
		for _, k := range table {
			if k.name == name {
				return k, "asked for by name", k.SelfTest()
			}
		}
		return Kernel{}, "", fmt.Errorf("no kernel is called %q: choose one of %s", name, names(table))
	}

	var passed []string
	for _, k := range table {
		err := k.SelfTest()
		if err == nil {
			why = "the first of the table that this CPU can run"
			if len(passed) > 0 {
				why += "; passed over: " + strings.Join(passed, "; ")
			}
			return k, why, nil
		}
		passed = append(passed, err.Error())
	}
	return Kernel{}, "", errors.New("no kernel works here: " + strings.Join(passed, "; "))
}

func names(table []Kernel) string {
	var all []string
	for _, k := range table {
		all = append(all, k.name)
	}
	return strings.Join(all, ", ")
}
