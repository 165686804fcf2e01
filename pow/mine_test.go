package pow

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestMineGoesOnToTheNextJob(t *testing.T) {
	clock := time.Unix(0, 0)
	e, err := newEngine(Kernels()[0], Config{Workers: 2, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	e.Observe(Observer{BlockFound: func(d time.Duration) { took = append(took, d) }})
	want := BitcoinGenesis()
	calls := 0
	r, err := e.Mine(t.Context(), func() (Job, error) {
		clock = clock.Add(10 * time.Second)
		calls++
		if calls < 3 {
			return Job{Header: want, First: 0, Count: 1000}, nil
		}
		return Job{Header: want, First: want.Nonce - 99, Count: 1000}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Header != want || r.Tries != 2100 || r.Hashes < 2100 || r.Hashes != e.Hashes() {
		t.Errorf("%+v (engine: %d hashes), want the genesis nonce after 2100 tries", r, e.Hashes())
	}
	if len(took) != 1 || took[0] != 30*time.Second {
		t.Errorf("time to block: %v, want 30 s once", took)
	}
}

func TestMineStops(t *testing.T) {
	e := testEngine(t, Kernels()[0], 2)
	hopeless := Job{Target: ZerosTarget(200), Count: 96} // no lanes beyond the end

	noMore := errors.New("no transactions")
	calls := 0
	r, err := e.Mine(t.Context(), func() (Job, error) {
		if calls++; calls > 2 {
			return Job{}, noMore
		}
		return hopeless, nil
	})
	if !errors.Is(err, noMore) || r.Hashes != 192 {
		t.Errorf("%d hashes, %v; want 192 and next's error", r.Hashes, err)
	}

	cause := errors.New("a new tip")
	ctx, cancel := context.WithCancelCause(t.Context())
	calls = 0
	r, err = e.Mine(ctx, func() (Job, error) {
		if calls++; calls == 3 {
			cancel(cause)
		}
		return hopeless, nil
	})
	if !errors.Is(err, cause) || calls != 3 || r.Hashes != 192 {
		t.Errorf("%d calls, %d hashes, %v; want 3, 192 and the cause", calls, r.Hashes, err)
	}

	if _, err := e.Mine(t.Context(), func() (Job, error) { return Job{}, nil }); !errors.Is(err, ErrBitsZero) {
		t.Errorf("a job without a target: %v", err)
	}
}
