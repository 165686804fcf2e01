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
	// BlockFound is called when a block has been solved, by Mine or as reported with
	// ReportBlock. took is the time since the search for the block began.
	BlockFound func(took time.Duration)

	// Cancelled is called when a search ends after its context has ended.
	// latency is the time between the two. Only searches that have run for some
	// milliseconds are measured, because watching the context costs more than a
	// short search.
	Cancelled func(latency time.Duration)
}

// Observe attaches an observer to the engine; it stays attached. It may be called at any
// time and more than once; a search that is already under way may miss the new
// observer.
func (e *Engine) Observe(o Observer) { e.observers.Add(o) }

// observesCancel reports whether an observer asks for the latency of a cancel.
func (e *Engine) observesCancel() bool {
	return slices.ContainsFunc(e.observers.All(), func(o Observer) bool { return o.Cancelled != nil })
}

// tellCancelled tells the observers how long a search went on after its context
// had ended. A nil ended means that the search was over before the end of the
// context could be noted, so the latency counts as zero.
func (e *Engine) tellCancelled(ended *time.Time) {
	var latency time.Duration
	if ended != nil {
		latency = max(0, e.now().Sub(*ended))
	}
	for _, o := range e.observers.All() {
		if o.Cancelled != nil {
			o.Cancelled(latency)
		}
	}
}

// ReportBlock tells the observers that the caller has solved a block on which it
// began to mine at start. Mine does so itself. A caller that mines with Search has
// to call ReportBlock, because only that caller knows which answers are blocks and
// which are easier shares.
func (e *Engine) ReportBlock(start time.Time) {
	all := e.observers.All()
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
