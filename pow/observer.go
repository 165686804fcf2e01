package pow

import (
	"slices"
	"time"
)

// Observer is a set of functions that an engine calls as events happen. Nil
// functions are skipped.
//
// The engine calls them on the goroutine of the search, which waits for them,
// so they must be quick. Searches that run at the same time call them at the
// same time.
type Observer struct {
	// BlockFound is called when Mine has solved a header. took is the time since
	// Mine was called.
	BlockFound func(took time.Duration)

	// Cancelled is called when a search ends after its context has ended.
	// latency is the time between the two. Only searches that have run for some
	// milliseconds are measured, because watching the context costs more than a
	// short search.
	Cancelled func(latency time.Duration)
}

// Observe attaches an observer to the engine, for good. It may be called at any
// time and more than once; a search that is already under way may miss the new
// observer.
func (e *Engine) Observe(o Observer) {
	for {
		old := e.observers.Load()
		all := []Observer{o}
		if old != nil {
			all = append(slices.Clone(*old), o)
		}
		if e.observers.CompareAndSwap(old, &all) {
			return
		}
	}
}

// attached returns the observers. The caller must not change the slice.
func (e *Engine) attached() []Observer {
	if all := e.observers.Load(); all != nil {
		return *all
	}
	return nil
}

// observesCancel reports whether an observer asks for the latency of a cancel.
func (e *Engine) observesCancel() bool {
	return slices.ContainsFunc(e.attached(), func(o Observer) bool { return o.Cancelled != nil })
}

// tellCancelled tells the observers how long a search went on after its context
// had ended. A nil ended means that the search was over before the end of the
// context could be noted, so the latency counts as zero.
func (e *Engine) tellCancelled(ended *time.Time) {
	var latency time.Duration
	if ended != nil {
		latency = max(0, e.now().Sub(*ended))
	}
	for _, o := range e.attached() {
		if o.Cancelled != nil {
			o.Cancelled(latency)
		}
	}
}

// tellBlockFound tells the observers that Mine, called at start, has solved a
// header.
func (e *Engine) tellBlockFound(start time.Time) {
	all := e.attached()
	if len(all) == 0 {
		return
	}
	took := e.now().Sub(start)
	for _, o := range all {
		if o.BlockFound != nil {
			o.BlockFound(took)
		}
	}
}
