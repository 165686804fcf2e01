package report

import (
	"fmt"
	"strconv"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab/blocks"
)

// forkSection shows the block tree around the longest fork.
func (t *Trace) forkSection() section {
	s := section{
		ID: "fork", Title: "The longest fork",
		Text: []string{
			t.forkText(),
			"Each box is a block with the number of the node that found it; each miner has a colour. Arrows lead from a block to its parent. " +
				"The main chain is the straight row. The time below a block is when it was found, counted from the first block of the picture. " +
				"Blocks with a dashed border are stale, or were never published.",
		},
		Charts: []chart.Chart{treeChart(t.Fork)},
	}
	return s
}

func (t *Trace) forkText() string {
	if t.ForkLength == 0 {
		return "No block of this replica went stale. The picture shows its first blocks."
	}
	text := fmt.Sprintf("%s of %d went stale in this replica. The longest stale branch has %s.",
		count(t.Result.Stale, "block", "blocks"), t.Result.Found, count(t.ForkLength, "block", "blocks"))
	if n := staleLength(t.Fork); n < t.ForkLength {
		text += fmt.Sprintf(" The picture shows the first %d of them.", n)
	}
	return text
}

// staleLength returns the number of blocks of the longest stale branch.
func staleLength(list []blocks.Block) int {
	depth, longest := map[int32]int{}, 0
	for _, b := range list {
		if b.Fate == blocks.WentStale {
			depth[b.Number] = depth[b.Parent] + 1
			longest = max(longest, depth[b.Number])
		}
	}
	return longest
}

// lanes gives each block of a tree a lane: 0 to the main chain, and one above or below it
// to each branch, as near to that of its parent as there is room. The blocks are in the
// order of their numbers.
func lanes(list []blocks.Block) map[int32]int {
	type branch struct {
		parent   *branch // nil: main chain, or not in the list
		from, to int64   // heights
	}
	var all []*branch
	branchOf := map[int32]*branch{}
	var order []*branch         // by block, in the order of the list; nil: main chain
	last := map[*branch]int32{} // the block at which a branch can go on
	for _, b := range list {
		if b.Fate == blocks.InMain {
			order = append(order, nil)
			continue
		}
		br := branchOf[b.Parent]
		if br == nil || last[br] != b.Parent {
			br = &branch{parent: br, from: b.Height}
			all = append(all, br)
		}
		br.to, last[br], branchOf[b.Number] = b.Height, b.Number, br
		order = append(order, br)
	}
	lane := map[*branch]int{}
	for i, br := range all {
		beside := lane[br.parent]
		for try := 0; ; try++ {
			at := beside + (try/2+1)*(1-2*(try%2)) // 1, -1, 2, -2, ... beside the parent
			free := at != 0
			for _, other := range all[:i] {
				if lane[other] == at && other.from <= br.to && br.from <= other.to {
					free = false
				}
			}
			if free {
				lane[br] = at
				break
			}
		}
	}
	out := map[int32]int{}
	for i, b := range list {
		if br := order[i]; br != nil {
			out[b.Number] = lane[br]
		} else {
			out[b.Number] = 0
		}
	}
	return out
}

// treeColors are the colours of miners. With more miners than colours, several share one.
var treeColors = [...]chart.Color{chart.Blue, chart.Vermillion, chart.Green, chart.Purple, chart.Orange, chart.Gray}

// treeChart draws a block tree.
func treeChart(list []blocks.Block) chart.Chart {
	c := chart.Chart{
		Name: "fork", Title: "Block tree around the longest fork", Plain: true,
		Alt: treeAlt(list),
	}
	lane := lanes(list)
	index := map[int32]int{}
	color := map[int]chart.Color{}
	lowest, highest := list[0].Height, list[0].Height
	down, up := 0, 0
	for _, b := range list {
		if _, ok := color[b.Miner]; !ok {
			color[b.Miner] = treeColors[len(color)%len(treeColors)]
		}
		lowest, highest = min(lowest, b.Height), max(highest, b.Height)
		down, up = min(down, lane[b.Number]), max(up, lane[b.Number])
		index[b.Number] = len(c.Boxes)
		c.Boxes = append(c.Boxes, chart.Box{
			Point: chart.Point{X: float64(b.Height), Y: float64(lane[b.Number])},
			Text:  strconv.Itoa(b.Miner), Below: "+" + duration(b.Found-list[0].Found),
			Color: color[b.Miner], Dashed: b.Fate != blocks.InMain,
		})
		if parent, ok := index[b.Parent]; ok {
			c.Arrows = append(c.Arrows, chart.Arrow{From: len(c.Boxes) - 1, To: parent})
		}
	}
	columns := float64(highest - lowest + 1)
	rows := float64(up - down + 1)
	for h := lowest; h <= highest; h++ {
		c.Labels = append(c.Labels, chart.Label{Point: chart.Point{X: float64(h), Y: float64(up) + 0.75}, Text: heightText(h, h == lowest), Place: chart.Center})
	}
	c.X = chart.Axis{Min: float64(lowest) - 0.6, Max: float64(highest) + 0.6}
	c.Y = chart.Axis{Min: float64(down) - 0.7, Max: float64(up) + 1}
	c.Width = (columns + 0.2) * boxInches / chartInches
	c.Height = (rows + 0.7) * rowInches / chartHeight
	return c
}

// Sizes of the picture, in inches.
const (
	boxInches   = 0.78 // from block to block
	rowInches   = 0.62
	chartInches = 4.8 // of a chart of the width 1
	chartHeight = 3.7
)

func heightText(h int64, first bool) string {
	if first {
		return "height " + strconv.FormatInt(h, 10)
	}
	return strconv.FormatInt(h, 10)
}

// treeAlt says in words what a tree looks like.
func treeAlt(list []blocks.Block) string {
	var main, side int
	for _, b := range list {
		if b.Fate == blocks.InMain {
			main++
		} else {
			side++
		}
	}
	return fmt.Sprintf("Block tree with %s of the main chain in a straight row and %s beside it, from height %d; the longest stale branch has %s.",
		count(main, "block", "blocks"), count(side, "block", "blocks"), list[0].Height, count(staleLength(list), "block", "blocks"))
}
