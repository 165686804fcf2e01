package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/pow"
)

// Note is a remark in a file of results, written as the line "# Key: Value".
// benchstat ignores such lines; as configuration lines, they would keep it from
// comparing runs, since values such as the date always differ. Package report
// reads them.
type Note struct{ Key, Value string }

// String returns the note as a line, without the newline.
func (n Note) String() string { return "# " + n.Key + ": " + n.Value }

// Describe returns notes about the machine and its state before the benchmarks:
// the date, versions, processor, kernels, cores, measured clock and load.
func Describe(ctx context.Context, now time.Time) []Note {
	cpu, features := pow.CPU()
	var kernels []string
	for _, k := range pow.Kernels() {
		if missing(k) == "" {
			kernels = append(kernels, k.Name())
		}
	}
	notes := []Note{
		{"date", now.UTC().Format(time.RFC3339)},
		{"go", runtime.Version()},
		{"system", system()},
		{"processor", cpu},
		{"features", strings.Join(features, " ")},
		{"kernels", strings.Join(kernels, " ")},
		{"cores", fmt.Sprintf("%d, of %d in the machine", runtime.GOMAXPROCS(0), runtime.NumCPU())},
	}
	if c := Clock()[0]; c.Skip == "" {
		if r, err := c.Measure(ctx, calibration); err == nil {
			hz, _ := r.Value("Hz")
			notes = append(notes, Note{"clock", fmt.Sprintf("%.2f GHz, measured", hz/1e9)})
		}
	}
	if load := loadAverage(); load != "" {
		notes = append(notes, Note{"load before", load})
	}
	return notes
}

func system() string {
	name := runtime.GOOS + "/" + runtime.GOARCH
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		name += " " + strings.TrimSpace(string(release))
	}
	return name
}

// loadAverage returns the load average of the last minute: the number of processes
// that were running or ready to run. It returns "" on a system without
// /proc/loadavg.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

// cpuTimes holds the time that all cores together have spent since the system
// started, in clock ticks.
type cpuTimes struct{ idle, steal, total uint64 }

// readCPUTimes reads the times from Linux. It returns false on other systems.
func readCPUTimes() (t cpuTimes, ok bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t, false
	}
	return parseCPUTimes(data)
}

// parseCPUTimes parses the first line of /proc/stat (see proc(5)): user, nice,
// system, idle, iowait, irq, softirq, steal. It ignores the fields after these,
// guest and guest_nice, because user and nice already include them.
func parseCPUTimes(data []byte) (t cpuTimes, ok bool) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 9 || fields[0] != "cpu" {
		return t, false
	}
	for i, field := range fields[1:9] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return cpuTimes{}, false
		}
		t.total += n
		switch i {
		case 3, 4: // a core that waits for a disk (iowait) is idle too
			t.idle += n
		case 7:
			t.steal = n
		}
	}
	return t, true
}

// stolen returns the share of the time that the hypervisor gave to other virtual
// machines although a core of this one was ready to run.
func stolen(before, after cpuTimes) float64 {
	if after.total <= before.total {
		return 0
	}
	return float64(after.steal-before.steal) / float64(after.total-before.total)
}

// ownTicks returns the processor time that this process has used, in clock ticks.
// It returns false on a system without /proc/self/stat.
func ownTicks() (ticks uint64, ok bool) {
	data, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	return parseOwnTicks(string(data))
}

// parseOwnTicks parses /proc/self/stat (see proc(5)) and returns the sum of utime
// and stime, the 12th and 13th fields after the program's name. The name is in
// parentheses and may itself contain parentheses and spaces.
func parseOwnTicks(stat string) (ticks uint64, ok bool) {
	end := strings.LastIndex(stat, ") ")
	if end < 0 {
		return 0, false
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err := strconv.ParseUint(fields[11], 10, 64)
	system, err2 := strconv.ParseUint(fields[12], 10, 64)
	return user + system, err == nil && err2 == nil
}

// watch starts to observe how the cores are used. The returned function reports
// the share of the cores' time that has since gone to other processes or to the
// hypervisor. It reports 0 on a system that does not tell.
func watch() (others func() float64) {
	before, ok := readCPUTimes()
	own, ok2 := ownTicks()
	return func() float64 {
		after, ok3 := readCPUTimes()
		ownAfter, ok4 := ownTicks()
		total := float64(after.total) - float64(before.total)
		if !ok || !ok2 || !ok3 || !ok4 || total <= 0 {
			return 0
		}
		idle := float64(after.idle) - float64(before.idle)
		return max(0, total-idle-float64(ownAfter-own)) / total
	}
}
