package pow

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// Kernel is an implementation of the inner loop that hashes nonces. [Kernels]
// returns all of them. The zero value cannot be used.
type Kernel struct {
	name    string
	about   string
	lanes   int
	chunk   int
	missing []string // CPU features; empty if the kernel can run here
	scan    sha256d.ScanFunc

	versions int            // see [Kernel.Versions]
	measured sha256d.Cycles // what a hash takes on processors of this family, if known
}

// Name returns the name that selects the kernel and labels its measurements.
func (k Kernel) Name() string { return k.name }

// About returns a short description of how the kernel works.
func (k Kernel) About() string { return k.about }

// Lanes returns the number of hashes that the kernel computes side by side.
func (k Kernel) Lanes() int { return k.lanes }

// Chunk returns the number of hashes that a worker claims at a time. They take one
// core at most 0.4 ms.
func (k Kernel) Chunk() int { return k.chunk }

// Versions returns the number of versions of the jobs that the kernel is made for: one,
// unless it is one that saves work when a job has many.
func (k Kernel) Versions() int { return k.versions }

// ExpectedCycles returns the number of cycles of one core that a hash of such a job takes
// on processors of this family, as somebody has measured it. It is 0 if nobody has; see
// docs/kernels.md.
func (k Kernel) ExpectedCycles() float64 { return k.measured.In(k.versions) }

// Missing returns the CPU features that the kernel needs and this CPU lacks. The
// kernel can run if there are none.
func (k Kernel) Missing() []string { return slices.Clone(k.missing) }

// Kernels returns all kernels, in order of preference on this CPU. They include
// the kernels that cannot run here; see [Kernel.Missing].
func Kernels() []Kernel {
	cpu := sha256d.DetectCPU()
	var table []Kernel
	for _, row := range sha256d.Kernels(cpu) {
		k := Kernel{
			name: row.Name, about: row.About, lanes: row.Lanes, chunk: row.Chunk, scan: row.Scan,
			versions: max(row.Versions, 1), measured: cpu.Measured[row.Name],
		}
		for _, f := range row.Needs {
			if !cpu.Has(f) {
				k.missing = append(k.missing, string(f))
			}
		}
		table = append(table, k)
	}
	return table
}

// CPU returns the name of the processor, and which of the features that matter to
// kernels it has.
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

// Choose returns the kernel with the given name. If the name is empty, it returns
// the first of [Kernels] that this CPU can run and that passes its self-test. why
// explains the choice in a few words, for logs and reports.
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

	var passedOver []string
	for _, k := range table {
		err := k.SelfTest()
		if err == nil {
			why = "the first of the table that this CPU can run"
			if len(passedOver) > 0 {
				why += "; passed over: " + strings.Join(passedOver, "; ")
			}
			return k, why, nil
		}
		passedOver = append(passedOver, err.Error())
	}
	return Kernel{}, "", errors.New("no kernel works here: " + strings.Join(passedOver, "; "))
}

func names(table []Kernel) string {
	var all []string
	for _, k := range table {
		all = append(all, k.name)
	}
	return strings.Join(all, ", ")
}
