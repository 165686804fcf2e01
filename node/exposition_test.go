package node

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/rules"
)

// expositionFile lists every metric that a node exports: the HELP and TYPE lines
// and each series with its labels and buckets, without the values.
const expositionFile = "testdata/metrics.txt"

// TestExposition compares the metrics of a node that has just started with the
// golden file. Dashboards and alerts refer to names and labels, and a rate needs
// a series that has been 0 before, so a line that is missing or different is a
// break. A new line has to be added to the file.
func TestExposition(t *testing.T) {
	params, err := rules.Tutorial(2)
	if err != nil {
		t.Fatal(err)
	}
	n := startLive(t, Config{Params: params, Version: "v0"})
	status, text := n.call(http.MethodGet, "/metrics", "")
	if status != http.StatusOK {
		t.Fatalf("/metrics answered %d: %s", status, text)
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "process_start_time_seconds"} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("%s is not exported", name)
		}
	}
	got := exposition(text)
	golden, err := os.ReadFile(expositionFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(golden), "\n"), "\n")
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("not exported any more:\n%s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("not listed in %s:\n%s", expositionFile, line)
		}
	}
	if !t.Failed() && !slices.Equal(got, want) {
		t.Errorf("%s has the right lines in another order, or some of them twice", expositionFile)
	}
}

// machineLabels matches the labels whose values depend on the CPU.
var machineLabels = regexp.MustCompile(`\b(kernel|lanes)="[^"]*"`)

// exposition returns the lines of Lode's own metrics, without their values.
func exposition(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if !strings.HasPrefix(name, "lode_") {
			continue
		}
		if name == line { // a sample: the value follows the last space
			line = line[:strings.LastIndexByte(line, ' ')]
			line = machineLabels.ReplaceAllString(line, `$1="*"`)
		}
		lines = append(lines, line)
	}
	return lines
}
