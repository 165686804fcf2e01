package headers

import "github.com/lodepow/lode/pow/reject"

// Reasons to refuse a header of a stream, in addition to those in package [reject].
const (
	Duplicate    reject.Reason = "duplicate"            // the stream has held this header before
	TooManyForks reject.Reason = "too-many-forks"       // the stream has more branches than the verifier tracks
	Truncated    reject.Reason = "truncated"            // the stream ends inside a header
	TimeWarp     reject.Reason = "time-timewarp-attack" // the time of the first header of a period is too far before that of its parent (BIP 94)
	WrongGenesis reject.Reason = "wrong-genesis"        // the first header is the genesis of another network
	Malformed    reject.Reason = "malformed"            // the stream is not what its form demands
	UnknownForm  reject.Reason = "unknown-form"         // the stream is of a form that is not read here
)
