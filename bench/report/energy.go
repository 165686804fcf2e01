package report

import "strings"

const perHash = "J/hash"

// energy returns the section on the energy of searches, or nil if the file neither has
// values nor says why there are none.
func energy(f *File) *Section {
	s := &Section{ID: "energy", Title: "Energy"}
	for _, x := range f.Series {
		if len(x.Values[perHash]) == 0 {
			continue
		}
		if s.Table == nil {
			s.Table = &Table{Head: []string{"benchmark", "energy of a hash, median and 95 % interval"}}
			s.Text = []string{"The energy that the processor packages took during the searches, as their own counters say, divided by the " +
				"number of hashes. It includes what other programs and idle cores took."}
		}
		s.Table.Rows = append(s.Table.Rows, []string{x.Name, measured(x.Values[perHash], perHash)})
	}
	if s.Table != nil {
		return s
	}
	if why, ok := strings.CutPrefix(f.Note("energy"), "not available"); ok {
		s.Text = []string{"Joules per hash: not available" + why + "."}
		return s
	}
	return nil
}
