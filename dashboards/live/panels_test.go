package live

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/dashboards"
)

// rightlyEmpty lists the panels whose queries return nothing in the story of TestLive,
// each with the reason.
var rightlyEmpty = map[string]string{
	"lode-network: Bans, per hour": "nobody breaks the protocol",

	"lode-stratum: Shares refused":                              noMiner,
	"lode-stratum: From a new tip to the miners":                noMiner,
	"lode-stratum: Hash rate and its interval":                  noMiner,
	"lode-stratum: Difficulty of the sessions":                  noMiner,
	"lode-stratum: Shares of a session, per minute":             noMiner,
	"lode-stratum: Changes of difficulty, per session and hour": noMiner,
}

const noMiner = "no miner is connected, see TestLiveMiners"

// whyEmpty returns why a panel is rightly empty in the story of TestLive, or "".
func whyEmpty(d dashboards.Dashboard, p dashboards.Panel) string {
	if d.UID == "lode-pool" {
		return "no machine runs lode mine, see TestLiveMiners"
	}
	return rightlyEmpty[d.UID+": "+p.Title]
}

// checkPanels runs every query of every panel for a job, between two times. Each must
// return data unless there is a reason why not, and series of the same panel must have
// different names.
func checkPanels(t *testing.T, prom *Prometheus, job string, from, to time.Time, all []dashboards.Dashboard, whyEmpty func(dashboards.Dashboard, dashboards.Panel) string) {
	t.Helper()
	variables := strings.NewReplacer("$job", job, "$instance", ".*", "$__rate_interval", "4m", "$__range", "10m")
	for _, d := range all {
		for _, p := range d.Layout() {
			name, why, withData := d.UID+": "+p.Panel.Title, whyEmpty(d, p.Panel), 0
			for _, q := range p.Panel.Queries {
				// Leave out the end of the query that makes it return zeros rather than
				// nothing (see orNone in package dashboards).
				expr, _, _ := strings.Cut(q.Expr, " or on () label_replace(")
				found, err := prom.QueryRange(t.Context(), variables.Replace(expr), from, to, 5*time.Second)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				points, labels := 0, 0
				for _, series := range found {
					labels = max(labels, len(series.Labels))
					for _, pt := range series.Points {
						if !math.IsNaN(pt.Value) {
							points++
						}
					}
				}
				switch {
				case points > 0:
					withData++
				case why == "":
					t.Errorf("%s: no data: %s", name, q.Expr)
				default:
					t.Logf("%s is rightly empty, because %s", name, why)
				}
				if labels > 0 && p.Panel.Kind != dashboards.Stat && q.Legend != "" && !strings.Contains(q.Legend, "{{") && len(found) > 1 {
					t.Errorf("%s: %d series have the same name %q", name, len(found), q.Legend)
				}
			}
			if why != "" && withData > 0 && withData == len(p.Panel.Queries) {
				t.Errorf("%s has data, although %s", name, why)
			}
		}
	}
}
