package tick

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
		defer cancel()
		start, calls := time.Now(), 0
		Every(ctx, 10*time.Second, func() { calls++ })
		if took := time.Since(start); calls != 3 || took != 35*time.Second {
			t.Errorf("%d calls in %v, want 3 in 35 s", calls, took)
		}
	})
}
