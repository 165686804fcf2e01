package headers

import "fmt"

// Reason is a word for what is wrong with a header, Bitcoin Core's where it has
// one.
type Reason string

// What can be wrong with a stream of headers.
const (
	HighHash     Reason = "high-hash"          // the hash does not prove the work that the bits ask for
	BadDiffBits  Reason = "bad-diffbits"       // the bits are not those of the difficulty rule
	TimeTooOld   Reason = "time-too-old"       // not later than the median of the eleven before
	PrevNotFound Reason = "prev-blk-not-found" // the parent is not among the headers before
	Duplicate    Reason = "duplicate"          // the header was there before
	TooManyForks Reason = "too-many-forks"     // more branches than are kept apart
	Truncated    Reason = "truncated"          // the stream ends within a header
	WrongGenesis Reason = "wrong-genesis"      // the first header is the genesis of another network
	Malformed    Reason = "malformed"          // not the hex digits of a header
)

// Error names what is wrong with a header.
type Error struct {
	Reason Reason
	Detail string
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Detail }

func refuse(reason Reason, format string, args ...any) error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
