package gossip

import (
	"net/netip"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// ID is a number that ties an outcome to its request.
type ID uint64

// Event is something that happens to a node: a Wake, Connect, Incoming, Answered,
// Accepted, Added or Changed.
type Event interface{ event() }

// Wake says that the time has come that [Gossip.Next] returned. A Wake that is too
// early, or one too many, does no harm.
type Wake struct{}

// Connect asks for a connection with the node at an address. With Keep the node
// stays connected with it, and reconnects if need be. A [Connected] with the same
// ID reports the outcome.
type Connect struct {
	ID      ID
	Address Address
	Keep    bool

	// Heard says that the client may not choose which addresses this node calls. The
	// client counts as another node, at the IP address From, that names one:
	// [Believable] is the rule for these. The node at the address counts as one that
	// came from there: it takes one of the places of such nodes, and with Keep its
	// address is remembered as a new one.
	Heard bool
	From  netip.Addr
}

// Incoming is a Hello or an Announce from another node. It is answered by a
// [Reply] with the same ID. Requests that only read are answered by [Serve]
// instead.
type Incoming struct {
	ID      ID
	From    netip.Addr // the loopback if it is this machine itself; zero if not known
	Session Session    // sent along with the request; zero: none
	Request Request
}

// Answered is the outcome of a [Send]. Err is nil, a [Refusal] by the peer, a
// [Fault] if the peer broke the protocol, or any other error if it could not be
// reached or did not answer in time.
type Answered struct {
	ID     ID
	Answer Answer
	Err    error
	From   netip.Addr // that has answered; the loopback if it was this machine itself; zero if not known
}

// Accepted is the outcome of an [Accept]. The chain has the first Taken blocks. Err
// says why it has not accepted the next one; it is nil if all blocks were accepted.
type Accepted struct {
	ID    ID
	Taken int
	Err   error
}

// Added is the outcome of an [AddTxs], with an error or nil for each transaction.
type Added struct {
	ID   ID
	Errs []error
}

// Changed reports an event of the chain. The machine reads it during the Step only.
type Changed struct{ Event *chain.Event }

func (Wake) event()     {}
func (Connect) event()  {}
func (Incoming) event() {}
func (Answered) event() {}
func (Accepted) event() {}
func (Added) event()    {}
func (Changed) event()  {}

// Effect is something that a node has to do: a Send, Reply, Accept, AddTxs,
// Connected or Note.
type Effect interface{ effect() }

// Send sends a request to another node. An [Answered] with the same ID must follow
// before the timeout is over.
type Send struct {
	ID      ID
	To      Address
	Session Session // to send along; zero: none
	Request Request
	Timeout time.Duration

	// Heard says that the address was heard from others. If its host is a name, the
	// node may call only such IP addresses of the name as are [Believable].
	Heard bool
}

// Reply answers an [Incoming]: with the Refusal if it is not nil, and otherwise with
// the Answer.
type Reply struct {
	ID      ID
	Answer  Answer
	Refusal *Refusal
}

// Accept hands blocks to the chain, each of which is the parent of the next. The
// machine waits for an [Accepted] with the same ID before it hands over others.
type Accept struct {
	ID     ID
	Blocks []block.Block
}

// AddTxs hands transactions to the chain. The machine waits for an [Added] with the
// same ID before it hands over others.
type AddTxs struct {
	ID  ID
	Txs []block.Tx
}

// Connected is the outcome of a [Connect]. Err is nil if each node is a peer of the other,
// as the other one has said itself. A node of an earlier version does not say it. For such
// a node, Err is nil if each of the two has a session of the other.
type Connected struct {
	ID  ID
	Err error
}

// Note reports a decision, for logs and metrics.
type Note struct {
	Kind   NoteKind
	Peer   Address       // "" if the note is about no peer
	Out    bool          // this node chose the peer
	Reason string        // one of a few words
	Detail string        // text for people
	Hash   pow.Hash      // of the block, in a NotePropagated
	Took   time.Duration // since the block was found, in a NotePropagated
	Count  int           // of blocks or transactions; of peers, in a NoteClock
	Offset time.Duration // of this node's clock, in a NoteClock; see [ClockInfo]
}

// NoteKind says what a Note reports.
type NoteKind string

// Kinds of notes. After the colon: their Reason.
const (
	NoteConnected   NoteKind = "connected"    // a peer has proved where it is
	NoteFailed      NoteKind = "failed"       // a connection was not made: why
	NoteDropped     NoteKind = "dropped"      // a peer was dropped: why
	NoteBanned      NoteKind = "banned"       // a peer was banned: its fault
	NoteRefused     NoteKind = "refused"      // an Incoming was refused: why
	NotePropagated  NoteKind = "propagated"   // an announced block has become the tip
	NoteAnnounced   NoteKind = "announced"    // Count were announced to a peer: "block" or "tx"
	NoteHeard       NoteKind = "heard"        // Count were announced by a peer: "block" or "tx"
	NoteSyncBegins  NoteKind = "sync-begins"  // Count blocks are expected
	NoteSynced      NoteKind = "synced"       // the chain has added Count blocks of the sync
	NoteSyncEnds    NoteKind = "sync-ends"    // a sync has ended: why
	NoteSyncStalled NoteKind = "sync-stalled" // a peer did not send what it was asked for: what
	NoteClock       NoteKind = "clock"        // this node's clock has gone wrong, has become right, or is wrong by another amount: "ahead", "behind" or "right"
)

func (Send) effect()      {}
func (Reply) effect()     {}
func (Accept) effect()    {}
func (AddTxs) effect()    {}
func (Connected) effect() {}
func (Note) effect()      {}
