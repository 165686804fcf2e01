package vardiff

import "time"

// openingShares is how many shares after the first one are judged together.
const openingShares = 60

// Worth is what a share says about the rate of its miner. The zero value of everything but
// Share is right for all shares but the first ones of a session.
type Worth struct {
	Share float64 // difficulty of the share; 0 for the first ones of a session

	// Opening is what the miner has done from its first job on, as far as its first shares
	// tell. It takes the place of Before, which is what they told before this one. Both are
	// of times that began Ago.
	Opening, Before Work
	Ago             time.Duration
}

// Work is an estimate of what a miner has done in a time, at a rate that was constant.
type Work struct {
	Done    float64       // the difficulties of shares that would be found on average
	Squares float64       // the sum of their squares, for the certainty
	For     time.Duration // the time
}

// opening judges the first shares of a session, whose difficulty may have been far too high
// until it was found. The sum of the difficulties of these shares would be no good estimate:
// a single one, found by luck, may be that of an hour's work; and for minutes there may be
// none at all, though the miner hashes. So the shares count as equals. Their number is divided
// by the exposure in which they came, which is that of a miner of unknown rate to the
// difficulties of its jobs: nearly none while they are far too hard. The first share ends a
// silence whose length nobody has chosen, and counts for nothing. The miner is taken to have
// been as fast before it as in the shares after it, which are no more certain for that.
type opening struct {
	passed  time.Duration // since the first job went out
	silent  time.Duration // until the first share
	exposed float64       // exposure since then

	shares int     // after the first
	count  float64 // of them; see Controller.Share
	latest Work
}

// pass notes that time has passed, and the exposure of it.
func (o *opening) pass(passed time.Duration, exposure float64) {
	o.passed += passed
	o.exposed += exposure
}

// share returns the worth of a share. Its count is 1, or less if its job is an easier one
// than that which is out.
func (o *opening) share(difficulty, count float64, first bool) Worth {
	if first {
		o.silent, o.exposed = o.passed, 0
		return Worth{}
	}
	if o.shares == openingShares {
		return Worth{Share: difficulty}
	}
	o.shares++
	o.count += count
	if o.exposed <= 0 {
		return Worth{} // the clock stands still; a later share tells of this one too
	}
	since := o.passed - o.silent
	// The time until the last of n shares is on average n intervals, but the average of
	// its inverse is that of n-1.
	work := Work{
		Done: (o.count*since.Seconds() + max(0, o.count-1)*o.silent.Seconds()) / o.exposed,
		For:  o.passed,
	}
	work.Squares = work.Done * work.Done / o.count // those of as many equal shares
	w := Worth{Opening: work, Before: o.latest, Ago: o.passed}
	o.latest = work
	return w
}
