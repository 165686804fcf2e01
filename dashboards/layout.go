package dashboards

// Placed is a panel, or the heading of a row, and where it stands in the grid.
type Placed struct {
	Heading string // "": it is a panel
	Panel   Panel

	X, Y, W, H uint32
}

// Layout places everything, from left to right and from top to bottom.
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
