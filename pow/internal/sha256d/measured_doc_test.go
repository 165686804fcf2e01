package sha256d

import (
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/cpuid/v2"
)

// documented is a row of the table in docs/kernels.md: the figures of a processor.
type documented struct {
	vendor cpuid.Vendor
	family int
	models map[int]bool // true: only those with matrix extensions
	cycles map[string]Cycles
}

// readDocumented reads the table in docs/kernels.md.
func readDocumented(t *testing.T) (rows []documented) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/kernels.md")
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	_, table, ok := strings.Cut(string(text), "\n| cycles/hash, one version and 16 |")
	if !ok {
		t.Fatal("docs/kernels.md has no table of the cycles that are expected")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	head, table, _ := strings.Cut(table, "\n")
	var kernels []string
	for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(head, -1) {
		kernels = append(kernels, name[1])
	}
	processor := regexp.MustCompile(`^(AMD|Intel) family (\d+), models ([^(]+)`)
	model := regexp.MustCompile(`(\d+)(?:–(\d+))?( with AMX)?`)
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if strings.HasPrefix(cells[0], "-") {
			continue
		}
		match := processor.FindStringSubmatch(strings.TrimSpace(cells[0]))
		if match == nil || len(cells) != 1+len(kernels) {
			t.Fatalf("docs/kernels.md has a row that is not that of a processor: %s", line)
		}
		row := documented{
			vendor: map[string]cpuid.Vendor{"AMD": cpuid.AMD, "Intel": cpuid.Intel}[match[1]], family: int(number(match[2])),
			models: map[int]bool{}, cycles: map[string]Cycles{},
		}
		for _, m := range model.FindAllStringSubmatch(match[3], -1) {
			first, last := int(number(m[1])), int(number(m[1]))
			if m[2] != "" {
				last = int(number(m[2]))
			}
			for n := first; n <= last; n++ {
				row.models[n] = m[3] != ""
			}
		}
		for i, name := range kernels {
			one, sixteen, both := strings.Cut(strings.TrimSpace(cells[1+i]), ", ")
			c := Cycles{One: number(one)}
			if both {
				c.Sixteen = number(sixteen)
			}
			row.cycles[name] = c
		}
		rows = append(rows, row)
	}
	return rows
}

// The figures, and the processors that they are expected of, are those of the
// documentation. Other processors have none.
func TestMeasuredIsDocumented(t *testing.T) {
	rows := readDocumented(t)
	if len(rows) < 4 {
		t.Errorf("docs/kernels.md has %d processors, want at least 4", len(rows))
	}
	for _, vendor := range []cpuid.Vendor{cpuid.AMD, cpuid.Intel, cpuid.Hygon, cpuid.VIA} {
		for family := range 0x20 {
			for model := range 0x100 {
				for _, amx := range []bool{false, true} {
					var want map[string]Cycles
					for _, row := range rows {
						if onlyAMX, ok := row.models[model]; ok && row.vendor == vendor && row.family == family && (amx || !onlyAMX) {
							want = row.cycles
						}
					}
					if got := measuredOn(vendor, family, model, amx); !maps.Equal(got, want) {
						t.Errorf("%v, family %d, model %d, matrix extensions %v: %v, the documentation has %v", vendor, family, model, amx, got, want)
					}
				}
			}
		}
	}
}

// HashHeaders hashes whole groups of lanes, and what is left.
func TestHashHeadersOfThisMachine(t *testing.T) {
	headers := make([][80]byte, 39)
	for i := range headers {
		headers[i][0] = byte(i)
	}
	got, want := make([][32]byte, len(headers)), make([][32]byte, len(headers))
	HashHeaders(got, headers)
	hashHeaders(0, want, headers)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("header %d: %x, hashed alone %x", i, got[i], want[i])
		}
	}
}
