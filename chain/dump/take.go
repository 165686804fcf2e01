package dump

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Taken is what [Import] has added to a chain.
type Taken struct {
	New, Known int64 // blocks
	Height     int64 // of the last of them; -1: there were none
}

// A batch of blocks that are stored in one write ends when it has this many blocks, or
// texts of this many bytes.
const (
	batchBlocks = 256
	batchBytes  = 4 << 20
)

// importer collects batches of blocks that follow each other.
type importer struct {
	chain *chain.Chain
	batch []block.Block
	bytes int
	last  expected // for the block after the latest
	taken Taken
	tell  func(Taken) // called after each batch
}

// Import adds the blocks of a dump to a chain, by the chain's own rules. Blocks that
// the chain has already are taken as well. It stops at the first block that is
// refused, whose error is a [Fault], and when the context ends; what came before is
// kept. After each batch it calls progress.
func Import(ctx context.Context, c *chain.Chain, r *Reader, progress func(Taken)) (Taken, error) {
	im := &importer{chain: c, last: expected{height: -1}, taken: Taken{Height: -1}, tell: progress}
	for {
		text, err := r.Next()
		if err == nil {
			err = im.add(text)
		}
		full := len(im.batch) >= batchBlocks || im.bytes >= batchBytes
		if err != nil || full {
			// A refusal of a block before comes before the present error.
			if err := im.store(); err != nil {
				return im.taken, err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return im.taken, nil
		case err != nil:
			return im.taken, err
		case ctx.Err() != nil:
			return im.taken, context.Cause(ctx)
		}
	}
}

// add adds a block to the batch. One that does not follow the batch begins a new one.
func (im *importer) add(text []byte) error {
	p := im.chain.Params()
	b, err := p.ParseBlock(text)
	if err != nil {
		return im.refusal(text, err)
	}
	if b.Height() == 0 {
		if err := checkGenesis(b, p.Name()); err != nil {
			return err
		}
	}
	if n := len(im.batch); n > 0 && b.Header.Prev != im.batch[n-1].Hash() {
		if err := im.store(); err != nil {
			return err
		}
	}
	im.batch = append(im.batch, b)
	im.bytes += len(text)
	im.last = expected{height: b.Height() + 1, parent: b.Hash(), bits: b.Header.Bits, version: b.Header.Version, time: b.Header.Time}
	return nil
}

// refusal returns the fault of a block that cannot be parsed.
func (im *importer) refusal(text []byte, err error) error {
	b, whole := block.ParseJSON(text, func(pow.Header, int) error { return nil })
	if whole != nil {
		want := im.last
		if f, fault := readFields(text, want); fault == nil && f.index == f.coinbase.Height && f.header.Prev != want.parent {
			want.height = -1 // a page may begin here, at another height
		}
		return blame(text, whole, want)
	}
	// The block is whole, but breaks a rule of the network.
	name := im.chain.Params().Name()
	if b.Height() == 0 {
		if err := checkGenesis(b, name); err != nil {
			return err
		}
	}
	if zeros, ok := tutorialZeros(b.Header.Bits); ok && name == Tutorial && errors.Is(err, block.BadDiffBits) {
		err = fmt.Errorf("%w: the dump is of a tutorial network with difficulty %d", err, zeros)
	}
	return &Fault{b.Height(), fieldOf(err), err}
}

// store has the chain accept the batch.
func (im *importer) store() error {
	if len(im.batch) == 0 {
		return nil
	}
	batch := im.batch
	im.batch, im.bytes = nil, 0
	known := make([]bool, len(batch))
	for i, b := range batch {
		_, known[i] = im.chain.Header(b.Hash())
	}
	taken, err := im.chain.AcceptAll(batch)
	for i, b := range batch[:taken] {
		im.taken.Height = b.Height()
		if known[i] {
			im.taken.Known++
		} else {
			im.taken.New++
		}
	}
	if err == nil {
		im.tell(im.taken)
		return nil
	}
	refused := batch[min(taken, len(batch)-1)]
	if !isRule(err) {
		return fmt.Errorf("block %d: %w", refused.Height(), err)
	}
	if errors.Is(err, block.BadMerkleRoot) {
		root, _ := block.MerkleRoot(refused.IDs())
		return blameBody(refused, root)
	}
	if errors.Is(err, block.PrevNotFound) {
		err = fmt.Errorf("%w: the node does not have the blocks before it, import them first", err)
	}
	return &Fault{refused.Height(), fieldOf(err), err}
}
