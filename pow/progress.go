package pow

import (
	"context"
	"sync/atomic"
)

// Progress counts the hashes of all jobs whose field Progress points to it. The
// zero value is ready to use. A Progress may be read from any goroutine and must
// not be copied.
type Progress struct{ hashes atomic.Uint64 }

// Hashes returns the number of hashes computed so far. It grows while a search
// runs, one chunk at a time. Jobs that share a Progress add to the same number.
func (p *Progress) Hashes() uint64 { return p.hashes.Load() }

// add counts hashes, unless p is nil.
func (p *Progress) add(hashes uint64) {
	if p != nil {
		p.hashes.Add(hashes)
	}
}

// endOf returns the error of a search whose context has ended. It reads like the
// context's cause and wraps both the cause and the context's error.
func endOf(ctx context.Context) error {
	return endError{cause: context.Cause(ctx), err: ctx.Err()}
}

// endError joins the cause of a context's end with [context.Canceled] or
// [context.DeadlineExceeded].
type endError struct{ cause, err error }

func (e endError) Error() string   { return e.cause.Error() }
func (e endError) Unwrap() []error { return []error{e.cause, e.err} }
