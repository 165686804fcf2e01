package lab

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/lodepow/lode/lab/blocks"
)

// table is the form of results.csv for a plan.
type table struct {
	plan    *Plan
	header  []string
	columns [][]int // for each point and metric, the column
}

// placeColumns are the columns before those of the sweeps and the metrics.
var placeColumns = []string{"point", "replica", "seed", "engine", "hash"}

func newTable(p *Plan) *table {
	t := &table{plan: p, header: slices.Clone(placeColumns)}
	if len(p.Points) > 0 {
		for _, v := range p.Points[0].Values {
			t.header = append(t.header, v.Key)
		}
	}
	at := map[string]int{}
	for _, point := range p.Points {
		var columns []int
		for _, m := range Metrics(point.Experiment) {
			if _, ok := at[m.Name]; !ok {
				at[m.Name] = len(t.header)
				t.header = append(t.header, m.Name)
			}
			columns = append(columns, at[m.Name])
		}
		t.columns = append(t.columns, columns)
	}
	return t
}

// row returns the fields of a replica. A figure that it does not have is empty. Numbers
// have as many digits as it takes to read back the same number.
func (t *table) row(r Replica) []string {
	row := make([]string, len(t.header))
	copy(row, []string{strconv.Itoa(r.Point), strconv.Itoa(r.Number), strconv.FormatUint(r.Seed, 10), string(r.Engine), hex.EncodeToString(r.Hash[:])})
	for i, v := range t.plan.Points[r.Point].Values {
		row[len(placeColumns)+i] = v.Text
	}
	for i, column := range t.columns[r.Point] {
		if v := r.Values[i]; !math.IsNaN(v) {
			row[column] = strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	return row
}

// line returns a row in the form of the file.
func line(row []string) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(row) // a buffer takes everything
	w.Flush()
	return out.Bytes()
}

// write writes the whole file.
func (t *table) write(w io.Writer, replicas []Replica) error {
	var out bytes.Buffer
	out.Write(line(t.header))
	for _, r := range replicas {
		out.Write(line(t.row(r)))
	}
	_, err := w.Write(out.Bytes())
	return err
}

// read reads the rows of a file, which may be in any order. A last line without its end
// is left out: the run was ended while it was being written.
func (t *table) read(data []byte) ([]Replica, error) {
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	in := csv.NewReader(bytes.NewReader(data))
	in.FieldsPerRecord = len(t.header)
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil && !slices.Equal(header, t.header) {
		err = errors.New("the columns are not those of this experiment file")
	}
	seen := map[[2]int]bool{}
	var replicas []Replica
	for err == nil {
		var row []string
		if row, err = in.Read(); err != nil {
			break
		}
		var r Replica
		if r, err = t.replica(row); err == nil && seen[[2]int{r.Point, r.Number}] {
			err = fmt.Errorf("replica %d of point %d is there twice", r.Number, r.Point)
		}
		seen[[2]int{r.Point, r.Number}] = true
		replicas = append(replicas, r)
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.SortFunc(replicas, inOrder)
	return replicas, nil
}

// replica reads a row. It must be exactly what row would write.
func (t *table) replica(row []string) (r Replica, err error) {
	var errs [3]error
	r.Point, errs[0] = strconv.Atoi(row[0])
	r.Number, errs[1] = strconv.Atoi(row[1])
	r.Seed, errs[2] = strconv.ParseUint(row[2], 10, 64)
	r.Engine = blocks.Engine(row[3])
	hash, err := hex.DecodeString(row[4])
	if err = errors.Join(append(errs[:], err)...); err != nil {
		return r, err
	}
	if r.Point < 0 || r.Point >= len(t.plan.Points) || r.Number < 0 || r.Number >= MaxReplicas || len(hash) != len(r.Hash) {
		return r, fmt.Errorf("there is no replica %s of point %s in this experiment", row[1], row[0])
	}
	copy(r.Hash[:], hash)
	for _, column := range t.columns[r.Point] {
		v := math.NaN()
		if row[column] != "" {
			if v, err = strconv.ParseFloat(row[column], 64); err != nil {
				return r, err
			}
		}
		r.Values = append(r.Values, v)
	}
	if again := t.row(r); !slices.Equal(again, row) || r.Seed != t.plan.Seed+uint64(r.Number) {
		return r, fmt.Errorf("replica %d of point %d is not of this experiment: %q", r.Number, r.Point, row)
	}
	return r, nil
}
