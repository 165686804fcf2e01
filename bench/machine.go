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

// Note is a remark in a file of results, written "# Key: Value". benchstat passes
// over it, so that what differs between any two runs does not keep it from
// comparing them; the report reads it.
type Note struct{ Key, Value string }

// String returns the line, without its end.
func (n Note) String() string { return "# " + n.Key + ": " + n.Value }

// Describe returns what is to know about the machine before measuring.
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

// loadAverage returns how many wanted to run, on average over the last minute;
// "" where the system does not say.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

// cpuTimes are in ticks since the system started, of all cores together.
type cpuTimes struct{ idle, steal, total uint64 }

// readCPUTimes reads them from Linux; ok is false where there are none.
func readCPUTimes() (t cpuTimes, ok bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t, false
	}
	return parseCPUTimes(data)
}

// parseCPUTimes reads the first line of /proc/stat (proc(5)): user, nice, system,
// idle, iowait, irq, softirq, steal; what follows is part of user and nice.
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
		case 3, 4: // waiting for a disk is idle too
			t.idle += n
		case 7:
			t.steal = n
		}
	}
	return t, true
}

// stolen returns the share of time in which a core wanted to run and the machine
// under this one ran something else.
func stolen(before, after cpuTimes) float64 {
	if after.total <= before.total {
		return 0
	}
	return float64(after.steal-before.steal) / float64(after.total-before.total)
}

// ownTicks returns the processor time of this process, in the ticks of
// readCPUTimes; ok is false where the system does not say.
func ownTicks() (ticks uint64, ok bool) {
	data, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	return parseOwnTicks(string(data))
}

// parseOwnTicks reads /proc/self/stat (proc(5)): after the name, which stands in
// parentheses, utime and stime are the 12th and the 13th.
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

// watch begins to watch the cores. The returned function says which share of
// their time has gone to others since, the machine under this one included; 0
// where the system does not say.
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
