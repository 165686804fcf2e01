package server

import (
	"time"

	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// measure measures the rate of several sessions together, from the first job of the first of
// them on: before that, nothing could be searched. A pause in which there is no session counts
// as time in which nothing was searched. After a pause of a whole window nothing of the earlier
// sessions is left in the measurement, and it begins anew with the next first job.
type measure struct {
	meter    vardiff.Meter
	sessions int           // that have had a job
	left     time.Duration // age of the measurement when the latest of them ended
}

// enter notes that a session has been given its first job.
func (m *measure) enter(now time.Time) {
	if m.sessions == 0 && m.meter.Age(now)-m.left >= vardiff.Window {
		*m = measure{}
	}
	m.meter.Begin(now)
	m.sessions++
}

// leave notes that a session which had a job has ended.
func (m *measure) leave(now time.Time) {
	m.sessions--
	m.left = m.meter.Age(now)
}
