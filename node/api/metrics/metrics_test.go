package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/api"
)

func newAPI(t *testing.T) *api.API {
	t.Helper()
	c, err := chain.Open(chain.Config{Params: rules.Lab(), Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	a := api.New(api.Config{Chain: c})
	t.Cleanup(a.Close)
	return a
}

func do(t *testing.T, a *api.API, method, target, body string) {
	t.Helper()
	a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)))
}

type labels struct{ route, method, code string }

// gather returns the number of requests and of measured durations by label.
func gather(t *testing.T, reg prometheus.Gatherer) (requests map[labels]float64, durations map[labels]uint64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	requests, durations = map[labels]float64{}, map[labels]uint64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var l labels
			for _, pair := range m.GetLabel() {
				switch pair.GetName() {
				case "route":
					l.route = pair.GetValue()
				case "method":
					l.method = pair.GetValue()
				case "code":
					l.code = pair.GetValue()
				}
			}
			switch family.GetName() {
			case "lode_http_requests_total":
				requests[l] = m.GetCounter().GetValue()
			case "lode_http_request_duration_seconds":
				durations[l] = m.GetHistogram().GetSampleCount()
			}
		}
	}
	return requests, durations
}

// TestRegister counts requests by route, method and status.
func TestRegister(t *testing.T) {
	a, reg := newAPI(t), prometheus.NewPedanticRegistry()
	if err := Register(reg, a); err != nil {
		t.Fatal(err)
	}
	do(t, a, http.MethodPost, "/new_transaction", `{"author":"ann","content":"x"}`)
	do(t, a, http.MethodPost, "/new_transaction", "")
	do(t, a, http.MethodGet, "/blocks/1", "")
	do(t, a, http.MethodGet, "/blocks/2", "")
	do(t, a, http.MethodGet, "/some/path", "")
	do(t, a, http.MethodHead, "/events", "")
	do(t, a, "BREW", "/status", "")
	do(t, a, "STEEP", "/status", "")
	requests, durations := gather(t, reg)
	for l, want := range map[labels]float64{
		{"/new_transaction", "POST", "201"}: 1,
		{"/new_transaction", "POST", "400"}: 1,
		{"/blocks/{id}", "GET", "404"}:      2,
		{"/blocks/{id}", "GET", "200"}:      0,
		{"other", "GET", "404"}:             1,
		{"/events", "HEAD", "200"}:          1,
		{"/events", "GET", "200"}:           0,
		{"/status", "other", "405"}:         2,
		{"/mine", "POST", "200"}:            0,
	} {
		if got, ok := requests[l]; !ok || got != want {
			t.Errorf("%v: %v, want %v", l, got, want)
		}
	}
	for l, count := range requests {
		got, measured := durations[l]
		if want := count > 0 && l.route != "/events"; measured != want || measured && got != uint64(count) {
			t.Errorf("%v: %d durations are measured (%v) of %v requests; those of event streams are not, and a route that is not used has none", l, got, measured, count)
		}
	}
	for _, name := range []string{"lode_http_requests_in_flight", "lode_http_event_streams"} {
		if count, err := testutil.GatherAndCount(reg, name); err != nil || count != 1 {
			t.Errorf("%s has %d series, %v", name, count, err)
		}
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// TestRegisterTwice checks that a second registration is refused and attaches no
// observer.
func TestRegisterTwice(t *testing.T) {
	a, reg := newAPI(t), prometheus.NewRegistry()
	if err := Register(reg, a); err != nil {
		t.Fatal(err)
	}
	if err := Register(reg, a); err == nil {
		t.Error("an API is registered twice in a registry")
	}
	do(t, a, http.MethodGet, "/healthz", "")
	requests, _ := gather(t, reg)
	if got := requests[labels{"/healthz", "GET", "200"}]; got != 1 {
		t.Errorf("one request counts as %v", got)
	}
}
