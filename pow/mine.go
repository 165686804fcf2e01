package pow

import (
	"context"
	"errors"
	"fmt"
)

// Mine searches the jobs that next returns, one after another, until one of them
// is solved. Tries and Hashes of the result count all of the jobs; Searched is
// that of the last one. Unlike Search, Mine is only as deterministic as next:
// jobs that follow the clock have other answers.
//
// If next fails, Mine returns its error, wrapped. If the context ends, Mine
// returns the same error as Search, together with the hashes done.
func (e *Engine) Mine(ctx context.Context, next func() (Job, error)) (Result, error) {
	start := e.now()
	var tries, hashes uint64
	for {
		if ctx.Err() != nil {
			return Result{Hashes: hashes}, endOf(ctx)
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
			return Result{Searched: r.Searched, Hashes: hashes}, err
		}
		r.Tries, r.Hashes = tries, hashes
		e.ReportBlock(start)
		return r, nil
	}
}
