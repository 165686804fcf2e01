package mine

import (
	"math"
	"time"

	"github.com/lodepow/lode/pow"
)

const (
	// A job is worth about jobTime, so that the next one has the present time and
	// the newest transactions. The first job, when the rate is not known yet, has
	// firstNonces; each nonce is tried with all versions.
	jobTime     = 2 * time.Second
	firstNonces = 1 << 15

	nonceSpace = 1 << 32
)

// jobNonces returns how many nonces take jobTime at a rate in hashes a second.
func jobNonces(rate float64, versions int) uint64 {
	if rate == 0 {
		return firstNonces
	}
	count := rate * jobTime.Seconds() / float64(versions)
	return uint64(min(max(count, firstNonces), nonceSpace))
}

// cursor is how far a work has been searched. It goes through the extranonces in
// rounds and through all nonces of each extranonce, so within a round no pair of
// the two is tried twice, whatever the clock does. The next round begins only when
// the time has passed every time that was used before, so its headers differ, too.
type cursor struct {
	work     Work
	versions int
	start    uint64 // number of the extranonce that every round begins with

	passed uint64 // extranonces of this round that have been searched to the end
	nonce  uint64 // the next one to try with the present extranonce, up to nonceSpace
	latest uint32 // greatest time that has been used
	floor  uint64 // least time of this round's headers
	begun  bool   // this round has had a job, so floor is a time that headers may have
}

// newCursor returns a cursor at the beginning of the work. Each miner has a different
// start, so that miners that search the same work begin in different places.
func newCursor(w Work, start uint64) *cursor {
	if last := w.Extranonces.Last(); last != math.MaxUint64 {
		start %= last + 1
	}
	return &cursor{work: w, versions: len(w.Versions()), start: start}
}

// adopt reports whether the work describes the headers that the cursor is in. If
// so, the cursor goes on with the ID, the target, the times and the versions of that
// work. It does not rely on the ID: a source may give the same headers another one,
// and searching them from the beginning would repeat hashes.
func (c *cursor) adopt(w Work) bool {
	if c == nil || !c.work.SameHeaders(w) {
		return false
	}
	c.work, c.versions = w, len(w.Versions())
	return true
}

// extranonce returns the present one: start, plus those passed, around the end of
// the space.
func (c *cursor) extranonce() []byte {
	space := c.work.Extranonces
	if rest := space.Last() - c.start; c.passed > rest {
		return space.At(c.passed - rest - 1)
	}
	return space.At(c.start + c.passed)
}

// ready moves on to the next extranonce, if the present one has been searched, and
// returns the time for a header that is searched now. It returns false if no headers
// are left until the clock advances. If the work does not allow later times, it
// returns false from then on.
func (c *cursor) ready(now time.Time) (at uint32, ok bool) {
	if c.nonce == nonceSpace {
		c.nonce = 0
		if c.passed < c.work.Extranonces.Last() {
			c.passed++
		} else {
			c.passed = 0
			c.floor = uint64(c.latest) + 1
			c.begun = false
		}
	}
	at = c.work.Time(uint32(min(max(now.Unix(), 0), math.MaxUint32)))
	if uint64(at) >= c.floor {
		return at, true
	}
	// If the round has begun, the clock has been set back meanwhile, or the source
	// has lowered the greatest time.
	return uint32(c.floor), c.begun && c.floor <= uint64(c.work.latest())
}

// next returns the next job, of at most count nonces, and false if all headers of
// the work that can have the present time have been searched.
func (c *cursor) next(now time.Time, count uint64) (extranonce []byte, job pow.Job, ok bool) {
	at, ok := c.ready(now)
	if !ok {
		return nil, pow.Job{}, false
	}
	c.begun = true
	c.latest = max(c.latest, at)
	extranonce = c.extranonce()
	job = c.work.Job(extranonce, at)
	job.First = uint32(c.nonce)
	job.Count = min(count, nonceSpace-c.nonce)
	return extranonce, job, true
}

// advance records that the next nonces have been searched.
func (c *cursor) advance(nonces uint64) { c.nonce = min(c.nonce+nonces, nonceSpace) }

// markSolved records that a job has been solved at the given nonce. The search goes on with
// the next one, so up to 15 versions of the nonce are not tried.
func (c *cursor) markSolved(nonce uint32) { c.nonce = uint64(nonce) + 1 }
