package gossip

import (
	"fmt"
	"slices"
	"time"
)

const (
	// clockWrong is the difference from the peers' clocks at which this node's clock
	// counts as wrong. It counts as right again at half of that. It is far more than
	// a time service leaves, and far less than the rules for block times allow.
	clockWrong = 70 * time.Second

	// clockPeers is how many peers have to have said their time before this node's
	// clock is called wrong. With fewer, theirs may be wrong as well. If this many are
	// of this node's choice, the others do not count, because anybody can come.
	clockPeers = 3

	// clockMost bounds the difference that a peer can make this node believe.
	clockMost = 10 * 365 * 24 * time.Hour
)

// clockState is the time that a peer has said, and when.
type clockState struct {
	theirs time.Time // zero: the peer has not said its time
	at     time.Time // by the time of the steps, which is not changed when the clock is set
}

// ClockInfo says how this node's clock compares with those of its peers.
type ClockInfo struct {
	Offset time.Duration // from the median of the peers' clocks; positive if this node's is ahead
	Peers  int           // whose clocks are known and count; if there are none, Offset is 0
}

// Agrees reports whether the clock is known to agree with the peers' clocks, so that
// blocks that are ahead of it are ahead of all clocks.
func (c ClockInfo) Agrees() bool { return c.Peers > 0 && c.Offset.Abs() < clockWrong }

// clock compares this node's clock with those of its peers. It never changes how blocks
// are judged: a node judges by its own clock, which strangers cannot move.
type clock struct {
	*host
	noted  string        // the Reason of the latest NoteClock; "": none
	offset time.Duration // in the latest NoteClock
}

// heard records the time in a peer's answer to a hello, which took trip to come. The
// peer has read its clock about half of that ago.
func (c *clock) heard(p *peer, g Greeting, trip time.Duration) {
	if p.phase == closed || g.Time <= 0 {
		p.clock = clockState{}
		return
	}
	p.clock = clockState{theirs: time.UnixMilli(g.Time).Add(trip / 2), at: c.now}
}

// compare returns how this node's clock compares now. What the peers have said is
// counted on by the time of the steps, so the result is right at once when the clock of
// this machine is set.
func (c *clock) compare() ClockInfo {
	now := c.wall()
	var chosen, all []time.Duration
	for _, p := range c.peers.all {
		if !p.phase.proven() || p.clock.theirs.IsZero() {
			continue
		}
		offset := now.Sub(p.clock.theirs.Add(c.now.Sub(p.clock.at)))
		offset = min(max(offset, -clockMost), clockMost)
		all = append(all, offset)
		if p.out {
			chosen = append(chosen, offset)
		}
	}
	counted := all
	if len(chosen) >= clockPeers {
		counted = chosen
	}
	return ClockInfo{Offset: median(counted), Peers: len(counted)}
}

// median returns the middle one of the values, or the one of the middle two that is
// nearer to zero; 0 if there are no values.
func median(values []time.Duration) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	low, high := values[(len(values)-1)/2], values[len(values)/2]
	if low.Abs() < high.Abs() {
		return low
	}
	return high
}

// judge adds a NoteClock when this node's clock has become wrong or right, or has
// changed by much while it was wrong.
func (c *clock) judge() {
	info := c.compare()
	if info.Peers < clockPeers {
		return
	}
	reason := "right"
	switch wrong := info.Offset.Abs(); {
	case wrong < clockWrong/2:
	case wrong < clockWrong:
		return // stays what it was
	case info.Offset > 0:
		reason = "ahead"
	default:
		reason = "behind"
	}
	before := c.noted
	if before == "" {
		before = "right"
	}
	moved := (info.Offset - c.offset).Abs() >= max(clockWrong, c.offset.Abs()/2)
	if reason == before && (reason == "right" || !moved) {
		return
	}
	c.noted, c.offset = reason, info.Offset
	c.do(Note{Kind: NoteClock, Reason: reason, Offset: info.Offset, Count: info.Peers, Detail: c.consequence(info)})
}

// consequence says what follows from the difference, and what to do.
func (c *clock) consequence(info ClockInfo) string {
	limit := time.Duration(c.params.Limits().FutureSeconds) * time.Second
	offset := info.Offset.Round(time.Second)
	switch {
	case offset.Abs() < clockWrong:
		return fmt.Sprintf("this machine's clock agrees with the median of its %d peers", info.Peers)
	case offset > limit:
		return fmt.Sprintf("this machine's clock is %s ahead of the median of its %d peers: set it, for example with NTP; other nodes refuse the blocks that this node mines until it is set, because they are more than %s ahead", offset, info.Peers, limit)
	case offset > 0:
		return fmt.Sprintf("this machine's clock is %s ahead of the median of its %d peers: set it, for example with NTP; at more than %s other nodes refuse the blocks that this node mines", offset, info.Peers, limit)
	case -offset > limit:
		return fmt.Sprintf("this machine's clock is %s behind the median of its %d peers: set it, for example with NTP; this node refuses the blocks of other nodes until it is set, because they are more than %s ahead", -offset, info.Peers, limit)
	default:
		return fmt.Sprintf("this machine's clock is %s behind the median of its %d peers: set it, for example with NTP; at more than %s this node refuses the blocks of other nodes", -offset, info.Peers, limit)
	}
}
