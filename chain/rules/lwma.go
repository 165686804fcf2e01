package rules

import "github.com/lodepow/lode/pow"

// Lwma is LWMA-1, the linearly weighted moving average of zawy12, a difficulty rule of
// many small coins. The next target is the average of the latest Window targets, times
// the weighted average of the times that these blocks took, divided by Spacing. The
// oldest of the blocks has the weight 1, the latest the weight Window.
//
// The results are bit for bit those of the published algorithm (issue 3 of
// github.com/zawy12/difficulty-algorithms, LWMA-1 for Bitcoin clones, version of
// 2019), wherever its 256 bits suffice:
//
//   - A block whose time is not later than that of its parent counts as one second,
//     and its child is measured from the time that it should have had.
//   - A block counts for at most six spacings.
//   - Each target is divided, with the remainder dropped, before the sum is made. The
//     rounding makes targets too small by less than a unit in the last place of bits.
//
// Where the published code gives away the first Window blocks at the easiest target,
// a network here has its own bits for them.
type Lwma struct {
	Window  uint32   // blocks that are averaged, from 1 to 1024
	Spacing uint32   // intended seconds between blocks, from 2 to 86,400
	Limit   pow.Bits // the easiest target
}

// lwmaMaxSolve is the number of spacings for which a block counts at most.
const lwmaMaxSolve = 6

// Next returns the bits of the block that follows the given ones. There must be
// Window+1 of them, the oldest first; of the oldest only the time is used.
func (l Lwma) Next(latest []Stamp) pow.Bits {
	n, spacing := int64(l.Window), int64(l.Spacing)
	onTime := n * (n + 1) / 2 * spacing // the weighted sum of blocks that all came on time
	var sum pow.Target                  // of the targets, each divided by n*onTime; it is less than 2^256
	var weighted int64                  // seconds times weight, at most lwmaMaxSolve*onTime
	previous := int64(latest[0].Time)
	for i, b := range latest[1:] {
		now := max(int64(b.Time), previous+1)
		weighted += int64(i+1) * min(now-previous, lwmaMaxSolve*spacing)
		previous = now
		target, _, _ := b.Bits.Decode()
		part, _ := target.MulDiv(1, uint64(n*onTime))
		sum, _ = sum.Add(part)
	}
	next, ok := sum.MulDiv(uint64(weighted), 1)
	limit, _, _ := l.Limit.Decode()
	switch {
	case !ok || next.Cmp(limit) > 0:
		return l.Limit
	case next.IsZero():
		return hardest()
	}
	return next.Bits()
}

// nextLwma applies [Lwma] to the block after the top of the branch. Genesis does not
// take part, because its time is long past on a new network. So the first Window+1
// blocks above it have the bits of the network.
func (s State) nextLwma(d Difficulty) pow.Bits {
	if s.recent.count() <= int(d.Window) {
		return d.Bits
	}
	return Lwma{Window: d.Window, Spacing: d.Spacing, Limit: d.Limit}.Next(s.recent.stamps())
}
