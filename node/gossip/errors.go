package gossip

import (
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// Refusal is a node's word that it will not do what it was asked.
type Refusal struct {
	Reason     RefusalReason `json:"reason"`
	Message    string        `json:"message"`
	RetryAfter time.Duration `json:"-"` // 0: not said
}

// RefusalReason is a word.
type RefusalReason string

// Reasons to refuse.
const (
	WrongVersion   RefusalReason = "wrong-version"   // of the protocol
	WrongNetwork   RefusalReason = "wrong-network"   // another id
	Self           RefusalReason = "self"            // it was the node itself that asked
	Full           RefusalReason = "full"            // no room for another peer
	Banned         RefusalReason = "banned"          // for some time
	UnknownSession RefusalReason = "unknown-session" // say hello first
	Busy           RefusalReason = "busy"            // too many requests
	BadRequest     RefusalReason = "bad-request"     // not of the protocol's form
)

// word returns the reason, or another word for one that is not known: it came
// from another node.
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

// Fault is a breach of the protocol, for which a peer is banned.
type Fault struct {
	Reason FaultReason
	Detail string
}

// FaultReason is a word, and a metric label.
type FaultReason string

// Faults. A block or a header that breaks a rule of the chain is a fault too,
// whose reason is [FaultInvalid].
const (
	FaultOversize    FaultReason = "oversize"    // an answer longer than it may be
	FaultMalformed   FaultReason = "malformed"   // an answer that cannot be read
	FaultUnrequested FaultReason = "unrequested" // something that was not asked for
	FaultUnconnected FaultReason = "unconnected" // headers that do not follow each other
	FaultWork        FaultReason = "work"        // a header without its proof of work
	FaultInvalid     FaultReason = "invalid"     // a header, block or transaction against the rules
)

// FaultReasons returns them all.
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
