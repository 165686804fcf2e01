package web

import (
	"sync"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// reorg is a change of the active branch, as it happened.
type reorg struct {
	at           time.Time
	tip          pow.Hash
	height       int64
	connected    []pow.Hash // the lowest first; at most maxReorgBlocks
	disconnected []pow.Hash // the old tip first; at most maxReorgBlocks
	joined, left int        // how many blocks joined and left the active branch
	returned     []pow.Hash // posts that became pending again; at most returnedKept
	returns      int        // how many they were
}

// maxReorgBlocks is how many blocks of each side of a reorg are remembered.
const maxReorgBlocks = 16

// reorgs remembers the latest reorgs since the node started.
type reorgs struct {
	now func() time.Time

	mu   sync.Mutex
	last []reorg // the newest last; at most reorgsKept
}

func newReorgs(now func() time.Time) *reorgs { return &reorgs{now: now} }

// note records an event of the chain if it is a reorg. The chain waits for it, so it only
// copies a bounded number of hashes.
func (rs *reorgs) note(e chain.Event) {
	if e.Kind != chain.EventReorg {
		return
	}
	first := func(hashes []pow.Hash, most int) []pow.Hash {
		return append([]pow.Hash(nil), hashes[:min(len(hashes), most)]...)
	}
	r := reorg{
		at: rs.now(), tip: e.Tip.Hash, height: e.Tip.Height,
		connected: first(e.Connected, maxReorgBlocks), disconnected: first(e.Disconnected, maxReorgBlocks),
		joined: len(e.Connected), left: len(e.Disconnected),
		returned: first(e.Returned, returnedKept), returns: len(e.Returned),
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.last) == reorgsKept {
		rs.last = append(rs.last[:0], rs.last[1:]...)
	}
	rs.last = append(rs.last, r)
}

// list returns the reorgs, the newest first.
func (rs *reorgs) list() []reorg {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	list := make([]reorg, 0, len(rs.last))
	for i := len(rs.last) - 1; i >= 0; i-- {
		list = append(list, rs.last[i])
	}
	return list
}
