package main

import (
	"fmt"
	"os"
	"strings"
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
	figures *[]figure
}

// figure is one line of the table that TestAttack prints.
type figure struct {
	what             string
	before           string // as it was measured before there was a defence
	wanted, measured string
}

// size returns the full size of an attack, or the small one.
func (a arena) size(full, small int) int {
	if a.full {
		return full
	}
	return small
}

// measured adds a line to the table, and fails the test if it is not what is wanted.
func (a arena) measured(ok bool, what, before, wanted, format string, args ...any) {
	a.t.Helper()
	f := figure{what, before, wanted, fmt.Sprintf(format, args...)}
	*a.figures = append(*a.figures, f)
	if !ok {
		a.t.Errorf("%s: %s, want %s", f.what, f.measured, f.wanted)
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
	var figures []figure
	a := arena{newHub(t), os.Getenv("LODE_ATTACK") != "", params, &figures}
	for _, story := range []struct {
		name string
		run  func(arena)
	}{
		{"calls", attackByCalls},
		{"calls-of-clients", attackByClientsCalls},
		{"impostor", attackByImpostor},
		{"impostor-of-the-joiner", attackByImpostorOfTheJoiner},
		{"stalled-sync", attackByStalledSync},
		{"slow-sync", attackBySlowSync},
		{"places", attackByPlaces},
		{"address-book", attackByAddressBook},
		{"connections", attackByConnections},
		{"bans", attackByNextAddress},
		{"proxy", attackByProxy},
		{"other-servers", attackByOtherServers},
		{"what-it-says", attackByFlags},
	} {
		t.Run(story.name, func(t *testing.T) {
			begin := time.Now()
			h := *a.hub
			h.t = t
			story.run(arena{&h, a.full, a.params, a.figures})
			t.Logf("%s took %v", story.name, since(begin))
		})
	}
	var table strings.Builder
	for _, f := range figures {
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", f.what, f.before, f.wanted, f.measured)
	}
	t.Logf("measured:\n| attack | before | wanted | measured |\n|---|---|---|---|\n%s", &table)
}
