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

// TestExposition compares the metrics of a node that has answered one request with
// the golden file. Dashboards and alerts refer to names and labels, and a rate needs
// a series that has been 0 before, so a line that is missing or different is a
// break. A new line has to be added to the file.
func TestExposition(t *testing.T) {
	params, err := rules.Tutorial(2)
	if err != nil {
		t.Fatal(err)
	}
	n := startLive(t, Config{Params: params, Version: "v0 commit 123456789abc go1.2 linux/amd64"})
	if status, text := n.call(http.MethodGet, "/healthz", ""); status != http.StatusOK {
		t.Fatalf("/healthz answered %d: %s", status, text)
	}
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

// formerSeries is how many series of Lode's own a new node exported when it had the
// durations of all routes, used or not.
const formerSeries = 914

// A Prometheus pays for every series, so a new node exports at most half of what it
// exported formerly, and none for the durations of routes that nobody has used. Counters
// are there from the start, so that their rates begin at 0.
func TestNewNodeExportsFewSeries(t *testing.T) {
	n := startLive(t, Config{Params: rules.Lab()})
	_, text := n.call(http.MethodGet, "/metrics", "")
	series := 0
	for _, line := range exposition(text) {
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "lode_http_request_duration_"), strings.HasPrefix(line, "lode_peer_request_duration_"):
			t.Errorf("nobody has used this route: %s", line)
		}
		series++
	}
	if series > formerSeries/2 {
		t.Errorf("a new node exports %d series, want at most %d", series, formerSeries/2)
	}
	if !strings.Contains(text, "\n"+`lode_http_requests_total{code="200",method="GET",route="/chain"} 0`+"\n") {
		t.Error("requests are not counted from 0")
	}
	_, text = n.call(http.MethodGet, "/metrics", "")
	if got := strings.Count(text, "\nlode_http_request_duration_seconds_count{"); got != 1 {
		t.Errorf("the durations of %d routes are exported, want 1, that of /metrics", got)
	}
}

// machineLabels matches the labels whose values depend on the machine and the build.
var machineLabels = regexp.MustCompile(`\b(kernel|lanes|revision|goversion|goos|goarch)="[^"]*"`)

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
