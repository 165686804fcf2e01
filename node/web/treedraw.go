package web

import (
	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// treeDrawing is the tree of the latest blocks. The height grows to the right, the
// active branch is the lowest row, and an arrow leads from each block to its parent.
type treeDrawing struct {
	Width, Height int
	From          int64 // the least height
	Blocks        []treeBox
	Arrows        []treeArrow
	Hidden        int // blocks for which there was no row
	Forked        bool
}

type treeBox struct {
	X, Y, Width, Height int
	Hash, Parent        string
	Label               string // the last digits of the hash
	At                  int64
	State               string // active, stale or invalid
	Active              bool
}

type treeArrow struct {
	X1, Y1, X2, Y2 int
	State          string
}

// The measures of the drawing.
const (
	treeColumn = 84
	treeRow    = 58
	treeBoxW   = 60
	treeBoxH   = 38
	treeMargin = 14
	treeRows   = 8 // rows of stale branches
)

func (w *Web) drawTree() treeDrawing {
	from := max(0, w.chain.Tip().Height-treeHeights)
	return newTreeDrawing(from, w.chain.Tree(from, treeBlocks))
}

// newTreeDrawing draws blocks, which must be in ascending order of their heights.
func newTreeDrawing(from int64, blocks []chain.TreeBlock) treeDrawing {
	d := treeDrawing{From: from}
	rows := map[pow.Hash]int{}       // of the blocks that are drawn
	continued := map[pow.Hash]bool{} // blocks that have a child in their row
	var ends [treeRows + 1]int64     // the greatest height in each row
	for i := range ends {
		ends[i] = from - 1
	}
	highest, top := from, 0
	for _, b := range blocks {
		row := 0
		if !b.Active {
			row = -1
			parent, ok := rows[b.Parent]
			if ok && parent > 0 && !continued[b.Parent] && ends[parent] < b.Height {
				row = parent
			}
			for r := 1; r <= treeRows && row < 0; r++ {
				if ends[r] < b.Height {
					row = r
				}
			}
			if row < 0 {
				d.Hidden++
				continue
			}
			d.Forked = true
		}
		rows[b.Hash] = row
		continued[b.Parent] = continued[b.Parent] || rows[b.Parent] == row
		ends[row] = b.Height
		highest, top = max(highest, b.Height), max(top, row)
	}
	d.Width = 2*treeMargin + int(highest-from)*treeColumn + treeBoxW
	d.Height = 2*treeMargin + top*treeRow + treeBoxH
	place := func(height int64, row int) (x, y int) {
		return treeMargin + int(height-from)*treeColumn, treeMargin + (top-row)*treeRow
	}
	for _, b := range blocks {
		row, ok := rows[b.Hash]
		if !ok {
			continue
		}
		x, y := place(b.Height, row)
		hash := b.Hash.String()
		box := treeBox{
			X: x, Y: y, Width: treeBoxW, Height: treeBoxH, Hash: hash, Parent: b.Parent.String(),
			Label: hash[len(hash)-6:], At: b.Height, State: "stale", Active: b.Active,
		}
		switch {
		case b.Active:
			box.State = "active"
		case b.Invalid:
			box.State = "invalid"
		}
		d.Blocks = append(d.Blocks, box)
		if parent, ok := rows[b.Parent]; ok {
			px, py := place(b.Height-1, parent)
			d.Arrows = append(d.Arrows, treeArrow{x, y + treeBoxH/2, px + treeBoxW, py + treeBoxH/2, box.State})
		}
	}
	return d
}
