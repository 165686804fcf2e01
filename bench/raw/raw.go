// Package raw keeps the results of single searches, one row for each, as CSV and as
// JSON. The distribution of the time to a block can only be drawn from such rows: a
// mean over many searches does not contain it.
package raw

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Search is one search that was finished. Its fields are the columns of the CSV and
// the members of the objects in the JSON, with the same names.
type Search struct {
	Benchmark string `json:"benchmark"` // Search or Tries
	Seed      uint64 `json:"seed"`      // seed of the headers
	Round     uint64 `json:"round"`     // round of the run, counted from 0
	Zeros     int    `json:"zeros"`     // difficulty, in leading zero bits
	Kernel    string `json:"kernel"`    // kernel, or name of one's own scan function
	Workers   int    `json:"workers"`   // goroutines that hashed
	Search    int    `json:"search"`    // number of the search in its sample, counted from 0
	Tries     uint64 `json:"tries"`     // hashes that a search one by one would have needed
	Hashes    uint64 `json:"hashes"`    // hashes that were computed; more than Tries if other workers were ahead
	NS        int64  `json:"ns"`        // duration from the call of the search to its return, in nanoseconds
}

// Columns returns the names of the columns, in the order of the CSV.
func Columns() []string {
	return []string{"benchmark", "seed", "round", "zeros", "kernel", "workers", "search", "tries", "hashes", "ns"}
}

// CSV writes searches as CSV (RFC 4180, with line feeds): a row with the names of the
// columns, then a row for each search.
type CSV struct {
	out    *csv.Writer
	headed bool
}

// NewCSV returns a writer of CSV to w.
func NewCSV(w io.Writer) *CSV { return &CSV{out: csv.NewWriter(w)} }

// Write writes a row for each search, so that all rows have reached the underlying
// writer when it returns.
func (c *CSV) Write(all []Search) error {
	c.head()
	for _, s := range all {
		_ = c.out.Write([]string{ // its errors are kept for Error
			s.Benchmark, strconv.FormatUint(s.Seed, 10), strconv.FormatUint(s.Round, 10), strconv.Itoa(s.Zeros), s.Kernel,
			strconv.Itoa(s.Workers), strconv.Itoa(s.Search), strconv.FormatUint(s.Tries, 10), strconv.FormatUint(s.Hashes, 10),
			strconv.FormatInt(s.NS, 10),
		})
	}
	c.out.Flush()
	return c.out.Error()
}

// Close writes the names of the columns if there has been no search. It does not
// close the underlying writer.
func (c *CSV) Close() error { return c.Write(nil) }

func (c *CSV) head() {
	if !c.headed {
		c.headed = true
		_ = c.out.Write(Columns())
	}
}

// JSON writes searches as one JSON array with an object for each search, a line each.
type JSON struct {
	w     io.Writer
	begun bool
}

// NewJSON returns a writer of JSON to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w: w} }

// Write adds the searches to the array.
func (j *JSON) Write(all []Search) error {
	var out []byte
	for _, s := range all {
		object, err := json.Marshal(s)
		if err != nil {
			return err
		}
		out = append(append(out, j.separator()...), object...)
	}
	_, err := j.w.Write(out)
	return err
}

// Close ends the array; without it, the text is no valid JSON. It does not close the
// underlying writer.
func (j *JSON) Close() error {
	end := "\n]\n"
	if !j.begun {
		end = "[]\n"
	}
	_, err := io.WriteString(j.w, end)
	return err
}

// separator returns what comes before the next object.
func (j *JSON) separator() string {
	if j.begun {
		return ",\n"
	}
	j.begun = true
	return "[\n"
}

// MaxBytes is the greatest length of the CSV that Read accepts, after decompression.
const MaxBytes = 256 << 20

// Read reads the CSV that CSV writes, which may be compressed with gzip. Columns may
// come in any order, and columns that it does not know are ignored.
func Read(r io.Reader) ([]Search, error) {
	in := bufio.NewReader(r)
	var text io.Reader = in
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		text = unpacked
	}
	limited := &io.LimitedReader{R: text, N: MaxBytes + 1}
	rows := csv.NewReader(limited)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var place []int // column of each field
	for _, name := range Columns() {
		i := slices.Index(head, name)
		if i < 0 {
			return nil, fmt.Errorf("no column %q: want the searches that lodelab bench --csv writes, with the columns %s", name, strings.Join(Columns(), ","))
		}
		place = append(place, i)
	}
	var all []Search
	for {
		row, err := rows.Read()
		if limited.N == 0 {
			return nil, fmt.Errorf("longer than %d MiB", MaxBytes>>20)
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		s, err := parse(row, place)
		if err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		all = append(all, s)
	}
}

// parse turns a row into a search. place has the position of each column.
func parse(row []string, place []int) (Search, error) {
	var failed error
	number := func(column, bits int) uint64 {
		n, err := strconv.ParseUint(row[place[column]], 10, bits)
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s is %q: want a number from 0", Columns()[column], row[place[column]])
		}
		return n
	}
	s := Search{
		Benchmark: strings.Clone(row[place[0]]), Seed: number(1, 64), Round: number(2, 64), Zeros: int(number(3, 31)),
		Kernel: strings.Clone(row[place[4]]), Workers: int(number(5, 31)), Search: int(number(6, 31)),
		Tries: number(7, 64), Hashes: number(8, 64), NS: int64(number(9, 63)),
	}
	return s, failed
}
