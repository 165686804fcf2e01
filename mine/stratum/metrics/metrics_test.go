package metrics

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// idle is a source that has no work.
type idle struct{}

func (idle) Offer() (mine.Offer, error) { return mine.NewLifetime().Offer(nil), nil }

func (idle) Submit(context.Context, mine.Solution) (mine.Outcome, error) { return mine.Accepted, nil }

// All series exist from the start, so that their rates begin at 0.
func TestExposition(t *testing.T) {
	s, err := server.New(server.Config{Source: idle{}})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := Register(reg, s); err != nil {
		t.Fatal(err)
	}
	if err := Register(reg, s); err == nil {
		t.Error("a server was registered twice")
	}
	want := `
# HELP lode_stratum_shares_total Shares that miners have submitted, by what became of them.
# TYPE lode_stratum_shares_total counter
lode_stratum_shares_total{outcome="accepted"} 0
lode_stratum_shares_total{outcome="duplicate"} 0
lode_stratum_shares_total{outcome="low"} 0
lode_stratum_shares_total{outcome="malformed"} 0
lode_stratum_shares_total{outcome="stale"} 0
lode_stratum_shares_total{outcome="time"} 0
lode_stratum_shares_total{outcome="unauthorized"} 0
lode_stratum_shares_total{outcome="version"} 0
# HELP lode_stratum_sessions Connections of miners that are open.
# TYPE lode_stratum_sessions gauge
lode_stratum_sessions 0
# HELP lode_stratum_job_age_seconds Age of the work that the miners search; 0 if there is none.
# TYPE lode_stratum_job_age_seconds gauge
lode_stratum_job_age_seconds 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "lode_stratum_shares_total", "lode_stratum_sessions", "lode_stratum_job_age_seconds"); err != nil {
		t.Error(err)
	}
	for name, series := range map[string]int{
		"lode_stratum_sessions_closed_total": len(server.Reasons()),
		"lode_stratum_blocks_total":          len(mine.Outcomes()),
		"lode_stratum_jobs_total":            1,
		"lode_stratum_difficulties_total":    1,
		"lode_stratum_workers":               1,
		"lode_stratum_hash_rate":             1,
		"lode_stratum_hash_rate_low":         0, // until there are shares
		"lode_stratum_hash_rate_high":        0,
		"lode_stratum_difficulty":            3,
		"lode_stratum_new_tip_seconds":       1,
	} {
		if got, err := testutil.GatherAndCount(reg, name); got != series || err != nil {
			t.Errorf("%s has %d series (%v), want %d", name, got, err, series)
		}
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}
