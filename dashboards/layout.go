package dashboards

// Placed is a panel, or the heading of a row, with its position in the grid.
type Placed struct {
	Heading string // text of the heading; empty for a panel
	Panel   Panel

	X, Y, W, H uint32 // in columns and rows of the grid
}

// Layout returns the positions of all headings and panels. Within each row, it fills
// the grid from left to right and then from top to bottom.
func (d Dashboard) Layout() []Placed {
	var all []Placed
	y := uint32(0)
	for _, row := range d.Rows {
		all = append(all, Placed{Heading: row.Title, Y: y, W: Columns, H: 1})
		y++
		x, tallest := uint32(0), uint32(0)
		for _, p := range row.Panels {
			w, h := p.Size()
			if x+w > Columns {
				x, y, tallest = 0, y+tallest, 0
			}
			all = append(all, Placed{Panel: p, X: x, Y: y, W: w, H: h})
			x, tallest = x+w, max(tallest, h)
		}
		y += tallest
	}
	return all
}
