package mine

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/lodepow/lode/pow"
)

// VersionMask has the bits of the version that BIP 320 leaves to miners.
const VersionMask = 0x1fffe000

// Bounds of a [Work], so that a hostile source cannot use up memory.
const (
	// MaxCoinbase is the length in bytes of the longest coinbase: no transaction is
	// larger than the largest block.
	MaxCoinbase = 4 << 20

	// MaxBranch is the number of hashes of the longest merkle branch.
	MaxBranch = 32
)

// Work describes all headers that a source would accept on one parent. It is a
// value and is not changed after it has been made, so any number of miners may
// hold it.
//
//	coinbase:  Before, the extranonce, After
//	root:      SHA-256d of the coinbase, hashed with each hash of Branch in turn
//	header:    Version (VersionMask rolled), Prev, root, a time, Bits, a nonce
type Work struct {
	// ID is the source's name for the set of headers. A source gives no two sets the
	// same ID, not even after it has connected again. The same set may be offered
	// again with another target, other times or another mask, under the same ID or a
	// new one; the miner then goes on from where it was.
	ID string

	// Height is that of the block, for the log and for progress. 0 means unknown.
	Height int64

	// Version is the version field of the header. The miner may change the bits that
	// are set both in this VersionMask and in the constant [VersionMask].
	Version     int32
	VersionMask uint32

	Prev pow.Hash // hash of the parent's header
	Bits pow.Bits // target of the block, as its header says

	// Target is the largest hash that the source wants to see. It may be easier
	// than that of Bits; the solution is then a share, and now and then also a
	// block. The zero value means the target of Bits.
	Target pow.Target

	// The header's time is at least MinTime and at most MaxTime, both in seconds
	// since 1970. A MaxTime of 0 means that there is no bound.
	MinTime, MaxTime uint32

	Before, After []byte // bytes of the coinbase before and after the extranonce
	Extranonces   Space  // those that may stand between them

	// Branch is the merkle branch of the coinbase, the lowest sibling first. It is
	// empty if the block has no other transactions.
	Branch []pow.Hash
}

// Validate returns an error if the work makes no sense: what a source has received
// from elsewhere must be checked before anybody mines it.
func (w Work) Validate() error {
	if _, err := w.Bits.Target(); err != nil {
		return fmt.Errorf("work %q: %w", w.ID, err)
	}
	if w.MaxTime != 0 && w.MaxTime < w.MinTime {
		return fmt.Errorf("work %q: greatest time %d is before the least, %d", w.ID, w.MaxTime, w.MinTime)
	}
	if size := len(w.Before) + w.Extranonces.Size() + len(w.After); size > MaxCoinbase {
		return fmt.Errorf("work %q: coinbase of %d bytes, want at most %d", w.ID, size, MaxCoinbase)
	}
	if len(w.Branch) > MaxBranch {
		return fmt.Errorf("work %q: merkle branch of %d hashes, want at most %d", w.ID, len(w.Branch), MaxBranch)
	}
	return nil
}

// SameHeaders reports whether two works describe the same headers for the same
// parent, so that a search of one is a search of the other. The ID and what may
// change during a search are not compared: the target, the times and the mask.
func (w Work) SameHeaders(v Work) bool {
	return w.Prev == v.Prev && w.Bits == v.Bits && w.Version == v.Version &&
		w.Extranonces == v.Extranonces &&
		bytes.Equal(w.Before, v.Before) && bytes.Equal(w.After, v.After) &&
		slices.Equal(w.Branch, v.Branch)
}

// Versions returns the version fields to try with each nonce: the work's own
// first, then others that differ from it in the lowest bits of the mask. There are
// at most [pow.MaxVersions], and fewer if the mask has fewer than four bits.
func (w Work) Versions() []int32 {
	return versions(w.Version, w.VersionMask)
}

func versions(version int32, mask uint32) []int32 {
	mask &= VersionMask
	list := []int32{version}
	for mask != 0 && 2*len(list) <= pow.MaxVersions {
		bit := int32(1) << bits.TrailingZeros32(mask)
		mask &= mask - 1
		for _, v := range slices.Clone(list) {
			list = append(list, v^bit)
		}
	}
	return list
}

// Time returns the permitted header time that is closest to the given time.
func (w Work) Time(time uint32) uint32 {
	if w.MaxTime != 0 {
		time = min(time, w.MaxTime)
	}
	return max(time, w.MinTime)
}

// Header returns the header with the given extranonce, version, time and nonce. It does
// not check them.
func (w Work) Header(extranonce []byte, version int32, time, nonce uint32) pow.Header {
	return pow.Header{
		Version:    version,
		Prev:       w.Prev,
		MerkleRoot: w.root(extranonce),
		Time:       time,
		Bits:       w.Bits,
		Nonce:      nonce,
	}
}

// root returns the root of the merkle tree whose first leaf is the coinbase with the
// given extranonce.
func (w Work) root(extranonce []byte) pow.Hash {
	node := pow.DoubleSHA256(slices.Concat(w.Before, extranonce, w.After))
	var pair [2 * pow.HashSize]byte
	for _, sibling := range w.Branch {
		copy(pair[:], node[:])
		copy(pair[pow.HashSize:], sibling[:])
		node = pow.DoubleSHA256(pair[:])
	}
	return node
}

// Job returns the job to search with the given extranonce and time. A time outside
// the bounds of the work is replaced as by [Work.Time]. The job covers all nonces
// and the versions of [Work.Versions].
func (w Work) Job(extranonce []byte, time uint32) pow.Job {
	return pow.Job{
		Header:   w.Header(extranonce, w.Version, w.Time(time), 0),
		Versions: w.Versions(),
		Target:   w.Target,
	}
}

// Solution is a header that meets the target of a work, with everything that its
// source may need.
type Solution struct {
	WorkID     string
	Extranonce []byte // the whole of it, the fixed bytes too

	// Header is the solved header. A source that submits only the time, the nonce
	// and the version takes them from here.
	Header pow.Header
	Hash   pow.Hash

	// Block says that the hash also meets the bits of the header. The source then
	// wants it even if the work has become stale meanwhile.
	Block bool
}

// What can be wrong with a header that is said to solve a work.
var (
	ErrExtranonce = errors.New("extranonce is not one of the work")
	ErrVersion    = errors.New("version differs outside the bits that may be rolled")
	ErrTime       = errors.New("time is outside the bounds of the work")
	ErrOther      = errors.New("header is not one of the work")
	ErrLow        = errors.New("hash does not meet the target")
)

// Solution checks a header that has been solved for the work with the given
// extranonce, and returns the solution to submit. A server uses it to check what its
// sessions submit.
//
// The error is one of [ErrExtranonce], [ErrVersion], [ErrTime], [ErrOther] and
// [ErrLow], with details.
func (w Work) Solution(extranonce []byte, h pow.Header) (Solution, error) {
	if !w.Extranonces.Contains(extranonce) {
		return Solution{}, fmt.Errorf("%w: %x", ErrExtranonce, extranonce)
	}
	if changed := uint32(h.Version ^ w.Version); changed&^(w.VersionMask&VersionMask) != 0 {
		return Solution{}, fmt.Errorf("%w: %08x, the work's is %08x and its mask %08x", ErrVersion, uint32(h.Version), uint32(w.Version), w.VersionMask)
	}
	if w.Time(h.Time) != h.Time {
		return Solution{}, fmt.Errorf("%w: %d, want %d to %d", ErrTime, h.Time, w.MinTime, w.latest())
	}
	if h != w.Header(extranonce, h.Version, h.Time, h.Nonce) {
		return Solution{}, fmt.Errorf("%w: parent, merkle root or bits differ", ErrOther)
	}
	block, err := w.Bits.Target()
	if err != nil {
		return Solution{}, fmt.Errorf("%w: %w", ErrOther, err)
	}
	target := w.Target
	if target.IsZero() {
		target = block
	}
	s := Solution{WorkID: w.ID, Extranonce: slices.Clone(extranonce), Header: h, Hash: h.Hash()}
	s.Block = s.Hash.Meets(block)
	// A share's target may be harder than the block's, on a network for tests.
	if !s.Block && !s.Hash.Meets(target) {
		return Solution{}, fmt.Errorf("%w: %s, want at most %s", ErrLow, s.Hash, target)
	}
	return s, nil
}

// latest returns the greatest time that a header of the work may have.
func (w Work) latest() uint32 {
	if w.MaxTime != 0 {
		return w.MaxTime
	}
	return math.MaxUint32
}

// Split cuts the work into n works that differ in their extranonces alone, which
// are disjoint and together are those of w; see [Space.Split]. All keep the ID, so
// the source takes the solution of any of them.
func (w Work) Split(n int) ([]Work, error) {
	spaces, err := w.Extranonces.Split(n)
	if err != nil {
		return nil, fmt.Errorf("work %q: %w", w.ID, err)
	}
	works := make([]Work, n)
	for i := range works {
		works[i] = w
		works[i].Extranonces = spaces[i]
	}
	return works, nil
}

// Sub returns the part of the work for one session; see [Space.Sub].
func (w Work) Sub(prefix []byte) (Work, error) {
	space, err := w.Extranonces.Sub(prefix)
	if err != nil {
		return Work{}, fmt.Errorf("work %q: %w", w.ID, err)
	}
	w.Extranonces = space
	return w, nil
}
