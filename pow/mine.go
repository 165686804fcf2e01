package pow

import (
	"context"
	"errors"
	"fmt"
)

// Mine searches one job after another, as next makes them, until one is solved.
// Tries and Hashes of the result count all of them. Unlike Search it is as
// deterministic as next is: jobs that follow the clock give other answers.
//
// It returns next's error when there are no more jobs, and the context's cause
// when the context ended; the result then has the hashes done.
func (e *Engine) Mine(ctx context.Context, next func() (Job, error)) (Result, error) {
	start := e.now()
	var tries, hashes uint64
	for {
		if ctx.Err() != nil {
			return Result{Hashes: hashes}, context.Cause(ctx)
		}
		job, err := next()
		if err != nil {
			return Result{Hashes: hashes}, fmt.Errorf("next job: %w", err)
		}
		r, err := e.Search(ctx, job)
		tries += r.Tries
		hashes += r.Hashes
		if errors.Is(err, ErrExhausted) {
			continue
		}
		if err != nil {
			return Result{Hashes: hashes}, err
		}
		r.Tries, r.Hashes = tries, hashes
		e.tellBlockFound(start)
		return r, nil
	}
}
