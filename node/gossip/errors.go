package gossip

import (
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// Refusal is the answer of a node that does not do what it was asked.
type Refusal struct {
	Reason     RefusalReason `json:"reason"`
	Message    string        `json:"message"`
	RetryAfter time.Duration `json:"-"` // 0 if the node has not said
}

// RefusalReason is the reason of a [Refusal], in one word.
type RefusalReason string

// Reasons of refusals.
const (
	WrongVersion   RefusalReason = "wrong-version"   // the sender speaks another version of the protocol
	WrongNetwork   RefusalReason = "wrong-network"   // the ids of the networks differ
	Self           RefusalReason = "self"            // the node has sent the request to itself
	Full           RefusalReason = "full"            // there is no room for another peer
	Banned         RefusalReason = "banned"          // the sender is banned for some time
	UnknownSession RefusalReason = "unknown-session" // a Hello is needed first
	Busy           RefusalReason = "busy"            // there are too many requests
	BadRequest     RefusalReason = "bad-request"     // the request does not follow the protocol
)

// word returns the reason, or "refused" if the reason is not known. Other nodes must
// not be able to create arbitrary metric labels with the reasons that they send.
func (r RefusalReason) word() string {
	switch r {
	case WrongVersion, WrongNetwork, Self, Full, Banned, UnknownSession, Busy, BadRequest:
		return string(r)
	}
	return "refused"
}

// Error returns "reason: message".
func (r Refusal) Error() string { return string(r.Reason) + ": " + r.Message }

func refuse(reason RefusalReason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// NotNode is the error of a request that was answered by something that is no node of
// Lode, such as a web server, or a proxy or captive portal on the way to a node. It is
// not the fault of the node that may be there.
type NotNode struct {
	What string // what was seen, as the end of a sentence: "answered 404 Not Found"
}

// Error returns What.
func (n NotNode) Error() string { return n.What }

// Fault is a breach of the protocol. The peer that commits it is banned.
type Fault struct {
	Reason FaultReason
	Detail string
}

// FaultReason is the kind of a [Fault], in one word that is also a metric label.
type FaultReason string

// Kinds of faults.
const (
	FaultOversize    FaultReason = "oversize"    // an answer was longer than allowed
	FaultMalformed   FaultReason = "malformed"   // an answer could not be read
	FaultUnrequested FaultReason = "unrequested" // an answer contained something that was not asked for
	FaultUnconnected FaultReason = "unconnected" // headers did not follow each other
	FaultWork        FaultReason = "work"        // a header had no proof of work
	FaultInvalid     FaultReason = "invalid"     // a header, block or transaction broke a rule of the chain
)

// FaultReasons returns all kinds of faults.
func FaultReasons() []FaultReason {
	return []FaultReason{FaultOversize, FaultMalformed, FaultUnrequested, FaultUnconnected, FaultWork, FaultInvalid}
}

// Error returns "reason: detail".
func (f Fault) Error() string { return string(f.Reason) + ": " + f.Detail }

func fault(reason FaultReason, format string, args ...any) Fault {
	return Fault{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// headerFault returns the fault of a peer whose header breaks a rule.
func headerFault(err error) Fault {
	if errors.Is(err, block.HighHash) {
		return fault(FaultWork, "%v", err)
	}
	return fault(FaultInvalid, "%v", err)
}

// ofBody reports whether a block is refused for a body that need not be the one
// that its header commits to. Another peer may have the right body, so the error
// says nothing about the block's hash.
func ofBody(rule block.RuleError) bool {
	switch rule.Reason {
	case block.BadMerkleRoot, block.DuplicateTxs, block.BadLength, block.CoinbaseShape, block.CoinbaseLength, block.CoinbaseMissing:
		return true
	}
	return false
}
