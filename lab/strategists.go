package lab

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/lodepow/lode/lab/blocks"
)

// strategistDraft is a table strategists.
type strategistDraft struct {
	node       int
	strategy   string
	lead, fork bool
	trail      int
	actions    [][]string

	confirmations, giveUp int
	truncation            int
}

// strategyKind makes a strategy from its table. It is given only tables without other
// keys than those that mean something to it.
type strategyKind struct {
	keys []string
	make func(strategistDraft, *blocks.Experiment) (blocks.Strategy, error)
}

// plainStrategy is a strategy without parameters.
func plainStrategy(s blocks.Strategy) strategyKind {
	return strategyKind{make: func(strategistDraft, *blocks.Experiment) (blocks.Strategy, error) { return s, nil }}
}

// strategyKinds has the strategies by their names in the file.
var strategyKinds = map[string]strategyKind{
	"honest":        plainStrategy(blocks.Honest{}),
	"sm1":           plainStrategy(blocks.SM1{}),
	"lead-stubborn": plainStrategy(blocks.Stubborn{Lead: true}),
	"fork-stubborn": plainStrategy(blocks.Stubborn{Fork: true}),
	"trail-stubborn": {[]string{"trail"}, func(s strategistDraft, _ *blocks.Experiment) (blocks.Strategy, error) {
		return blocks.Stubborn{Trail: max(s.trail, 1)}, checkTrail(s.trail)
	}},
	"stubborn": {[]string{"lead", "fork", "trail"}, func(s strategistDraft, _ *blocks.Experiment) (blocks.Strategy, error) {
		return blocks.Stubborn{Lead: s.lead, Fork: s.fork, Trail: s.trail}, checkTrail(s.trail)
	}},
	"policy":     {[]string{"actions"}, func(s strategistDraft, _ *blocks.Experiment) (blocks.Strategy, error) { return policy(s.actions) }},
	"optimal":    {[]string{"truncation"}, newOptimal},
	"withholder": plainStrategy(blocks.Withholder{}),
	"double-spender": {[]string{"confirmations", "give_up"}, func(s strategistDraft, _ *blocks.Experiment) (blocks.Strategy, error) {
		return blocks.DoubleSpender{Confirmations: cmp.Or(s.confirmations, 6), GiveUp: cmp.Or(s.giveUp, 20)}, nil
	}},
}

func checkTrail(trail int) error {
	if trail < 0 {
		return fmt.Errorf("trail %d: want 0 or more", trail)
	}
	return nil
}

func (d *draft) finishStrategists(x *blocks.Experiment) error {
	for _, s := range d.strategists {
		kind, ok := strategyKinds[s.strategy]
		if !ok {
			var names []string
			for name := range strategyKinds {
				names = append(names, name)
			}
			sort.Strings(names)
			if s.strategy == "" {
				return fmt.Errorf("the key strategy is missing: set it to one of %s", strings.Join(names, ", "))
			}
			return fmt.Errorf("strategy %q: want one of %s", s.strategy, strings.Join(names, ", "))
		}
		for _, part := range s.set() {
			if !slices.Contains(kind.keys, part) {
				return fmt.Errorf("%s means nothing to the strategy %q: leave it out", part, s.strategy)
			}
		}
		strategy, err := kind.make(s, x)
		if err != nil {
			return err
		}
		x.Strategists = append(x.Strategists, blocks.Strategist{Node: s.node, Strategy: strategy})
	}
	return nil
}

// set returns the keys of the table that are not zero and not for all strategies.
func (s strategistDraft) set() (keys []string) {
	for _, k := range []struct {
		name string
		set  bool
	}{
		{"lead", s.lead}, {"fork", s.fork}, {"trail", s.trail != 0}, {"actions", s.actions != nil},
		{"confirmations", s.confirmations != 0}, {"give_up", s.giveUp != 0}, {"truncation", s.truncation != 0},
	} {
		if k.set {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// actionLetters has the letter of each action.
var actionLetters = map[rune]blocks.Action{'w': blocks.Wait, 'a': blocks.Adopt, 'o': blocks.Override, 'm': blocks.Match}

// policy reads a table of actions.
func policy(rows [][]string) (blocks.Strategy, error) {
	p := blocks.Policy{Label: "policy"}
	if len(rows) == 0 {
		return nil, fmt.Errorf("a policy needs actions: write a row for each length of the private chain")
	}
	for private, row := range rows {
		var actions [][3]blocks.Action
		for public, entry := range row {
			var one [3]blocks.Action
			letters := []rune(entry)
			for race, letter := range letters {
				action, ok := actionLetters[letter]
				if !ok || len(letters) != len(one) {
					return nil, fmt.Errorf("actions: %q for %d private and %d public blocks: want three of the letters w, a, o and m", entry, private, public)
				}
				one[race] = action
			}
			if len(letters) == 0 {
				return nil, fmt.Errorf("actions: no letters for %d private and %d public blocks: want three of the letters w, a, o and m", private, public)
			}
			actions = append(actions, one)
		}
		p.Actions = append(p.Actions, actions)
	}
	return p, nil
}
