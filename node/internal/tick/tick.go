// Package tick repeats a function at an interval.
package tick

import (
	"context"
	"time"
)

// Every calls f at each interval until the context ends. The first call comes
// after one interval. A call that takes longer than the interval delays the next
// one; the calls that were missed are not made up for.
func Every(ctx context.Context, interval time.Duration, f func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f()
		}
	}
}
