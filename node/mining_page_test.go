package node

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// TestMiningPageAgreesWithMetrics reads the page of the mining while a search goes on that
// never ends. The hashes of its workers are as many as lode_hashes_total says, which is read
// before and after the page. Then it switches the search off, after which both say the same.
func TestMiningPageAgreesWithMetrics(t *testing.T) {
	p, err := rules.Tutorial(20)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), Config{Params: p, Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(t.Context()) }()
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ran; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}()
	hashes := func() float64 { return sumOf(t, getFrom(t, n, "/metrics"), "lode_hashes_total", "") }
	eventually := func(ok func() bool, what string) {
		t.Helper()
		for limit := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("not within two minutes: %s", what)
			}
		}
	}
	// check reads the page, which must show the state and as many hashes as the metric counts.
	check := func(state string) {
		t.Helper()
		eventually(func() bool {
			return strings.Contains(getFrom(t, n, "/mining"), `<span data-field="state">`+state+`</span>`)
		}, state)
		from := hashes()
		shown, workers := hashesOnPage(t, getFrom(t, n, "/mining"))
		to := hashes()
		// The page has three digits of each number.
		if workers != 2 || shown < 0.995*from || shown > 1.005*to {
			t.Errorf("%s: %d workers have done %v hashes, and lode_hashes_total went from %v to %v", state, workers, shown, from, to)
		}
	}
	if text := postTo(t, n, "/miner", `{"mode":"continuous"}`); text != "Mining mode: continuous" {
		t.Fatal(text)
	}
	eventually(func() bool { return hashes() > 0 }, "hashes")
	check("Searching")
	if text := postTo(t, n, "/miner", `{"mode":"off"}`); text != "Mining mode: off" {
		t.Fatal(text)
	}
	check("Not searching")
	if hashes() == 0 {
		t.Error("nothing was hashed")
	}
}

var workerRow = regexp.MustCompile(`<tr data-id="worker-.*<td class="num">([0-9.]+)( [kMGTP])?</td></tr>`)

// hashesOnPage returns the sum of the hashes that the table of workers shows, and how many
// workers it has.
func hashesOnPage(t *testing.T, page string) (sum float64, workers int) {
	t.Helper()
	for _, row := range workerRow.FindAllStringSubmatch(page, -1) {
		f, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += f * map[string]float64{"": 1, " k": 1e3, " M": 1e6, " G": 1e9, " T": 1e12, " P": 1e15}[row[2]]
		workers++
	}
	return sum, workers
}
