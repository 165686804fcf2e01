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
	"lode-network: Bans, per hour":               "nobody breaks the protocol",
	"lode-stratum: Shares refused":               "no miner is connected",
	"lode-stratum: From a new tip to the miners": "no miner is connected",
}

// checkPanels runs every query of every panel over the whole story. Each must return
// data, and series of the same panel must have different names.
func (s *story) checkPanels(t *testing.T) {
	variables := strings.NewReplacer("$job", "lode", "$instance", ".*", "$__rate_interval", "4m", "$__range", "10m")
	for _, d := range dashboards.All() {
		for _, p := range d.Layout() {
			for _, q := range p.Panel.Queries {
				name := d.UID + ": " + p.Panel.Title
				// Leave out the end of the query that makes it return zeros rather than
				// nothing (see orNone in package dashboards).
				expr, _, _ := strings.Cut(q.Expr, " or on () label_replace(")
				found, err := s.QueryRange(t.Context(), variables.Replace(expr), s.begun, s.stilled, 5*time.Second)
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
				switch why := rightlyEmpty[name]; {
				case points == 0 && why == "":
					t.Errorf("%s: no data: %s", name, q.Expr)
				case points > 0 && why != "":
					t.Errorf("%s has data, although %s", name, why)
				case points == 0:
					t.Logf("%s is rightly empty, because %s", name, why)
				}
				if labels > 0 && p.Panel.Kind != dashboards.Stat && q.Legend != "" && !strings.Contains(q.Legend, "{{") && len(found) > 1 {
					t.Errorf("%s: %d series have the same name %q", name, len(found), q.Legend)
				}
			}
		}
	}
}
