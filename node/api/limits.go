package api

import (
	"cmp"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
)

// Bounds of what clients can take that are the same for every node.
const (
	maxMineWaiters = 1024    // calls of /mine that wait for a block at once
	maxScrapes     = 16      // answers of /metrics in memory at once; more get 503
	maxGathers     = 2       // gatherings of metrics at once; more wait
	maxBlockReads  = 2       // blocks being read and written as JSON at once; more wait
	answerBytes    = 8 << 20 // of long answers in memory at once, unless four of the network's blocks take more

	registerWait = time.Second      // for /register_node to connect
	joinWait     = 10 * time.Second // for /register_with to connect
	syncWait     = 5 * time.Second  // for /register_with to catch up after that

	maxHeaders = 2000   // headers in a page
	maxPending = 10_000 // pending transactions in a page

	heartbeat = 15 * time.Second       // how long an event stream may be silent
	eventTick = 500 * time.Millisecond // between two looks at the mempool and the miner
)

// limits are the bounds that tests of this package change. For a field left zero,
// the default applies.
type limits struct {
	txBytes    int64 // body of a transaction
	blockBytes int64 // body of a block
	pieceBytes int   // of an answer, written at once
	bytes      int   // of pieces of long answers in memory at once; more get 503

	requests      int // served at once; more get 503
	registrations int // calls that wait for another node at once
	streams       int // event streams at once
	streamsEach   int // of these, for clients of one IP address or IPv6 /64 other than this machine's
	pages         int // pages that Config.Next serves at once; more get 503
	keys          int // idempotency keys remembered; never fewer than requests
	history       int // events that a stream may be behind

	timeout  time.Duration // for reading a body, and for writing one piece of an answer
	mineWait time.Duration // the longest wait for a block, then 202
}

func (l limits) withDefaults(p rules.Params) limits {
	maxBlock := int64(p.Limits().BlockBytes)
	l.txBytes = cmp.Or(l.txBytes, block.MaxTxText)
	l.blockBytes = cmp.Or(l.blockBytes, 2*maxBlock+64<<10)
	l.pieceBytes = cmp.Or(l.pieceBytes, 64<<10)
	l.bytes = cmp.Or(l.bytes, max(answerBytes, 4*int(maxBlock)))
	l.requests = cmp.Or(l.requests, 1024)
	l.registrations = cmp.Or(l.registrations, 64)
	l.streams = cmp.Or(l.streams, 64)
	l.streamsEach = cmp.Or(l.streamsEach, 32)
	l.pages = cmp.Or(l.pages, 256)
	l.keys = cmp.Or(l.keys, 16<<10)
	l.history = cmp.Or(l.history, 1024)
	l.timeout = cmp.Or(l.timeout, 30*time.Second)
	l.mineWait = cmp.Or(l.mineWait, 15*time.Minute)
	// A key must not be forgotten while its request runs, so there is room for the
	// keys of all requests that can run at once.
	l.keys = max(l.keys, l.requests)
	return l
}
