package lab

import (
	"encoding/json"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// NewEstimate returns the mean of the values that are not NaN with its 95 % interval.
//
// The result is the same on every architecture, because the decision to stop at a
// half-width depends on it: products are converted before they are added, so that no
// compiler fuses the two, and the quantile is rounded.
func NewEstimate(values []float64) Estimate {
	var sum float64
	var n int
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	if n < 2 {
		return Estimate{math.NaN(), math.NaN(), n}
	}
	mean := sum / float64(n)
	var squares float64
	for _, v := range values {
		if !math.IsNaN(v) {
			squares += float64((v - mean) * (v - mean))
		}
	}
	deviation := math.Sqrt(squares / float64(n-1))
	return Estimate{mean, float64(studentQuantile(n-1)*deviation) / math.Sqrt(float64(n)), n}
}

// studentQuantile returns the number that Student's t with the given degrees of freedom
// exceeds with a probability of 2.5 %, rounded to six decimal places.
func studentQuantile(freedom int) float64 {
	q := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}.Quantile(0.975)
	return math.Round(q*1e6) / 1e6
}

// metricJSON is the form of a MetricSummary in summary.json. JSON has no NaN.
type metricJSON struct {
	Mean   *float64 `json:"mean"`
	Half   *float64 `json:"half_width"`
	N      int      `json:"n"`
	Theory *float64 `json:"theory,omitempty"`
	Source string   `json:"source,omitempty"`
}

// MarshalJSON writes null for NaN.
func (m MetricSummary) MarshalJSON() ([]byte, error) {
	return json.Marshal(metricJSON{finite(m.Mean), finite(m.Half), m.N, m.Theory, m.Source})
}

// UnmarshalJSON reads NaN from null.
func (m *MetricSummary) UnmarshalJSON(data []byte) error {
	var j metricJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*m = MetricSummary{Estimate{orNaN(j.Mean), orNaN(j.Half), j.N}, j.Theory, j.Source}
	return nil
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func orNaN(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}
