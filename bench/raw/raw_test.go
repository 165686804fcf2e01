package raw

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func some() []Search {
	return []Search{
		{"Tries", 7, 0, 12, "sha-ni", 2, 0, 4096, 8192, 135_000},
		{"Search", 1<<64 - 1, 3, 8, `my, "own"`, 1, 5, 1, 1, 1},
		{"Search", 7, 3, 24, "avx2", 4, 0, 1 << 40, 1 << 41, 1 << 50},
	}
}

// TestCSV checks that what CSV writes, plain or compressed, is read back unchanged.
func TestCSV(t *testing.T) {
	var out bytes.Buffer
	w := NewCSV(&out)
	for _, s := range some() {
		if err := w.Write([]Search{s}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	if first != "benchmark,seed,round,zeros,kernel,workers,search,tries,hashes,ns" {
		t.Errorf("columns %q", first)
	}
	if !strings.Contains(out.String(), "\nTries,7,0,12,sha-ni,2,0,4096,8192,135000\n") {
		t.Errorf("no row of the first search in:\n%s", out.String())
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"plain": out.Bytes(), "gzip": packed.Bytes()} {
		got, err := Read(bytes.NewReader(text))
		if err != nil || !slices.Equal(got, some()) {
			t.Errorf("%s: read %+v, %v", name, got, err)
		}
	}
}

// TestJSON checks that the JSON is an array of objects whose members have the names of
// the columns, also without any search.
func TestJSON(t *testing.T) {
	for _, want := range [][]Search{some(), {}} {
		var out bytes.Buffer
		w := NewJSON(&out)
		for _, s := range want {
			if err := w.Write([]Search{s}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got []Search
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("read %+v, %v", got, err)
		}
	}
	for i, f := range reflect.VisibleFields(reflect.TypeFor[Search]()) {
		if f.Tag.Get("json") != Columns()[i] {
			t.Errorf("field %s is %q in JSON, and column %q in CSV", f.Name, f.Tag.Get("json"), Columns()[i])
		}
	}
}

func TestReadRefuses(t *testing.T) {
	head := strings.Join(Columns(), ",") + "\n"
	for text, want := range map[string]string{
		"":              `no column "benchmark"`,
		"goos: linux\n": `no column "benchmark"`,
		strings.Replace(head, "tries", "trials", 1):  `no column "tries": want the searches that lodelab bench --csv writes`,
		head + "Search,1,2,3,a,4,5,6,7\n":            "wrong number of fields",
		head + "Search,1,2,3,a,4,5,6,7,x\n":          `line 2: ns is "x": want a number from 0`,
		head + "Search,1,2,-3,a,4,5,6,7,8\n":         `line 2: zeros is "-3": want a number from 0`,
		"\x1f\x8bnot gzip, although it begins so...": "gzip: invalid header",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestReadAnyOrder checks that columns may be in another order, beside columns of
// other programs.
func TestReadAnyOrder(t *testing.T) {
	got, err := Read(strings.NewReader("mine,ns,hashes,tries,search,workers,kernel,zeros,round,seed,benchmark\nx,9,8,7,6,5,k,4,3,2,Search\n"))
	if want := []Search{{"Search", 2, 3, 4, "k", 5, 6, 7, 8, 9}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
}

// full is a writer without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space")

func TestWriteFails(t *testing.T) {
	if err := NewCSV(full{}).Write(some()); !errors.Is(err, errFull) {
		t.Errorf("CSV: %v", err)
	}
	if err := NewJSON(full{}).Write(some()); !errors.Is(err, errFull) {
		t.Errorf("JSON: %v", err)
	}
	if err := NewJSON(full{}).Close(); !errors.Is(err, errFull) {
		t.Errorf("JSON: %v", err)
	}
}
