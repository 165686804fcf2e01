package headers

import (
	"slices"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// checkWork checks that the bits are possible on the network, if that is known, and
// that the hash meets them. The target of the latest bits is kept, because most
// headers have the bits of the header before.
func (v *Verifier) checkWork(h *pow.Header, hash pow.Hash) error {
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

// checkTime checks that the time is later than the median time past. It passes a
// header before which the stream has too few others to compute that median.
func (v *Verifier) checkTime(h *pow.Header, parent *node) error {
	n := parent.nTimes
	if n == 0 || n < medianSpan && !v.start.FromGenesis {
		return nil // the stream has too few headers to know the median
	}
	// The time is later than the median if it is later than more than half of the times.
	// To count those is faster than to sort.
	times := parent.times[medianSpan-n:]
	earlier := 0
	for _, t := range times {
		if t < h.Time {
			earlier++
		}
	}
	if earlier <= n/2 {
		sorted := slices.Sorted(slices.Values(times))
		return reject.New(reject.TimeTooOld, "time %d is not later than %d, the median of the %d headers before", h.Time, sorted[n/2], n)
	}
	return nil
}

// checkBits checks that the bits are those of the network's difficulty rule, if the
// caller wants that. It passes a header for which the stream does not go back far
// enough, and counts it as skipped if that header begins a difficulty period.
func (v *Verifier) checkBits(h *pow.Header, parent *node) error {
	if !v.retarget || h.Prev == (pow.Hash{}) {
		return nil
	}
	n := v.start.Network
	want := parent.bits
	height := v.heightAfter(parent)
	boundary := n.Rule.Boundary(height) && !n.NoRetarget
	switch {
	case boundary && n.MaxTimewarp > 0 && int64(h.Time) < int64(parent.time())-int64(n.MaxTimewarp):
		return reject.New(TimeWarp, "time %d is more than %d seconds before that of its parent, %d, at the beginning of a difficulty period", h.Time, n.MaxTimewarp, parent.time())
	case boundary && !parent.periodKnown:
		v.skipped++
		return nil
	case boundary && n.FirstBits:
		want = n.Rule.Next(parent.periodBits, parent.periodStart, parent.time())
	case boundary:
		want = n.Rule.Next(parent.bits, parent.periodStart, parent.time())
	case parent.nTimes == 0:
		return nil // the parent is taken on trust, and its bits are not known
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
