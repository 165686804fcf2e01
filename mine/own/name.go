package own

import (
	"fmt"
	"strings"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/mine"
)

// nameSeparator stands between the parts of a name: between the number of a work and
// the miner in the work's ID, and between the source's tag and the miner in the
// coinbase.
const nameSeparator = "/"

// Name implements [mine.Namer]. The tag in the coinbase is that of the source, a slash
// and the name, cut after [block.MaxTag] bytes.
func (s *Source) Name(w mine.Work, miner string) (mine.Work, error) {
	id := w.ID + nameSeparator + miner
	o, ok := s.find(id)
	if !ok {
		return mine.Work{}, fmt.Errorf("work %q is too old to be remembered", w.ID)
	}
	w.ID = id
	w.Before, w.After = o.template.Before, o.template.After
	return w, nil
}

// tagOf returns the tag of the blocks of a miner.
func (s *Source) tagOf(miner string) string {
	tag := miner
	if s.tag != "" {
		tag = s.tag + nameSeparator + miner
	}
	if len(tag) > block.MaxTag {
		// The cut must not leave a part of a character.
		tag = strings.ToValidUTF8(tag[:block.MaxTag], "")
	}
	return tag
}
