package server

import "time"

// bucket bounds a rate. It holds a number of tokens, which come back over time. Taking
// more than there are means to wait.
type bucket struct {
	every time.Duration // until a token is back
	depth time.Duration // until an empty bucket is full
	full  time.Time     // when the bucket is full again
}

func newBucket(rate, burst int, now time.Time) *bucket {
	every := time.Second / time.Duration(rate)
	return &bucket{every: every, depth: time.Duration(burst) * every, full: now}
}

// take takes a token and returns how long to wait before it may be used.
func (b *bucket) take(now time.Time) time.Duration {
	if b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(b.every)
	return max(0, b.full.Sub(now)-b.depth)
}
