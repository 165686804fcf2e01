// Package headers checks streams of Bitcoin headers, at constant memory.
package headers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

const (
	// window is how many of the latest headers a new one can have as its
	// parent: two difficulty periods. Older forks are not recognised.
	window = 4096

	maxBranches = 1000

	medianSpan = 11 // headers whose median time a new one must exceed
)

// Config says what is known beforehand and what to check.
type Config struct {
	// Network the headers are of; nil: recognised by its genesis, which is
	// either the first header or its parent.
	Network *Network

	// Height of the first header, where the stream does not begin at a genesis;
	// nil: unknown.
	Height *uint32

	// Retarget checks the bits against the network's difficulty rule. It needs
	// the network and the height.
	Retarget bool
}

// Verifier checks one header after another: that its parent came before, that
// its hash proves the work, that its time is later than the median of the
// eleven headers before it on its branch and, if asked, that its bits are those
// of the difficulty rule. The parent of the first header is taken on trust.
// Whether a time lies in the future is not checked.
type Verifier struct {
	network  *Network
	height   *uint32
	retarget bool

	headers  uint64
	nodes    []node // a ring: header i stands at i % window
	parent   node   // of the first header: empty but for its hash, unless it is a genesis
	start    Start
	branches []branch // in the order in which they began
	best     int      // index of the branch with the most work, first seen

	retargets, skipped uint64 // difficulty periods whose first bits were checked, or could not be

	// Of the bits seen last, which few headers change.
	bits   pow.Bits
	target pow.Target
	work   pow.Work
}

// node is what a header's children need to know, so that none of them has to
// look further back.
type node struct {
	hash   pow.Hash
	height uint32
	work   pow.Work // of the branch up to here
	branch int

	times  [medianSpan]uint32 // of the branch's latest headers, the last one newest
	nTimes int

	bits        pow.Bits
	realBits    pow.Bits // of the last header that was not of minimum difficulty
	realKnown   bool     // not where the stream began amid such headers
	periodStart uint32   // time of the first header of the difficulty period
	periodKnown bool     // not where the stream began amid the period
}

func (n *node) time() uint32 { return n.times[medianSpan-1] }

// Start says how much is known of where the stream begins.
type Start struct {
	Network     *Network // nil: not recognised
	Height      uint32   // of the first header
	HeightKnown bool
	Parent      pow.Hash // of the first header; zero for a genesis
	FromGenesis bool     // the first header is a genesis or its child: nothing is taken on trust
}

// branch is a run of headers, each the child of the one before. It begins the
// stream or leaves another branch, which may go on beside it.
type branch struct {
	from   int // index of the branch it leaves; itself if it begins at the stream's parent
	fork   pow.Hash
	first  uint32 // height of its first header
	height uint32 // of its tip
	tip    pow.Hash
	work   pow.Work
}

// Branch is a chain of headers up to one that has no children.
type Branch struct {
	Tip     pow.Hash
	Height  uint32   // of the tip; counted from 0 where the stream begins if the height is not known
	Work    pow.Work // up to the tip, with what it shares with other branches
	Fork    pow.Hash // where it leaves another branch; for the best one the stream's parent
	Headers uint64   // after the fork
}

// Summary is what is known after a number of headers.
type Summary struct {
	Headers uint64
	Start   Start
	Best    Branch   // the one with the most work, the first seen of equals
	Side    []Branch // the others, as they leave it or one another

	// Difficulty periods whose first bits were checked against the rule, and
	// those where that could not be, because the period before began before the
	// stream.
	Retargets, Skipped uint64
}

// NewVerifier returns a verifier.
func NewVerifier(c Config) *Verifier {
	return &Verifier{network: c.Network, height: c.Height, retarget: c.Retarget}
}

// Summary returns what is known so far.
func (v *Verifier) Summary() Summary {
	s := Summary{Headers: v.headers, Start: v.start, Retargets: v.retargets, Skipped: v.skipped}
	if len(v.branches) == 0 {
		return s
	}

	// From the best tip down: of a branch that it has left, what lies past the
	// fork is a side branch. It leaves no branch twice, so left holds each fork.
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

// What the caller has to state, or has stated wrongly.
var (
	ErrNeedNetwork = errors.New("the difficulty rule is the network's, and the first header is neither a known genesis nor the child of one: state the network")
	ErrNeedHeight  = errors.New("the difficulty rule depends on the height, and the first header is neither a genesis nor the child of a known one: state its height")
	ErrOtherHeight = errors.New("the stream begins at another height than was stated")
)

// Add checks the next header and keeps it. A [reject.Error] names what is wrong with
// it; the header is then not kept.
func (v *Verifier) Add(h pow.Header) error {
	hash := h.Hash()
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

// begin finds out where the stream starts.
func (v *Verifier) begin(h pow.Header, hash pow.Hash) error {
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
		v.parent = v.child(network.Genesis, h.Prev, &node{}, target.Work(), 0)
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

// find returns the parent. Most headers are the child of the one before.
func (v *Verifier) find(prev, hash pow.Hash) (*node, error) {
	first := v.headers - min(v.headers, window)
	for i := v.headers; i > first; i-- {
		n := &v.nodes[(i-1)%window]
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

func (v *Verifier) checkWork(h pow.Header, hash pow.Hash) error {
	if h.Bits != v.bits || v.headers == 0 {
		target, err := h.Bits.Target()
		if err != nil {
			return reject.New(reject.HighHash, "%v", err)
		}
		if n := v.start.Network; n != nil {
			if limit, _, _ := n.Rule.Limit.Decode(); target.Cmp(limit) > 0 {
				return reject.New(reject.HighHash, "bits %s ask for less work than %s, the least on %s", h.Bits, n.Rule.Limit, n.Name)
			}
		}
		v.bits, v.target, v.work = h.Bits, target, target.Work()
	}
	if !hash.Meets(v.target) {
		return reject.New(reject.HighHash, "the hash is above the target %s of bits %s", v.target, h.Bits)
	}
	return nil
}

func (v *Verifier) checkTime(h pow.Header, parent *node) error {
	n := parent.nTimes
	if n == 0 || n < medianSpan && !v.start.FromGenesis {
		return nil // the median is not known
	}
	sorted := parent.times
	known := sorted[medianSpan-n:]
	slices.Sort(known)
	if median := known[n/2]; h.Time <= median {
		return reject.New(reject.TimeTooOld, "time %d is not later than %d, the median of the %d headers before", h.Time, median, n)
	}
	return nil
}

func (v *Verifier) checkBits(h pow.Header, parent *node) error {
	if !v.retarget || h.Prev == (pow.Hash{}) {
		return nil
	}
	n := v.start.Network
	want := parent.bits
	height := v.heightAfter(parent)
	boundary := n.Rule.Boundary(height)
	switch {
	case boundary && !parent.periodKnown:
		v.skipped++
		return nil
	case boundary:
		want = n.Rule.Next(parent.bits, parent.periodStart, parent.time())
	case parent.nTimes == 0:
		return nil // taken on trust, and nothing of it is known
	case n.MinDifficulty && int64(h.Time) > int64(parent.time())+2*int64(n.Rule.Spacing):
		want = n.Rule.Limit
	case n.MinDifficulty && !parent.realKnown:
		return nil
	case n.MinDifficulty:
		want = parent.realBits
	}
	if h.Bits != want {
		return reject.New(reject.BadDiffBits, "bits %s, the difficulty rule of %s wants %s at height %d", h.Bits, n.Name, want, height)
	}
	if boundary {
		v.retargets++
	}
	return nil
}

// child returns the node of a header at that height.
func (v *Verifier) child(h pow.Header, hash pow.Hash, parent *node, work pow.Work, height uint32) node {
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
		periodKnown: parent.periodKnown,
	}
	copy(n.times[:], parent.times[1:])
	n.times[medianSpan-1] = h.Time

	network := v.start.Network
	switch {
	case network == nil || !v.start.HeightKnown:
		// The difficulty rule is not asked for.
	case network.Rule.Boundary(height):
		n.periodStart, n.periodKnown = h.Time, true
	case h.Bits == network.Rule.Limit:
		n.realBits, n.realKnown = parent.realBits, parent.realKnown
	}
	return n
}

// heightAfter returns the height of a child of that node.
func (v *Verifier) heightAfter(parent *node) uint32 {
	if parent == &v.parent {
		return v.start.Height
	}
	return parent.height + 1
}

func (v *Verifier) keep(h pow.Header, hash pow.Hash, parent *node) error {
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

	if len(v.nodes) < window {
		v.nodes = append(v.nodes, n)
	} else {
		v.nodes[v.headers%window] = n
	}
	v.headers++
	return nil
}
