package lab

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Summarize summarises replicas, in the order in which Run returns them.
func Summarize(p *Plan, replicas []Replica, version string) *Summary {
	s := &Summary{Version: version, Title: p.Title, File: string(p.File), Seed: p.Seed, Points: make([]PointSummary, len(p.Points))}
	h := sha256.New()
	h.Write(p.File)
	for _, r := range replicas {
		var place [16]byte
		binary.LittleEndian.PutUint64(place[:8], uint64(r.Point))
		binary.LittleEndian.PutUint64(place[8:], uint64(r.Number))
		h.Write(place[:])
		h.Write(r.Hash[:])
	}
	s.Hash = hex.EncodeToString(h.Sum(nil))
	s.Complete = newSchedule(p, Options{Done: replicas}).isComplete()
	rest := replicas
	for i, point := range p.Points {
		n := 0
		for n < len(rest) && rest[n].Point == i {
			n++
		}
		s.Points[i] = summarizePoint(point, rest[:n])
		rest = rest[n:]
	}
	return s
}

func summarizePoint(point Point, replicas []Replica) PointSummary {
	out := PointSummary{Values: point.Values, Settings: point.settings, Replicas: len(replicas), Metrics: map[string]MetricSummary{}}
	if len(replicas) > 0 {
		out.Engine = replicas[0].Engine
	}
	for i, m := range Metrics(point.Experiment) {
		values := make([]float64, len(replicas))
		for r := range replicas {
			values[r] = replicas[r].Values[i]
		}
		one := MetricSummary{Estimate: NewEstimate(values)}
		if len(replicas) > 0 { // a theory may take its time, and an interrupted run has many points without any
			if value, source, ok := Theory(m.Name, point.Experiment); ok && !math.IsNaN(value) {
				value = rounded(value)
				one.Theory, one.Source = &value, source
			}
		}
		out.Metrics[m.Name] = one
	}
	return out
}

// rounded returns a number with nine significant digits. The formulas of theory are not
// written so that every processor computes the same last bits, and summary.json must not
// depend on the processor.
func rounded(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 9, 64), 64) // its own text
	return v
}

// JSON returns the content of summary.json.
func (s *Summary) JSON() ([]byte, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(s)
	return []byte(out.String()), err
}
