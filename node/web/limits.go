package web

import "time"

// The bounds of what pages show and of what they cost. docs/web.md lists them.
const (
	maxPages = 64      // pages in the making at once; more get 503
	maxForms = 16      // forms being handled at once that wait for nothing; more get 503
	maxWaits = 64      // forms being handled at once that wait for a block or for another node; more get 503
	maxReads = 2       // blocks being read at once; more wait
	maxForm  = 1 << 20 // bytes of a form's body

	// Bytes of the bodies of all forms that are arriving or being handled. A form for which
	// none are left gets 503.
	maxFormBytes = 32 << 20

	maxQuery = 8 << 10 // bytes of a query

	maxFragments = 8   // fragments of a page in one answer
	maxText      = 256 // bytes of what is searched for

	postsOnPage    = 25  // posts on a page of the feed
	pendingOnFirst = 10  // of them, at most this many that wait for a block, on the first page
	blocksOnPage   = 20  // blocks on a page of the explorer
	leavesOnPage   = 50  // transactions on a page of a block
	treeHeights    = 24  // heights below the tip that the tree shows
	treeBlocks     = 240 // blocks in the tree
	branchesShown  = 16  // tips of branches in the table
	peersShown     = 200 // peers in the table
	reorgsKept     = 16  // reorgs that are remembered
	returnedKept   = 64  // posts remembered of each reorg
	intervalsShown = 200 // times between blocks in the plot
	samplesShown   = 120 // points of the plot of the difficulty

	// A search for a text looks at posts until it has found enough, but at no more than
	// this. It then has a link with which it goes on.
	scanPosts = 1000    // posts
	scanBytes = 1 << 20 // of these posts; the one that exceeds it is the last
	scanBatch = 100     // posts that are read at once

	// Posts of one author or key may each be in a block of its own, which is read wholly.
	// A page ends early when it has read this much, and has a link with which it goes on.
	readBytes  = 16 << 20 // of blocks; the batch that exceeds it is the last
	ownedBatch = 8        // posts of an author or a key that are read at once

	summariesKept = 1 << 15 // blocks of which the number of posts is remembered

	// Parts of pages that are remembered until the next event of the chain. The bounds are
	// those of what is remembered. A part that is being made, that is longer than partBytes or
	// that has been forgotten is in memory besides, until the last reader who waits for it has
	// it; maxPages bounds how many are being made.
	partsKept    = 64              // parts; with one more, all others are forgotten
	partBytes    = 256 << 10       // of a part; a longer one is not remembered
	partKeyBytes = 2 << 10         // of what tells a part from others, mostly its address; with more, each reader gets a part of his own
	partsKeptFor = 1 * time.Second // since its making began

	// Bounds of a text as it is written into a page, in bytes of HTML.
	excerptBytes = 1200     // of a post in a list
	excerptLines = 12       // lines of it
	nameBytes    = 160      // of an author
	fullBytes    = 64 << 10 // of a post on its own page
	fullLines    = 2000     // lines of it

	keptBuffer = 128 << 10 // of memory that a page was made in and that is kept for the next one

	writeWait  = 30 * time.Second      // for each write to a browser
	settleWait = 20 * time.Millisecond // between two looks while the tip changes

	formWait = 5 // seconds that the form which mines waits for the block
)
