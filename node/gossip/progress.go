package gossip

import "time"

// Progress returns how fast a sync goes, in blocks a second, and how long it will
// take at that; both are 0 where nothing can be said.
func (s SyncInfo) Progress(now time.Time) (perSecond float64, left time.Duration) {
	seconds := now.Sub(s.Since).Seconds()
	if !s.Active || seconds <= 0 || s.Height <= s.From {
		return 0, 0
	}
	perSecond = float64(s.Height-s.From) / seconds
	return perSecond, time.Duration(float64(max(s.Target-s.Height, 0)) / perSecond * float64(time.Second))
}
