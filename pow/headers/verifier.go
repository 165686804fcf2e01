// Package headers checks streams of Bitcoin headers, at constant memory.
package headers

import (
	"errors"
	"slices"

	"github.com/lodepow/lode/pow"
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

	// Height of the first header, where it cannot be recognised; nil: unknown.
	Height *uint32

	// Retarget checks the bits against the network's difficulty rule, Bitcoin's
	// main one if the network is unknown. It needs the height.
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
	parent   node   // of the first header; known says what of it is known
	start    Start
	branches []Branch
	best     int // index of the branch with the most work, first seen

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
	periodStart uint32   // time of the first header of the difficulty period
	periodKnown bool
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

// Branch is a chain of headers that leaves another, or begins the stream.
type Branch struct {
	Fork    pow.Hash // the header it leaves from
	First   uint32   // height of its first header
	Height  uint32   // of its tip
	Tip     pow.Hash
	Headers uint64   // that it does not share with the branch it left
	Work    pow.Work // up to its tip, with what was before the fork
}

// Summary is what is known after a number of headers.
type Summary struct {
	Headers uint64
	Start   Start
	Best    Branch   // the one with the most work, the first seen of equals
	Side    []Branch // the others
}

// NewVerifier returns a verifier.
func NewVerifier(c Config) *Verifier {
	return &Verifier{network: c.Network, height: c.Height, retarget: c.Retarget}
}

// Summary returns what is known so far.
func (v *Verifier) Summary() Summary {
	s := Summary{Headers: v.headers, Start: v.start}
	if len(v.branches) > 0 {
		s.Best = v.branches[v.best]
		s.Side = slices.Delete(slices.Clone(v.branches), v.best, v.best+1)
	}
	return s
}

// ErrNeedHeight is returned when the difficulty rule is to be checked on headers
// of unknown height.
var ErrNeedHeight = errors.New("the difficulty rule depends on the height, and the first header is neither a genesis nor the child of a known one: state its height")

// Add checks the next header and keeps it. An [*Error] names what is wrong with
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
	v.start = Start{Network: v.network, Parent: h.Prev}
	v.parent = node{hash: h.Prev}

	switch {
	case h.Prev == pow.Hash{}: // a genesis
		v.start.FromGenesis, v.start.HeightKnown = true, true
		if v.start.Network == nil {
			v.start.Network = networkOfGenesis(hash)
		}
	case networkOfGenesis(h.Prev) != nil:
		v.start.FromGenesis, v.start.HeightKnown = true, true
		if v.start.Network == nil {
			v.start.Network = networkOfGenesis(h.Prev)
		}
		genesis := networkOfGenesis(h.Prev).Genesis
		target, _, _ := genesis.Bits.Decode()
		v.parent = v.child(genesis, h.Prev, &node{}, target.Work(), 0)
		v.start.Height = 1
	case v.height != nil:
		v.start.Height, v.start.HeightKnown = *v.height, true
	}
	if v.retarget && !v.start.HeightKnown {
		return ErrNeedHeight
	}
	return nil
}

func (v *Verifier) rule() *Network {
	if v.start.Network != nil {
		return v.start.Network
	}
	return Main()
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
			return nil, refuse(Duplicate, "it stands in the stream twice")
		}
	}
	if prev == v.parent.hash && v.headers < window {
		return &v.parent, nil
	}
	return nil, refuse(PrevNotFound, "its parent %s is not among the %d headers before it", prev, min(v.headers, window))
}

func (v *Verifier) checkWork(h pow.Header, hash pow.Hash) error {
	if h.Bits != v.bits || v.headers == 0 {
		target, err := h.Bits.Target()
		if err != nil {
			return refuse(HighHash, "%v", err)
		}
		if n := v.start.Network; n != nil {
			if limit, _, _ := n.Rule.Limit.Decode(); target.Cmp(limit) > 0 {
				return refuse(HighHash, "bits %s ask for less work than %s, the least on %s", h.Bits, n.Rule.Limit, n.Name)
			}
		}
		v.bits, v.target, v.work = h.Bits, target, target.Work()
	}
	if !hash.Meets(v.target) {
		return refuse(HighHash, "the hash is above the target %s of bits %s", v.target, h.Bits)
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
		return refuse(TimeTooOld, "time %d is not later than %d, the median of the %d headers before", h.Time, median, n)
	}
	return nil
}

func (v *Verifier) checkBits(h pow.Header, parent *node) error {
	if !v.retarget || parent.nTimes == 0 {
		return nil
	}
	n := v.rule()
	want := parent.bits
	height := parent.height + 1
	switch {
	case n.Rule.Boundary(height):
		if !parent.periodKnown {
			return nil // the period began before the stream
		}
		want = n.Rule.Next(parent.bits, parent.periodStart, parent.time())
	case n.MinDifficulty && int64(h.Time) > int64(parent.time())+2*int64(n.Rule.Spacing):
		want = n.Rule.Limit
	case n.MinDifficulty:
		want = parent.realBits
	}
	if h.Bits != want {
		return refuse(BadDiffBits, "bits %s, the difficulty rule of %s wants %s at height %d", h.Bits, n.Name, want, height)
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
		periodStart: parent.periodStart,
		periodKnown: parent.periodKnown,
	}
	copy(n.times[:], parent.times[1:])
	n.times[medianSpan-1] = h.Time

	rule := v.rule().Rule
	if rule.Boundary(height) {
		n.periodStart, n.periodKnown = h.Time, true
	} else if h.Bits == rule.Limit && parent.nTimes > 0 {
		n.realBits = parent.realBits
	}
	return n
}

func (v *Verifier) keep(h pow.Header, hash pow.Hash, parent *node) error {
	height := v.start.Height
	if v.headers > 0 && parent != &v.parent {
		height = parent.height + 1
	}
	n := v.child(h, hash, parent, v.work, height)

	if v.headers == 0 || v.branches[parent.branch].Tip != h.Prev {
		if len(v.branches) == maxBranches {
			return refuse(TooManyForks, "more than %d branches", maxBranches)
		}
		n.branch = len(v.branches)
		v.branches = append(v.branches, Branch{Fork: h.Prev, First: height})
	}
	b := &v.branches[n.branch]
	b.Tip, b.Height, b.Work = hash, height, n.work
	b.Headers++
	if n.work.Cmp(v.branches[v.best].Work) > 0 {
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
