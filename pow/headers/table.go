package headers

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// delimiterOf returns the character that separates the columns of a table whose first
// line names the fields of headers, or 0 if the text is no such table.
func delimiterOf(text []byte) rune {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for _, delimiter := range []rune{',', ';', '\t', '|'} {
		names := 0
		for name := range strings.SplitSeq(string(line), string(delimiter)) {
			if _, ok := fieldOf(name); ok {
				names++
			}
		}
		if names >= 3 {
			return delimiter
		}
	}
	return 0
}

// table returns a function that reads the header of the next row. The first line
// names the columns.
func (r *Reader) table(delimiter rune) func() (pow.Header, error) {
	lines := &lineCounter{in: r.in, reader: &Reader{}} // the table counts its lines itself
	in := csv.NewReader(lines)
	in.Comma, in.LazyQuotes, in.FieldsPerRecord, in.ReuseRecord = delimiter, true, -1, true
	var names []string
	return func() (pow.Header, error) {
		for {
			lines.since = 0
			row, err := in.Read()
			if err != nil {
				return pow.Header{}, err
			}
			if names == nil {
				names = append(names, row...)
				continue
			}
			line, _ := in.FieldPos(0)
			r.at, r.line = uint64(line), uint64(line)
			var f fields
			for i, value := range row[:min(len(row), len(names))] {
				f.set(names[i], value)
			}
			h, err := f.header()
			var refusal reject.Error
			if errors.As(err, &refusal) && r.count == 0 && len(row) != len(names) {
				err = reject.New(Malformed, "the row has %d columns, the first line %d: %v", len(row), len(names), err)
			}
			return h, err
		}
	}
}
