package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// txBody is what the template of a post gets.
type txBody struct {
	Post      post
	Canonical text
	Signature string
	Time      time.Time // of the header of its block
	Proof     *proof    // nil: the post is in no block
	Pending   int       // how many posts wait
}

// proof is a merkle proof, as a list and as a drawing.
type proof struct {
	Leaf, Root string
	Index      uint32
	Steps      []proofStep // from the leaf to the root
	Depth      int

	Width, Height int
	Boxes         []proofBox
	Lines         []line
}

// proofStep is one level of a proof.
type proofStep struct {
	Sibling string
	Side    string // of the sibling: left or right
	Result  string // the hash of the two
}

type proofBox struct {
	X, Y, Width, Height int
	Label, Role         string // Role: leaf, path, sibling or root
	Hash                string
}

type line struct{ X1, Y1, X2, Y2 int }

func (w *Web) txPage(r *http.Request) (answer, error) {
	text := r.PathValue("id")
	id, err := pow.ParseHash(strings.ToLower(text))
	if err != nil {
		return answer{}, badRequest("post %.70q: %v", text, err)
	}
	body, err := w.txBody(r.Context(), id)
	if errors.Is(err, chain.ErrNotFound) {
		return answer{}, notFound("no post with the id %s waits for a block or is on the active branch. "+
			"If it was in a block that is stale now, the page of that block still shows it.", id)
	}
	if err != nil {
		return answer{}, err
	}
	return answer{page: "tx", data: page{Name: "tx", Title: "Post " + short(id.String()), Body: body}}, nil
}

// txBody describes a post. While the tip changes, the store and the memory of the chain
// differ for a moment; it then looks again.
func (w *Web) txBody(ctx context.Context, id pow.Hash) (txBody, error) {
	var body txBody
	for try := range 4 {
		if try > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(settleWait):
			}
		}
		if tx, ok := w.chain.FindPending(id); ok {
			body = newTxBody(tx)
			body.Pending, _ = w.chain.PendingCount()
			return body, nil
		}
		found, err := w.prove(ctx, id)
		if err != nil {
			if errors.Is(err, chain.ErrNotFound) && try < 2 {
				continue // it may just be on its way from the mempool into a block, or back
			}
			return txBody{}, err
		}
		body = newTxBody(found.Tx)
		body.Time = time.Unix(int64(found.Header.Time), 0)
		body.Proof = newProof(found.Tx.ID(), found.Header.MerkleRoot, found.Merkle)
		p := &body.Post
		p.State, p.Block, p.Height, p.Index = stateChanging, found.Block.String(), found.Height, found.Index
		if info, ok := w.chain.Header(found.Block); ok && info.Active {
			p.State, p.Confirmations = stateMined, max(1, w.chain.Tip().Height-found.Height+1)
			return body, nil
		}
	}
	return body, nil
}

func (w *Web) prove(ctx context.Context, id pow.Hash) (chain.TxProof, error) {
	done, err := w.waitForRead(ctx)
	if err != nil {
		return chain.TxProof{}, err
	}
	defer done()
	return w.chain.Proof(id)
}

func newTxBody(tx block.Tx) txBody {
	return txBody{Post: newPostOf(tx, fullBytes, fullLines), Canonical: show(tx.String(), 4096, 1), Signature: tx.Signature()}
}

// The measures of the drawing of a proof.
const (
	proofWidth  = 420
	proofBoxW   = 192
	proofBoxH   = 40
	proofStepH  = 78
	proofMargin = 12
)

// newProof draws a proof: the leaf at the bottom, the root at the top, and between them
// the two hashes of each level, of which the reader computes one and is told the other.
func newProof(leaf, root pow.Hash, m block.MerkleProof) *proof {
	depth := len(m.Siblings)
	p := &proof{
		Leaf: leaf.String(), Root: root.String(), Index: m.Index, Depth: depth,
		Width: proofWidth, Height: 2*proofMargin + proofBoxH + depth*proofStepH,
	}
	left, right := proofMargin, proofWidth-proofMargin-proofBoxW
	y := p.Height - proofMargin - proofBoxH
	for level, sibling := range m.Siblings {
		node := block.MerkleProof{Index: m.Index, Siblings: m.Siblings[:level]}.Root(leaf)
		next := block.MerkleProof{Index: m.Index, Siblings: m.Siblings[:level+1]}.Root(leaf)
		side, x, siblingX := "right", left, right
		if m.Index>>level&1 == 1 {
			side, x, siblingX = "left", right, left
		}
		role := "path"
		if level == 0 {
			role = "leaf"
		}
		p.Steps = append(p.Steps, proofStep{sibling.String(), side, next.String()})
		parent := (proofWidth - proofBoxW) / 2 // the root
		if level+1 < depth {
			parent = left
			if m.Index>>(level+1)&1 == 1 {
				parent = right
			}
		}
		for _, from := range []int{x, siblingX} {
			p.Lines = append(p.Lines, line{from + proofBoxW/2, y, parent + proofBoxW/2, y - proofStepH + proofBoxH})
		}
		p.Boxes = append(p.Boxes,
			proofBox{x, y, proofBoxW, proofBoxH, short(node.String()), role, node.String()},
			proofBox{siblingX, y, proofBoxW, proofBoxH, short(sibling.String()), "sibling", sibling.String()})
		y -= proofStepH
	}
	p.Boxes = append(p.Boxes, proofBox{(proofWidth - proofBoxW) / 2, y, proofBoxW, proofBoxH, short(root.String()), "root", root.String()})
	return p
}
