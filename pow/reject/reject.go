// Package reject names the rules that a header or a block can break. A checker
// returns an [Error], which wraps the [Reason]:
//
//	if errors.Is(err, reject.HighHash) { ... }
//
// The package contains only the reasons for headers, because several packages check
// headers. A package with more rules declares its additional reasons itself.
package reject

import "fmt"

// Reason is the word for a broken rule. It is Bitcoin Core's reject word if Core has
// the same rule. Clients read reasons and metrics use them as labels, so there are
// few of them and they never change.
//
// A Reason is an error only so that it can be the target of [errors.Is].
type Reason string

// Reasons to refuse a header. The words are Bitcoin Core's.
const (
	HighHash     Reason = "high-hash"          // the hash does not prove the work that the bits ask for
	BadDiffBits  Reason = "bad-diffbits"       // the bits are not those that the difficulty rule asks for
	TimeTooOld   Reason = "time-too-old"       // the time is not later than the median time past
	TimeTooNew   Reason = "time-too-new"       // the time is too far ahead of the receiver's clock
	BadVersion   Reason = "bad-version"        // the network does not allow the version
	PrevNotFound Reason = "prev-blk-not-found" // the parent is unknown
	BadPrev      Reason = "bad-prevblk"        // the parent, or one of its ancestors, is invalid
)

// Error returns the word.
func (r Reason) Error() string { return string(r) }

// Error says which rule was broken, and how. Two errors of the same reason are
// the same to [errors.Is], whatever their details.
type Error struct {
	Reason Reason
	Detail string // for people; may be empty
}

// New returns an [Error] with a formatted detail.
func New(r Reason, format string, args ...any) error {
	return Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// Error returns "reason: detail", or the reason alone if there is no detail.
func (e Error) Error() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

// Unwrap returns the reason, so that [errors.Is] finds it.
func (e Error) Unwrap() error { return e.Reason }

// Is reports whether target is an [Error] of the same reason.
func (e Error) Is(target error) bool {
	other, ok := target.(Error)
	return ok && other.Reason == e.Reason
}
