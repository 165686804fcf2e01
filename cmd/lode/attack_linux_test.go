package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// arena is where the attacks of TestAttack take place, and the list of what has been
// measured there.
type arena struct {
	*hub
	full    bool         // the sizes of the attacks are those that docs/network.md reports
	params  rules.Params // of the network on which all nodes are
	figures *figures
}

// figures are the lines of the table that TestAttack prints.
type figures struct {
	mu    sync.Mutex
	lines []string
}

// size returns the full size of an attack, or the small one.
func (a arena) size(full, small int) int {
	if a.full {
		return full
	}
	return small
}

// measured adds a line to the table: what was attacked, what was measured before there
// was a defence, what is wanted, and what was measured now. It fails the test unless
// that is what is wanted.
func (a arena) measured(ok bool, what, before, wanted, format string, args ...any) {
	a.t.Helper()
	measured := fmt.Sprintf(format, args...)
	a.figures.mu.Lock()
	a.figures.lines = append(a.figures.lines, fmt.Sprintf("| %s | %s | %s | %s |\n", what, before, wanted, measured))
	a.figures.mu.Unlock()
	if !ok {
		a.t.Errorf("%s: %s, want %s", what, measured, wanted)
	}
}

// atLeast fails the test if less of an attack has come about than the least that makes its
// outcome worth anything. That is far below the usual, since attackers get less done on
// a busy machine.
func (a arena) atLeast(least, got int, what string) {
	a.t.Helper()
	if got < least {
		a.t.Errorf("the attack has not come about: %d %s, want at least %d", got, what, least)
	}
}

// A story is an attack on some nodes, and what came of it.
type story struct {
	name     string
	everyday bool // it also runs without LODE_ATTACK, in a small size
	alone    bool // with LODE_ATTACK, nothing else runs at the same time
	run      func(arena)
}

func stories() []story {
	return []story{
		{"calls", false, true, attackByCalls},
		{"calls-of-clients", false, true, attackByClientsCalls},
		{"impostor", false, true, attackByImpostor},
		{"impostor-of-the-joiner", true, true, attackByImpostorOfTheJoiner},
		{"stalled-sync", true, true, attackByStalledSync},
		{"slow-sync", false, true, attackBySlowSync},
		{"places", true, true, attackByPlaces},
		{"address-book", false, false, attackByAddressBook},
		{"connections", false, true, attackByConnections},
		{"bans", true, true, attackByNextAddress},
		{"proxy", true, false, attackByProxy},
		{"other-servers", false, false, attackByOtherServers},
		{"what-it-says", false, false, attackByFlags},
	}
}

// TestAttack runs nodes and their attackers as processes with IP addresses of their
// own, so that the limits for each address apply. Each story is an attack by which a
// machine with a few addresses could once keep a node out of its network, starve it
// or use it. With LODE_ATTACK the attacks have their full size, and the test takes
// more than a minute.
func TestAttack(t *testing.T) {
	if testing.Short() {
		t.Skip("many processes")
	}
	if ranInNewNetwork(t) {
		return
	}
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	var measured figures
	a := arena{newHub(t), os.Getenv("LODE_ATTACK") != "", params, &measured}
	t.Run("stories", func(t *testing.T) {
		for _, story := range stories() {
			if !a.full && !story.everyday {
				continue
			}
			t.Run(story.name, func(t *testing.T) {
				if !a.full || !story.alone {
					t.Parallel()
				}
				begin := time.Now()
				h := *a.hub
				h.t = t
				story.run(arena{&h, a.full, a.params, a.figures})
				t.Logf("%s took %v", story.name, since(begin))
			})
		}
	})
	t.Logf("measured:\n| attack | before | wanted | measured |\n|---|---|---|---|\n%s", strings.Join(measured.lines, ""))
}
