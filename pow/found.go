package pow

import "time"

// BlockFound tells the observers that a block has been solved whose search began
// at that time. Mine calls it; a caller that mines with Search calls it itself,
// because only the caller knows which answers are blocks and which are shares.
func (e *Engine) BlockFound(since time.Time) { e.tellBlockFound(since) }
