package gossip

import (
	"net/netip"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// ID ties an outcome to what it is the outcome of.
type ID uint64

// Event is what happens to a node: Wake, Connect, Incoming, Answered, Accepted,
// Added or Changed.
type Event interface{ event() }

// Wake says that the time that Gossip.Next told has come. Coming too early or
// too often does no harm.
type Wake struct{}

// Connect asks for a connection with the node at that address, which then stays
// wanted if Keep is set. A Connected with that ID tells the outcome.
type Connect struct {
	ID      ID
	Address Address
	Keep    bool
}

// Incoming is a Hello or an Announce from another node, to be answered with a
// Reply of that ID. The requests that only read do not come here; see [Serve].
type Incoming struct {
	ID      ID
	From    netip.Addr // zero: not known
	Session Session    // that came with it; zero: none
	Request Request
}

// Answered is the outcome of a Send. Err is a [Refusal] if the peer refused, a
// [Fault] if it broke the protocol, and anything else if it could not be reached
// or did not answer in time.
type Answered struct {
	ID     ID
	Answer Answer
	Err    error
}

// Accepted is the outcome of an Accept: how many blocks the chain has taken, or
// had, and what it said of the next one.
type Accepted struct {
	ID    ID
	Taken int
	Err   error
}

// Added is the outcome of an AddTxs, with an error or nil for each.
type Added struct {
	ID   ID
	Errs []error
}

// Changed is an event of the chain.
type Changed struct{ Event chain.Event }

func (Wake) event()     {}
func (Connect) event()  {}
func (Incoming) event() {}
func (Answered) event() {}
func (Accepted) event() {}
func (Added) event()    {}
func (Changed) event()  {}

// Effect is what a node is to do: Send, Reply, Accept, AddTxs, Connected or
// Note.
type Effect interface{ effect() }

// Send asks another node for something. An Answered of that ID must follow
// within the timeout.
type Send struct {
	ID      ID
	To      Address
	Session Session // to go with it; zero: none
	Request Request
	Timeout time.Duration
}

// Reply answers an Incoming: with the Answer, or with the Refusal if there is
// one.
type Reply struct {
	ID      ID
	Answer  Answer
	Refusal *Refusal
}

// Accept hands blocks to the chain, each the parent of the next. There is only
// one at a time: an Accepted of that ID must follow before there is another.
type Accept struct {
	ID     ID
	Blocks []block.Block
}

// AddTxs hands transactions to the chain. There is only one at a time: an Added
// of that ID must follow before there is another.
type AddTxs struct {
	ID  ID
	Txs []block.Tx
}

// Connected is the outcome of a Connect. Err is nil when both nodes know each
// other.
type Connected struct {
	ID  ID
	Err error
}

// Note tells what was decided, for logs and metrics.
type Note struct {
	Kind   NoteKind
	Peer   Address       // "": of no peer
	Out    bool          // the peer is one of our choice
	Reason string        // a word, one of few
	Detail string        // for people
	Hash   pow.Hash      // of a block
	Took   time.Duration // NotePropagated: since the block was found
	Count  int           // how many
}

// NoteKind says what a Note is about.
type NoteKind string

// Kinds of notes, and what their Reason is.
const (
	NoteConnected   NoteKind = "connected"   // a peer is there
	NoteFailed      NoteKind = "failed"      // a connection did not come about: why
	NoteDropped     NoteKind = "dropped"     // a peer is gone: why
	NoteBanned      NoteKind = "banned"      // a peer is banned: for what
	NoteRefused     NoteKind = "refused"     // an Incoming was refused: why
	NotePropagated  NoteKind = "propagated"  // a block that was announced is the tip
	NoteAnnounced   NoteKind = "announced"   // Count were announced to a peer: block, tx
	NoteHeard       NoteKind = "heard"       // Count were announced by a peer: block, tx
	NoteSyncBegins  NoteKind = "sync-begins" // Count blocks are to come, so far
	NoteSynced      NoteKind = "synced"      // Count blocks have been taken
	NoteSyncEnds    NoteKind = "sync-ends"   // why
	NoteSyncStalled NoteKind = "sync-stalled"
)

func (Send) effect()      {}
func (Reply) effect()     {}
func (Accept) effect()    {}
func (AddTxs) effect()    {}
func (Connected) effect() {}
func (Note) effect()      {}
