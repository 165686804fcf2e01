//go:build (amd64 || arm64) && !purego && !noasm

package sha256d

import "math/bits"

// pick returns the candidate of a scan that has hashed a number of whole groups of
// lanes, done. Only the last of these groups can contain candidates: found has a bit
// for each of its lanes in which some version has one, and masks has the same bits
// for each version.
func pick[Mask uint16 | uint64](lanes, done int, found uint64, masks *[maxVersions]Mask, versions int, first uint32, count int) Candidate {
	c := Candidate{Hashes: min(done*lanes, count) * versions} // lanes past the end of the range do not count
	lane := bits.TrailingZeros64(found)
	at := (done-1)*lanes + lane
	if found == 0 || at >= count { // the last group may reach past the end of the range
		return c
	}
	c.Found = true
	c.Nonce = first + uint32(at)
	for masks[c.Version]>>lane&1 == 0 {
		c.Version++
	}
	return c
}
