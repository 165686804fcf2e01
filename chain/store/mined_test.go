package store

import (
	"errors"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// A change that must not have mined transactions is refused if it has one, also if the
// block is in the same group, and the others of its group are stored.
func TestMinedInAGroup(t *testing.T) {
	hook, held, _ := holdFirst()
	s := openWith(t, t.TempDir(), hooks{beforeSync: hook})
	early := testBlock(pow.Hash{}, 0, "a", testTx("early"))
	late := testBlock(early.Hash(), 1, "a", testTx("late"))
	connect := func(b block.Block) chain.Change {
		return chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}}
	}
	unmined := func(seq uint64, content string) chain.Change {
		return chain.Change{AddPending: pendingOf(seq, content), Unmined: true}
	}
	errs := gather(t, s, held, []chain.Change{
		connect(early), unmined(1, "early"), unmined(2, "new"), connect(late), unmined(3, "late"), adds(4, "early"),
	})
	for i, err := range errs {
		if refused := i == 1 || i == 4; errors.Is(err, chain.ErrMined) != refused || !refused && err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if got := pendingOfStore(t, s); got != "[2 4]" {
		t.Errorf("pending %s", got)
	}
	if stats := s.Stats(); stats.Refused+stats.Broken+stats.NoSpace != 0 {
		t.Errorf("stats %+v", stats)
	}
}
