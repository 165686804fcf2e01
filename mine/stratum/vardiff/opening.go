package vardiff

import "time"

// openingShares is how many shares after the first one say how fast the miner was before
// it.
const openingShares = 60

// Worth is what a share says about the rate of its miner. The zero value of everything but
// Share is right for all shares but those soon after the first.
type Worth struct {
	Share float64 // difficulty of the share itself; 0 for the first one of a session

	// Before is work for which there are no shares of its own: what the miner did before
	// its first share, as far as it was not part of the worth of an earlier share. It can be
	// negative. Squares is the same for the sum of squares.
	Before, Squares float64
	Ago, For        time.Duration // how long ago that time began, and how long it lasted
}

// opening makes up for the silence of a new session whose difficulty was far too high.
// The shares would otherwise be divided by minutes in which a miner of that speed could
// hardly find one. So the miner is taken to have been as fast before its first share as in
// the shares after it. Their worth stands for the silence too, so they are no more certain
// for it. The first share itself was luck: its difficulty may be that of an hour's work, and
// it only ends the silence.
type opening struct {
	passed time.Duration // since the first job went out
	silent time.Duration // until the first share

	shares        int // after the first
	work, squares float64

	before, beforeSquares float64 // that earlier shares were worth
}

// share returns the worth of a share.
func (o *opening) share(difficulty float64, first bool) Worth {
	if first {
		o.silent = o.passed
		return Worth{}
	}
	w := Worth{Share: difficulty}
	since := o.passed - o.silent
	if o.shares == openingShares || o.silent <= 0 || since <= 0 {
		return w
	}
	o.shares++
	o.work += difficulty
	o.squares += difficulty * difficulty
	// The time until the last of n shares is on average n intervals, but the average of
	// its inverse is that of n-1.
	rate := o.work * (1 - 1/float64(o.shares)) / since.Seconds()
	before := rate * o.silent.Seconds()
	scale := 1 + before/o.work
	squares := o.squares * (scale*scale - 1)
	w.Before, w.Squares, w.Ago, w.For = before-o.before, squares-o.beforeSquares, o.passed, o.silent
	o.before, o.beforeSquares = before, squares
	return w
}
