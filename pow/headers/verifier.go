// Package headers reads streams of Bitcoin headers and checks them. A stream may
// be of any length: the memory that it takes is bounded.
package headers

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

const (
	// window is the number of latest headers that are kept: two difficulty periods
	// and a little. A header whose parent is older is refused, because the parent
	// is no longer known.
	window = 4096

	chunk = 128 // nodes that are allocated together

	maxBranches = 1000 // branches that are tracked

	medianSpan = 11 // number of headers whose median time their child must exceed
)

// Config says what the caller knows about the stream, and what is to be checked.
type Config struct {
	// Network is the network that the headers belong to. If it is nil, the verifier
	// recognises the network by its genesis, provided that the genesis is the first
	// header or its parent.
	Network *Network

	// Height is the height of the first header, or nil if it is not known. It is
	// needed only for streams that do not begin at a genesis or its child.
	Height *uint32

	// Retarget checks the bits against the network's difficulty rule. It needs
	// the network and the height.
	Retarget bool
}

// Verifier checks headers one after another. For each header it checks that
//
//   - the stream has contained its parent;
//   - its hash meets the target of its bits;
//   - its time is later than the median of the eleven headers before it on its
//     branch;
//   - its bits follow from the difficulty rule, if [Config].Retarget is set.
//
// The parent of the first header is taken on trust. Whether a time is in the
// future is not checked.
type Verifier struct {
	network  *Network
	height   *uint32
	retarget bool

	headers  uint64         // number of headers kept so far
	nodes    []*[chunk]node // the last headers, as a ring: header i is node i % window of these chunks
	parent   node           // of the first header; only its hash is set, unless it is a genesis
	start    Start
	branches []branch // in the order in which they began
	best     int      // index of the branch with the most work; of equals, the first seen

	// Numbers of difficulty periods whose first bits were checked (retargets) or
	// could not be checked (skipped).
	retargets, skipped uint64

	// The bits seen last, with their target and their work. They are kept because
	// bits seldom change from one header to the next.
	bits   pow.Bits
	target pow.Target
	work   pow.Work
}

// node holds everything about a header that is needed to check its children, so
// that a check never has to look at earlier headers.
type node struct {
	hash   pow.Hash
	height uint32
	work   pow.Work // sum of the branch up to and including this header
	branch int      // index into Verifier.branches

	times  [medianSpan]uint32 // times of the last headers of the branch, newest last
	nTimes int                // how many of times are known; these are at the end

	bits pow.Bits

	// On networks with blocks of minimum difficulty: the bits of the last header that
	// was not such a block. They are not known if all headers so far have been.
	realBits  pow.Bits
	realKnown bool

	// The time and the bits of the first header of the difficulty period. They are not
	// known if the stream began later in the period.
	periodStart uint32
	periodBits  pow.Bits
	periodKnown bool
}

func (n *node) time() uint32 { return n.times[medianSpan-1] }

// Start describes the beginning of a stream.
type Start struct {
	Network     *Network // nil if it was neither given nor recognised
	Height      uint32   // of the first header; meaningful only if HeightKnown is set
	HeightKnown bool
	Parent      pow.Hash // of the first header; zero for a genesis
	FromGenesis bool     // the first header is a genesis or its child, so nothing is taken on trust
}

// branch is a sequence of headers, each of which is the child of the one before.
// Its first header is either a child of the stream's parent or a second child of a
// header on another branch.
type branch struct {
	from   int      // index of that other branch; its own index if there is none
	fork   pow.Hash // parent of its first header
	first  uint32   // height of its first header
	height uint32   // height of its last header
	tip    pow.Hash // hash of its last header
	work   pow.Work // sum from the beginning of the stream up to its last header
}

// Branch describes a chain of headers that ends at a header without children.
type Branch struct {
	Tip     pow.Hash
	Height  uint32   // of the tip; if the height of the stream is not known, counted from 0 at its first header
	Work    pow.Work // up to the tip, including headers that other branches share
	Fork    pow.Hash // last header that is shared with another branch; for the best branch the stream's parent
	Headers uint64   // number of headers after the fork
}

// Summary describes the headers that a verifier has accepted.
type Summary struct {
	Headers uint64
	Start   Start
	Best    Branch   // the branch with the most work; of equals, the first seen
	Side    []Branch // all other branches

	// Retargets is the number of difficulty periods whose first bits were checked
	// against the rule. Skipped is the number of those whose bits could not be
	// checked, because the preceding period began before the stream.
	Retargets, Skipped uint64
}

// NewVerifier returns a verifier that has seen no headers.
func NewVerifier(c Config) *Verifier {
	return &Verifier{network: c.Network, height: c.Height, retarget: c.Retarget}
}

// Summary describes the headers accepted so far.
func (v *Verifier) Summary() Summary {
	s := Summary{Headers: v.headers, Start: v.start, Retargets: v.retargets, Skipped: v.skipped}
	if len(v.branches) == 0 {
		return s
	}

	// Walk from the best tip down to the root. left holds the branches that the best
	// chain passes through and then leaves, each with the branch that it goes on
	// with. The headers after that fork are a side branch. The best chain leaves no
	// branch twice.
	left := map[int]branch{}
	at := v.best
	for ; v.branches[at].from != at; at = v.branches[at].from {
		left[v.branches[at].from] = v.branches[at]
	}
	root, best := v.branches[at], v.branches[v.best]
	s.Best = Branch{
		Tip: best.tip, Height: best.height, Work: best.work,
		Fork: root.fork, Headers: uint64(best.height-root.first) + 1,
	}
	for i, b := range v.branches {
		side := Branch{Tip: b.tip, Height: b.height, Work: b.work, Fork: b.fork, Headers: uint64(b.height-b.first) + 1}
		if by, ok := left[i]; ok {
			side.Fork, side.Headers = by.fork, uint64(b.height-(by.first-1))
		}
		if i != v.best {
			s.Side = append(s.Side, side)
		}
	}
	return s
}

// Errors about the [Config]: the caller has to state something that cannot be
// recognised, or has stated something that is wrong.
var (
	ErrNeedNetwork = errors.New("the difficulty rule is the network's, and the first header is neither a known genesis nor the child of one: state the network")
	ErrNeedHeight  = errors.New("the difficulty rule depends on the height, and the first header is neither a genesis nor the child of a known one: state its height")
	ErrOtherHeight = errors.New("the stream begins at another height than was stated")
)

// Add checks the next header and keeps it. If the header breaks a rule, Add returns
// a [reject.Error] and does not keep the header.
func (v *Verifier) Add(h pow.Header) error { return v.add(&h, h.Hash()) }

// AddAll checks and keeps headers, as Add does for each of them, up to the first that
// breaks a rule. It returns how many it has kept. It is faster than Add, because hashes
// are computed side by side.
func (v *Verifier) AddAll(headers []pow.Header) (kept int, err error) {
	var hashes [BatchSize]pow.Hash
	for kept < len(headers) {
		batch := headers[kept:min(kept+BatchSize, len(headers))]
		pow.HashHeaders(hashes[:len(batch)], batch)
		for i := range batch {
			if err := v.add(&batch[i], hashes[i]); err != nil {
				return kept, err
			}
			kept++
		}
	}
	return kept, nil
}

func (v *Verifier) add(h *pow.Header, hash pow.Hash) error {
	if v.headers == 0 {
		if err := v.begin(h, hash); err != nil {
			return err
		}
	}
	parent, err := v.find(h.Prev, hash)
	if err != nil {
		return err
	}
	if err := v.checkWork(h, hash); err != nil {
		return err
	}
	if err := v.checkTime(h, parent); err != nil {
		return err
	}
	if err := v.checkBits(h, parent); err != nil {
		return err
	}
	return v.keep(h, hash, parent)
}

// begin finds out where the stream begins, from the first header and from what the
// caller has stated.
func (v *Verifier) begin(h *pow.Header, hash pow.Hash) error {
	network := v.network
	v.start = Start{Parent: h.Prev}
	v.parent = node{hash: h.Prev}

	genesis := h.Prev
	if h.Prev == (pow.Hash{}) {
		genesis = hash
	}
	if network == nil {
		network = networkOfGenesis(genesis)
	}
	v.start.Network = network

	switch {
	case h.Prev == pow.Hash{}:
		if network != nil && network.Genesis.Hash() != hash {
			return reject.New(WrongGenesis, "it has no parent, but the genesis of %s is %s", network.Name, network.Genesis.Hash())
		}
		v.start.FromGenesis, v.start.HeightKnown = true, true
	case network != nil && network.Genesis.Hash() == h.Prev:
		v.start.FromGenesis, v.start.HeightKnown, v.start.Height = true, true, 1
		target, _, _ := network.Genesis.Bits.Decode()
		v.parent = v.child(&network.Genesis, h.Prev, &node{}, target.Work(), 0)
	case v.height != nil:
		v.start.Height, v.start.HeightKnown = *v.height, true
	}
	if v.height != nil && *v.height != v.start.Height {
		return fmt.Errorf("%w: at %d, not at %d", ErrOtherHeight, v.start.Height, *v.height)
	}
	if v.retarget && network == nil {
		return ErrNeedNetwork
	}
	if v.retarget && !v.start.HeightKnown {
		return ErrNeedHeight
	}
	return nil
}

// find returns the parent of a header, given the hashes of both. It begins with the
// latest header, which is the parent in almost all cases. It also returns an error
// if the stream has contained the header before.
func (v *Verifier) find(prev, hash pow.Hash) (*node, error) {
	first := v.headers - min(v.headers, window)
	for i := v.headers; i > first; i-- {
		n := v.node(i - 1)
		if n.hash == prev {
			return n, nil
		}
		if n.hash == hash {
			return nil, reject.New(Duplicate, "it stands in the stream twice")
		}
	}
	if prev == (pow.Hash{}) && v.headers > 0 {
		return nil, reject.New(reject.PrevNotFound, "it has no parent, but it is not the first header")
	}
	if prev == v.parent.hash && v.headers < window {
		return &v.parent, nil
	}
	return nil, reject.New(reject.PrevNotFound, "its parent %s is not among the %d headers before it", prev, min(v.headers, window))
}

// node returns the node of header i, which must be one of the last.
func (v *Verifier) node(i uint64) *node {
	i %= window
	return &v.nodes[i/chunk][i%chunk]
}

// child returns the node of a header with the given parent, work and height.
func (v *Verifier) child(h *pow.Header, hash pow.Hash, parent *node, work pow.Work, height uint32) node {
	n := node{
		hash:   hash,
		height: height,
		work:   parent.work.Add(work),
		branch: parent.branch,
		nTimes: min(parent.nTimes+1, medianSpan),

		bits:        h.Bits,
		realBits:    h.Bits,
		realKnown:   true,
		periodStart: parent.periodStart,
		periodBits:  parent.periodBits,
		periodKnown: parent.periodKnown,
	}
	copy(n.times[:], parent.times[1:])
	n.times[medianSpan-1] = h.Time

	network := v.start.Network
	switch {
	case network == nil || !v.start.HeightKnown:
		// The difficulty rule cannot be applied.
	case network.Rule.Boundary(height):
		n.periodStart, n.periodBits, n.periodKnown = h.Time, h.Bits, true
	case h.Bits == network.Rule.Limit:
		n.realBits, n.realKnown = parent.realBits, parent.realKnown
	}
	return n
}

// heightAfter returns the height of a child of the given node.
func (v *Verifier) heightAfter(parent *node) uint32 {
	if parent == &v.parent {
		return v.start.Height
	}
	return parent.height + 1
}

// keep adds a header that has passed all checks. It refuses the header only if the
// header would begin a new branch and there are maxBranches already.
func (v *Verifier) keep(h *pow.Header, hash pow.Hash, parent *node) error {
	height := v.heightAfter(parent)
	n := v.child(h, hash, parent, v.work, height)

	isRoot := parent == &v.parent
	if isRoot || v.branches[parent.branch].tip != h.Prev {
		if len(v.branches) == maxBranches {
			return reject.New(TooManyForks, "more than %d branches", maxBranches)
		}
		n.branch = len(v.branches)
		from := parent.branch
		if isRoot {
			from = n.branch
		}
		v.branches = append(v.branches, branch{from: from, fork: h.Prev, first: height})
	}
	b := &v.branches[n.branch]
	b.tip, b.height, b.work = hash, height, n.work
	if n.work.Cmp(v.branches[v.best].work) > 0 {
		v.best = n.branch
	}

	if v.headers == uint64(len(v.nodes))*chunk && v.headers < window {
		v.nodes = append(v.nodes, new([chunk]node))
	}
	*v.node(v.headers) = n
	v.headers++
	return nil
}
