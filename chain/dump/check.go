package dump

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// Checker checks the blocks of a dump one after another, each on top of the one
// before: the hash, the proof of work, the bits, the time, the link, the height, the
// merkle root, and each transaction with its signature. It does not compare times with
// the clock.
//
// A block may come again, as in pages that overlap. For each block the checker keeps
// its hash, and for each transaction its id, about 120 bytes in all.
type Checker struct {
	name    string       // of the network; "" if it is not known
	params  rules.Params // zero if they are not known yet
	began   bool
	state   rules.State // at the latest block
	last    pow.Header
	first   int64              // height of the first block
	hashes  []pow.Hash         // of all blocks, from the first on
	mined   map[pow.Hash]int64 // heights of the transactions
	summary Summary
}

// Summary is what a checker has seen.
type Summary struct {
	Network     string   // name; "" if there was no block
	Blocks      int64    // each counted once
	Repeated    int64    // blocks that came again
	First       int64    // height of the first block
	FromGenesis bool     // nothing is taken on trust
	Parent      pow.Hash // of the first block
	Height      int64    // of the last block
	Tip         pow.Hash
	Work        pow.Work // from the first block on
	BitsChecked bool     // the bits follow the difficulty rule
	Txs, Signed int64
}

// NewChecker returns a checker for a network that is known: by its parameters, or, for
// the network tutorial with any difficulty, by its name. With neither, the network is
// recognised by its genesis if it is tutorial or lab.
func NewChecker(params rules.Params, name string) *Checker {
	if params != (rules.Params{}) {
		name = params.Name()
	}
	return &Checker{name: name, params: params, mined: map[pow.Hash]int64{}}
}

// Summary returns what the checker has seen so far.
func (c *Checker) Summary() Summary {
	s := c.summary
	if c.began {
		s.Network, s.First, s.Height, s.Tip, s.Work = c.name, c.first, c.state.Height, c.state.Hash, c.state.Work
		s.BitsChecked = c.knowsBits()
	}
	return s
}

// Add checks the next block, of which text is the JSON form. The error is a [Fault] if
// something is wrong with it, or a [NeedNetworkError].
func (c *Checker) Add(text []byte) error {
	b, err := block.ParseJSON(text, func(pow.Header, int) error { return nil })
	if err != nil {
		return blame(text, err, c.expected())
	}
	if root, _ := block.MerkleRoot(b.IDs()); root != b.Header.MerkleRoot {
		return blameBody(b, root)
	}
	if seen, ok := c.seen(b.Height()); ok {
		if seen != b.Hash() {
			return &Fault{b.Height(), "", block.Reject(block.PrevNotFound, "block %s is here, but there was %s at this height before: "+
				"the chain was reorganised between the pages, so fetch them again, or one of the two blocks was replaced", b.Hash(), seen)}
		}
		c.summary.Repeated++
		return nil
	}
	if !c.began {
		if err := c.begin(b); err != nil {
			return err
		}
		if b.Height() == 0 {
			return nil
		}
	}
	if err := c.check(b); err != nil {
		if isRule(err) && !errors.As(err, new(*Fault)) {
			err = &Fault{b.Height(), fieldOf(err), err}
		}
		return err
	}
	c.apply(b)
	return nil
}

// expected returns what is known about the next block.
func (c *Checker) expected() expected {
	if !c.began {
		return expected{height: -1}
	}
	want := expected{height: c.state.Height + 1, parent: c.state.Hash, version: c.last.Version, time: c.last.Time}
	if c.params != (rules.Params{}) && c.knowsBits() {
		want.bits = c.state.NextBits(c.params)
	}
	return want
}

// knowsBits reports whether the difficulty rule can be applied. All but the fixed one
// look at blocks below the parent.
func (c *Checker) knowsBits() bool {
	return c.summary.FromGenesis || c.params.Difficulty().Rule == rules.RuleFixed
}

// seen returns the hash of the block that was at a height before.
func (c *Checker) seen(height int64) (pow.Hash, bool) {
	if !c.began || height < c.first || height > c.state.Height {
		return pow.Hash{}, false
	}
	return c.hashes[height-c.first], true
}

// begin takes the first block.
func (c *Checker) begin(b block.Block) error {
	if b.Height() > 0 {
		if c.name == "" {
			return NeedNetworkError{}
		}
		c.began = true
		c.first = b.Height()
		c.state = rules.State{Height: b.Height() - 1, Hash: b.Header.Prev}
		c.summary.Parent = b.Header.Prev
		return nil
	}
	if c.name == "" {
		c.name = b.Coinbase.Tag
	}
	if err := checkGenesis(b, c.name); err != nil {
		return err
	}
	if c.params == (rules.Params{}) && c.name == rules.Lab().Name() {
		c.params = rules.Lab()
	}
	c.began = true
	c.summary.FromGenesis = true
	c.state = c.params.EmptyState() // the network tutorial, whose bits are not known yet, needs no more
	c.apply(b)
	return nil
}

// check checks a block that comes next.
func (c *Checker) check(b block.Block) error {
	h, hash := b.Header, b.Hash()
	if c.params == (rules.Params{}) {
		if c.name != Tutorial {
			return NeedNetworkError{Name: c.name}
		}
		var err error
		if c.params, err = tutorialOf(h.Bits); err != nil {
			return err
		}
	}
	if missing := b.Height() - c.state.Height - 1; missing != 0 {
		return &Fault{b.Height(), "", block.Reject(block.PrevNotFound, "%s", c.outOfPlace(missing))}
	}
	if h.Prev != c.state.Hash {
		return block.Reject(block.PrevNotFound, "the parent is %s, but block %d of the dump is %s: one of the two was replaced", h.Prev, c.state.Height, c.state.Hash)
	}
	if _, err := c.params.Judge(&rules.Subject{Block: b, Hash: hash}, rules.Header, rules.Body); err != nil {
		return err
	}
	if c.knowsBits() {
		if want := c.state.NextBits(c.params); h.Bits != want {
			return block.Reject(block.BadDiffBits, "bits %s, the difficulty rule of the network %s wants %s", h.Bits, c.name, want)
		}
	}
	if past := c.state.MedianTimePast(); h.Time <= past {
		return block.Reject(block.TimeTooOld, "time %d, want more than %d, the median of the latest blocks", h.Time, past)
	}
	for i, tx := range b.Txs {
		err := c.params.CheckTx(tx)
		if height, ok := c.mined[tx.ID()]; ok && err == nil {
			err = block.Reject(block.TxAlreadyMined, "transaction %s is in block %d already", tx.ID(), height)
		}
		if err != nil {
			return &Fault{b.Height(), txField(i), err}
		}
	}
	return nil
}

// outOfPlace says what it means that a block comes although others are missing before
// it.
func (c *Checker) outOfPlace(missing int64) string {
	if missing < 0 {
		return fmt.Sprintf("the dump began at height %d: name the pages in the order of their heights", c.first)
	}
	if missing == 1 {
		return fmt.Sprintf("block %d is missing before this one", c.state.Height+1)
	}
	return fmt.Sprintf("blocks %d to %d are missing before this one: name all pages, in the order of their heights", c.state.Height+1, c.state.Height+missing)
}

// apply takes a block that is right.
func (c *Checker) apply(b block.Block) {
	c.state = c.state.Apply(b.Header)
	c.last = b.Header
	c.hashes = append(c.hashes, c.state.Hash)
	c.summary.Blocks++
	for _, tx := range b.Txs {
		c.mined[tx.ID()] = b.Height()
		c.summary.Txs++
		if tx.Signed() {
			c.summary.Signed++
		}
	}
}
