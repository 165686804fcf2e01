package bench

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// powercap is the folder in which Linux shows the energy counters of the processor.
const powercap = "/sys/class/powercap"

// Energy reads the energy counters (RAPL) of the processor's packages. A counter
// includes everything in its package: all cores, also those that other programs use,
// and the idle power.
type Energy struct {
	packages []energyPackage
	now      func() time.Time
}

// energyPackage is the counter of one processor package.
type energyPackage struct {
	name string
	file string  // has the count in microjoules
	wrap float64 // the count starts again from 0 after this many microjoules
}

// maxWatts is more than any processor package takes. From it follows for how long a
// counter certainly does not wrap around twice.
const maxWatts = 1000

// OpenEnergy opens the counters below a folder, usually /sys/class/powercap. The error
// says why they are not available; on most systems only root may read them, and
// virtual machines have none.
func OpenEnergy(dir string) (*Energy, error) {
	zones, err := filepath.Glob(filepath.Join(dir, "intel-rapl:*")) // AMD's have the same name
	if err != nil {
		return nil, err
	}
	// A name with two colons is a part of a package, such as its cores or its memory
	// controller, whose energy the package's counter includes.
	whole := regexp.MustCompile(`^intel-rapl:[0-9]+$`)
	e := &Energy{now: time.Now}
	for _, zone := range zones {
		if !whole.MatchString(filepath.Base(zone)) {
			continue
		}
		name, err := os.ReadFile(filepath.Join(zone, "name"))
		if err != nil {
			return nil, err
		}
		p := energyPackage{name: strings.TrimSpace(string(name)), file: filepath.Join(zone, "energy_uj")}
		if !strings.HasPrefix(p.name, "package") {
			continue // psys is the whole machine and includes the packages
		}
		if p.wrap, err = readNumber(filepath.Join(zone, "max_energy_range_uj")); err != nil {
			return nil, err
		}
		_, err = readNumber(p.file)
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("%w; root may read it", err)
		}
		if err != nil {
			return nil, err
		}
		e.packages = append(e.packages, p)
	}
	if len(e.packages) == 0 {
		return nil, fmt.Errorf("%s has no energy counter of a processor package", dir)
	}
	return e, nil
}

// energyNote returns the note that says which counters are read, or why none are.
func energyNote(e *Energy, err error) Note {
	if err != nil {
		return Note{"energy", "not available: " + err.Error()}
	}
	var names []string
	for _, p := range e.packages {
		names = append(names, p.name)
	}
	return Note{"energy", "counters of " + strings.Join(names, ", ")}
}

func readNumber(file string) (float64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return float64(n), nil
}

// energyMeter adds up the energy from its start on. A nil meter measures nothing.
type energyMeter struct {
	*Energy
	last   []float64
	at     time.Time // when last was read
	joules float64   // NaN once the energy is not known
}

// start begins to measure. A nil Energy returns a nil meter.
func (e *Energy) start() *energyMeter {
	if e == nil {
		return nil
	}
	m := &energyMeter{Energy: e, last: make([]float64, len(e.packages))}
	m.read(func(i int, count float64) { m.last[i] = count })
	return m
}

// tick reads the counters if they have not been read for a second, so that they do
// not wrap around twice between two readings of a long sample.
func (m *energyMeter) tick() {
	if m != nil && m.now().Sub(m.at) >= time.Second {
		m.update()
	}
}

// update adds the energy since the last reading.
func (m *energyMeter) update() {
	before := m.at
	m.read(func(i int, count float64) {
		taken := count - m.last[i]
		if taken < 0 {
			taken += m.packages[i].wrap
		}
		if m.at.Sub(before).Seconds() > m.packages[i].wrap/1e6/maxWatts {
			taken = math.NaN() // the counter may have wrapped around more than once
		}
		m.joules += taken / 1e6
		m.last[i] = count
	})
}

func (m *energyMeter) read(each func(i int, count float64)) {
	m.at = m.now()
	for i, p := range m.packages {
		count, err := readNumber(p.file)
		if err != nil {
			m.joules = math.NaN()
			return
		}
		each(i, count)
	}
}

// perHash returns the metric of the energy for one hash, or none if it is not known.
func (m *energyMeter) perHash(hashes uint64) []Metric {
	if m == nil || hashes == 0 {
		return nil
	}
	m.update()
	if !(m.joules > 0) { // also NaN
		return nil
	}
	return []Metric{{m.joules / float64(hashes), "J/hash"}}
}
