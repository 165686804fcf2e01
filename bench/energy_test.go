package bench

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// counters makes a folder like /sys/class/powercap with two packages, a part of the
// first, the counter of the whole machine, and a second view of the first package.
func counters(t *testing.T) (dir string, set func(zone string, microjoules uint64)) {
	t.Helper()
	dir = t.TempDir()
	set = func(zone string, microjoules uint64) {
		write(t, filepath.Join(dir, zone, "energy_uj"), fmt.Sprintln(microjoules))
	}
	for zone, name := range map[string]string{
		"intel-rapl:0": "package-0", "intel-rapl:1": "package-1", "intel-rapl:0:0": "core", "intel-rapl:2": "psys",
		"intel-rapl-mmio:0": "package-0",
	} {
		write(t, filepath.Join(dir, zone, "name"), name+"\n")
		write(t, filepath.Join(dir, zone, "max_energy_range_uj"), "262143328850\n")
		set(zone, 1_000_000)
	}
	write(t, filepath.Join(dir, "intel-rapl", "enabled"), "1\n")
	return dir, set
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEnergy checks that the energy is that of the packages only, each counted once,
// and that a counter may wrap around.
func TestEnergy(t *testing.T) {
	dir, set := counters(t)
	e, err := OpenEnergy(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	e.now = func() time.Time { return now }
	if got := energyNote(e, nil).String(); got != "# energy: counters of package-0, package-1" {
		t.Error(got)
	}
	set("intel-rapl:1", 262_143_000_000) // 0.32885 J before its end
	m := e.start()
	for _, zone := range []string{"intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"} {
		set(zone, 999_000_000) // none of these counts
	}
	set("intel-rapl:0", 3_000_000)
	set("intel-rapl:1", 671_150) // wrapped around: 1 J in all
	now = now.Add(time.Minute)
	got := m.perHash(1000)
	if len(got) != 1 || got[0].Unit != "J/hash" || math.Abs(got[0].Value-0.003) > 1e-9 {
		t.Errorf("%v, want 3 J for 1000 hashes", got)
	}

	// After five minutes without a reading, 262 kJ may have been exceeded twice.
	m = e.start()
	set("intel-rapl:0", 4_000_000)
	now = now.Add(5 * time.Minute)
	if got := m.perHash(1000); got != nil {
		t.Errorf("%v, although the counter may have wrapped around twice", got)
	}

	// With readings in between, a long sample has its energy.
	m = e.start()
	for range 10 {
		now = now.Add(time.Minute)
		set("intel-rapl:0", 4_000_000+uint64(now.Unix())*1e6)
		m.tick()
	}
	want := float64(now.Unix())
	if got := m.perHash(1); len(got) != 1 || math.Abs(got[0].Value-want) > 1e-6 {
		t.Errorf("%v, want %v J", got, want)
	}

	// A counter that can no longer be read gives no value.
	m = e.start()
	if err := os.Remove(filepath.Join(dir, "intel-rapl:0", "energy_uj")); err != nil {
		t.Fatal(err)
	}
	if got := m.perHash(1); got != nil {
		t.Errorf("%v, although a counter is gone", got)
	}
	var none *Energy
	if m := none.start(); m.perHash(1) != nil {
		t.Error("a meter without counters has a value")
	}
}

// TestEnergyNotAvailable checks that the output says why there is no energy.
func TestEnergyNotAvailable(t *testing.T) {
	bad, _ := counters(t)
	write(t, filepath.Join(bad, "intel-rapl:0", "energy_uj"), "much\n")
	gone, _ := counters(t)
	if err := os.Remove(filepath.Join(gone, "intel-rapl:0", "energy_uj")); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for dir, want := range map[string]string{
		empty: "^# energy: not available: .* has no energy counter of a processor package$",
		bad:   `^# energy: not available: .*energy_uj: strconv.ParseUint: parsing "much": invalid syntax$`,
		gone:  "^# energy: not available: open .*energy_uj: no such file",
	} {
		e, err := OpenEnergy(dir)
		if got := energyNote(e, err).String(); err == nil || !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	closed, _ := counters(t)
	file := filepath.Join(closed, "intel-rapl:0", "energy_uj")
	if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(file); err == nil {
		t.Log("NOT TESTED: a counter that only root may read, since this is root")
	} else if _, err := OpenEnergy(closed); err == nil || !strings.HasSuffix(err.Error(), "permission denied; root may read it") {
		t.Error(err)
	}
}

// TestPlanMeasuresEnergy checks that a run reports joules for each hash where there are
// counters, and otherwise says that they are not available.
func TestPlanMeasuresEnergy(t *testing.T) {
	dir, set := counters(t)
	run := func(dir string) string {
		var out bytes.Buffer
		plan := Plan{rounds: 1, Time: 1, Slice: 1, powercap: dir, Sweep: Sweep{Zeros: []int{8}, Workers: []int{1}, Kernels: []string{"minio"}}}
		if err := plan.Run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if text := run(dir); strings.Contains(text, "J/hash") || !strings.Contains(text, "\n# energy: counters of package-0, package-1\n") {
		t.Errorf("counters that stand still:\n%s", text)
	}
	if text := run(t.TempDir()); strings.Contains(text, "J/hash") || !strings.Contains(text, "\n# energy: not available: ") {
		t.Errorf("without counters:\n%s", text)
	}

	e, err := OpenEnergy(dir)
	if err != nil {
		t.Fatal(err)
	}
	one := Sweep{Zeros: []int{8}, Workers: []int{1}, Kernels: []string{"minio"}}.Cases(Config{Energy: e})[0]
	start := one.Start
	one.Start = func() (*Run, error) {
		run, err := start()
		set("intel-rapl:0", 5_000_000) // four joules after the sample has begun
		return run, err
	}
	one.Ops = 16
	r, err := one.Measure(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if perHash, ok := r.Value("J/hash"); !ok || perHash <= 0 || perHash > 4./16 {
		t.Errorf("%+v, want four joules for the hashes of 16 searches", r.Values)
	}
}
