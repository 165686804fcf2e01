package gossip

import "math/rand/v2"

// table is a part of the address book. It counts its entries by host and by group of
// hosts, see [groupOf], and lets these take turns, so that nobody is chosen more often
// for having more addresses than others.
type table struct {
	entries       []*entry
	hosts, groups tallies
}

// tallies counts the entries of each host, or of each group, and the turns it had.
type tallies struct {
	of map[string]*tally

	// level is how many turns the one had that was chosen last. One that is new
	// begins there: it neither waits for the others nor goes before them.
	level int
}

// tally is what is counted of one host or of one group.
type tally struct {
	key            string
	entries, turns int
}

func newTable() *table {
	return &table{hosts: tallies{of: map[string]*tally{}}, groups: tallies{of: map[string]*tally{}}}
}

func (t *tallies) add(key string) *tally {
	n := t.of[key]
	if n == nil {
		n = &tally{key: key, turns: t.level}
		t.of[key] = n
	}
	n.entries++
	return n
}

func (t *tallies) remove(n *tally) {
	if n.entries--; n.entries == 0 {
		delete(t.of, n.key)
	}
}

// count returns the number of entries of a host or a group.
func (t *tallies) count(key string) int {
	if n := t.of[key]; n != nil {
		return n.entries
	}
	return 0
}

// add adds an entry, which counts for a host.
func (t *table) add(e *entry, host string) {
	e.in, e.index = t, len(t.entries)
	e.host, e.group = t.hosts.add(host), t.groups.add(groupOf(host))
	t.entries = append(t.entries, e)
}

func (t *table) remove(e *entry) {
	last := t.entries[len(t.entries)-1]
	t.entries[e.index], last.index = last, e.index
	t.entries = t.entries[:len(t.entries)-1]
	t.hosts.remove(e.host)
	t.groups.remove(e.group)
	e.in = nil
}

// choose returns one of the entries of this table that are given, of which there is
// at least one. The group with the fewest turns is next, in it the host with the
// fewest turns, and of that host a random entry.
func (t *table) choose(due []*entry, rng *rand.Rand) *entry {
	due = t.groups.next(due, func(e *entry) *tally { return e.group }, rng)
	due = t.hosts.next(due, func(e *entry) *tally { return e.host }, rng)
	return due[rng.IntN(len(due))]
}

// next returns those of some entries that count for the host, or the group, that has
// had the fewest turns, and gives it a turn. Among several such it chooses a random one.
func (t *tallies) next(due []*entry, of func(*entry) *tally, rng *rand.Rand) []*entry {
	fewest := of(due[0]).turns
	for _, e := range due {
		fewest = min(fewest, of(e).turns)
	}
	var candidates []*tally
	seen := map[*tally]bool{}
	for _, e := range due {
		if n := of(e); n.turns == fewest && !seen[n] {
			seen[n] = true
			candidates = append(candidates, n)
		}
	}
	chosen := candidates[rng.IntN(len(candidates))]
	t.level = max(t.level, fewest)
	chosen.turns++
	var entries []*entry
	for _, e := range due {
		if of(e) == chosen {
			entries = append(entries, e)
		}
	}
	return entries
}

// crowd returns a random entry of the host that has the most entries, of the hosts
// whose entries the function admits. It returns nil if that host has no more than
// least. It is called for every address that somebody sends to a full book, and
// therefore allocates nothing.
func (t *table) crowd(least int, admits func(*entry) bool, rng *rand.Rand) *entry {
	var largest *tally
	for _, e := range t.entries {
		if (largest == nil || e.host.entries > largest.entries) && admits(e) {
			largest = e.host
		}
	}
	if largest == nil || largest.entries <= least {
		return nil
	}
	n := rng.IntN(largest.entries)
	for _, e := range t.entries {
		if e.host != largest {
			continue
		}
		if n == 0 {
			return e
		}
		n--
	}
	return nil
}
