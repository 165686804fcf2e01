package bounds

import (
	"math"
	"strings"
	"testing"
	"time"
)

type limits struct {
	Count int
	None  int
	Time  time.Duration
	Rate  float64
	Name  string
}

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		limits limits
		want   string // part of the error; "": none
	}{
		{limits{}, ""},
		{limits{1, -1, time.Hour, 0.5, "x"}, ""},
		{limits{Count: -5}, "p.Limits.Count is -5"},
		{limits{Count: math.MinInt}, "p.Limits.Count is -"},
		{limits{Time: -time.Hour}, "p.Limits.Time is -1h0m0s"},
		{limits{Rate: -1}, "p.Limits.Rate is -1"},
		{limits{Rate: math.NaN()}, "p.Limits.Rate is NaN"},
		{limits{Rate: math.Inf(1)}, "p.Limits.Rate is +Inf"},
		{limits{Rate: math.Inf(-1)}, "p.Limits.Rate is -Inf"},
		{limits{Rate: 1e-300}, "p.Limits.Rate is 1e-300: want a rate between 0.001 and 1000000000 a second"},
		{limits{Rate: 1e18}, "p.Limits.Rate is 1e+18"},
	} {
		err := Check("p.Limits", tc.limits, "None")
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%+v: error %v, want %q", tc.limits, err, tc.want)
		}
	}
}
