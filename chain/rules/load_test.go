package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseDefaults(t *testing.T) {
	p, err := Parse([]byte(` { "name": "tutorial" } `))
	if err != nil || p != tutorial(t, 2) {
		t.Errorf("a name alone makes %+v (%v), want the tutorial network", p, err)
	}
	p, err = Parse([]byte(`{"name":"lab","difficulty":{"rule":"asert"}}`))
	if err != nil || p != Lab() {
		t.Errorf("name and rule make %+v (%v), want the lab network", p, err)
	}
	p, err = Parse([]byte(`{"name":"fast","difficulty":{"rule":"asert","spacing":1},"limits":{"block_bytes":10000}}`))
	if err != nil || p.Difficulty().HalfLife != 60 || p.Limits().TxBytes != 10_000-blockOverhead {
		t.Errorf("defaults that depend on other fields: %+v (%v)", p, err)
	}
	p, err = Parse([]byte(`{"name":"bitcoin","difficulty":{"rule":"bitcoin2016"}}`))
	if want := (Difficulty{Bits: 0x1e0fffff, Limit: 0x2000ffff, Rule: RuleBitcoin2016, Spacing: 600, Window: 2016}); err != nil || p.Difficulty() != want || p.Limits().FutureSeconds != 7200 {
		t.Errorf("the rule bitcoin2016 makes %+v (%v)", p, err)
	}
	p, err = Parse([]byte(`{"name":"lwma","difficulty":{"rule":"lwma"}}`))
	if want := (Difficulty{Bits: 0x1e0fffff, Limit: 0x2000ffff, Rule: RuleLwma, Spacing: 10, Window: 60}); err != nil || p.Difficulty() != want || p.Limits().FutureSeconds != 300 {
		t.Errorf("the rule lwma makes %+v (%v)", p, err)
	}
	if p, err = Parse([]byte(`{"name":"a","difficulty":{"rule":"lwma","spacing":2}}`)); err != nil || p.Difficulty().Spacing != 2 {
		t.Errorf("two seconds for lwma: %+v (%v)", p, err)
	}
	// A twentieth of the window, from 300 seconds to two hours.
	for text, want := range map[string]uint32{`"spacing":600,"window":60`: 1800, `"spacing":86400,"window":1024`: 7200, `"spacing":100,"window":61`: 305} {
		p, err = Parse([]byte(`{"name":"lwma","difficulty":{"rule":"lwma",` + text + `}}`))
		if err != nil || p.Limits().FutureSeconds != want {
			t.Errorf("%s: %+v (%v), want times up to %d seconds ahead", text, p, err, want)
		}
	}
	p, err = Parse([]byte(`{"name":"slow","difficulty":{"rule":"asert","spacing":86400}}`))
	if err != nil || p.Difficulty().HalfLife != 60*86_400 {
		t.Errorf("the longest spacing makes %+v (%v), want a half-life of 60 days", p, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                          "unexpected EOF",
		`{`:                         "EOF",
		`{}{}`:                      "nothing after it",
		`{"name":"a"} x`:            "nothing after it",
		`{"name":tru}`:              "name: invalid character '}' in literal true",
		`{name:"a"}`:                "invalid character 'n'",
		`{"name":"a"]`:              "invalid character ']'",
		`[]`:                        "cannot unmarshal array",
		`null`:                      "null: leave the field out",
		`"lab"`:                     "cannot unmarshal string",
		`{}`:                        `name "": want 1 to 32`,
		`{"name":null}`:             "name: null: leave the field out",
		`{"name":"a","name":"a"}`:   `field "name" is repeated`,
		`{"Name":"a"}`:              `unknown field "Name"`,
		`{"\u017fignatures":"x"}`:   `unknown field "ſignatures"`, // folds to an s
		`{"name":"a","spaceing":1}`: `unknown field "spaceing"`,
		`{"name":"a","limits":{"block_bytes":1000,"block_bytes":1000}}`:     `limits: field "block_bytes" is repeated`,
		`{"name":"a","limits":{"blocks":1}}`:                                `unknown field "blocks"`,
		`{"name":"a","limits":{"block_bytes":-1}}`:                          "block_bytes -1: want",
		`{"name":"a","limits":{"block_bytes":100}}`:                         "block_bytes 100: want",
		`{"name":"a","limits":{"block_bytes":101}}`:                         "tx_bytes 1: want",
		`{"name":"a","limits":{"block_bytes":33554433}}`:                    "block_bytes 33554433: want",
		`{"name":"a","limits":{"block_bytes":1000,"tx_bytes":1000}}`:        "tx_bytes 1000: want 1 to block_bytes",
		`{"name":"a","limits":{"tx_bytes":-1}}`:                             "tx_bytes -1",
		`{"name":"a","limits":{"block_txs":-1}}`:                            "block_txs -1",
		`{"name":"a","limits":{"block_txs":1048576}}`:                       "block_txs 1048576",
		`{"name":"a","limits":{"block_txs":1.5}}`:                           "cannot unmarshal",
		`{"name":"a","limits":{"block_txs":"1"}}`:                           "cannot unmarshal",
		`{"name":"a","limits":{"future_seconds":86401}}`:                    "future_seconds 86401",
		`{"name":"a","signatures":"none"}`:                                  `signatures "none": want "optional" or "required"`,
		`{"name":"a","difficulty":{"rule":"dgw"}}`:                          `rule "dgw": want "fixed", "asert", "bitcoin2016" or "lwma"`,
		`{"name":"a","difficulty":{"window":60}}`:                           `mean nothing to the rule "fixed"`,
		`{"name":"a","difficulty":{"rule":"asert","window":60}}`:            `window means nothing to the rule "asert"`,
		`{"name":"a","difficulty":{"rule":"lwma","half_life":60}}`:          `half_life means nothing to the rule "lwma"`,
		`{"name":"a","difficulty":{"rule":"bitcoin2016","half_life":60}}`:   `half_life means nothing to the rule "bitcoin2016"`,
		`{"name":"a","difficulty":{"rule":"lwma","window":3}}`:              `window 3: want 4 to 1024 blocks for the rule "lwma"`,
		`{"name":"a","difficulty":{"rule":"lwma","window":1025}}`:           "window 1025: want 4 to 1024",
		`{"name":"a","difficulty":{"rule":"bitcoin2016","window":3}}`:       "window 3: want 4 to 100000",
		`{"name":"a","difficulty":{"rule":"bitcoin2016","window":100001}}`:  "window 100001: want 4 to 100000",
		`{"name":"a","difficulty":{"rule":"lwma","spacing":1}}`:             `spacing 1: want at least 2 seconds for the rule "lwma"`,
		`{"name":"a","difficulty":{"rule":"lwma","spacing":86401}}`:         "spacing 86401: want 1 to 86400 seconds",
		`{"name":"a","difficulty":{"rule":"lwma","bits":"207fffff"}}`:       "bits 207fffff are easier than the limit 2000ffff",
		`{"name":"a","difficulty":{"bits":"2000fff"}}`:                      "want 8 hex digits",
		`{"name":"a","difficulty":{"bits":"20ffffff"}}`:                     "bits: bits 20ffffff: target is negative",
		`{"name":"a","difficulty":{"bits":"2000fffe","limit":"2000ffff"}}`:  `mean nothing to the rule "fixed"`,
		`{"name":"a","difficulty":{"spacing":1}}`:                           `mean nothing to the rule "fixed"`,
		`{"name":"a","difficulty":{"bits":"210000ff"}}`:                     "want 2000ff00, the same target in its shortest form",
		`{"name":"a","difficulty":{"rule":"asert","bits":"207fffff"}}`:      "bits 207fffff are easier than the limit 2000ffff",
		`{"name":"a","difficulty":{"rule":"asert","limit":"ff00ffff"}}`:     "limit: bits ff00ffff: target is over 256 bits",
		`{"name":"a","difficulty":{"rule":"asert","spacing":86401}}`:        "spacing 86401: want 1 to 86400 seconds",
		`{"name":"a","difficulty":{"rule":"asert","half_life":9}}`:          "half_life 9: want from spacing",
		`{"name":"a","difficulty":{"rule":"asert","half_life":31536001}}`:   "half_life 31536001",
		`{"name":"a","difficulty":{"rule":"asert","half_life":4294967296}}`: "cannot unmarshal",
		`{"name":"A"}`: `name "A"`, `{"name":"1a"}`: `name "1a"`, `{"name":"a b"}`: `name "a b"`, `{"name":"ä"}`: `name "ä"`,
		// The characters next to those that a name may have.
		`{"name":"{"}`: `name "{"`, `{"name":"a{"}`: `name "a{"`, "{\"name\":\"a`\"}": "name \"a`\"", `{"name":"aZ"}`: `name "aZ"`,
		`{"name":"-"}`: `name "-"`, `{"name":"a:"}`: `name "a:"`, `{"name":"a/"}`: `name "a/"`, `{"name":"a."}`: `name "a."`,
		`{"name":"` + strings.Repeat("a", 33) + `"}`:                                     "want 1 to 32",
		`{"name":"a"` + strings.Repeat(" ", MaxParamsSize) + `}`:                         "over 16384 bytes",
		`{"name":"a","x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`: "over 16384 bytes",
		`{"name":"a","x":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}`: "unknown field",
	} {
		if _, err := Parse([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.70s: error %v, want one with %q", in, err, want)
		}
	}
	// The longest form and the longest name are allowed, and so is every character at the
	// edge of its range.
	for _, in := range []string{
		`{"name":"a"` + strings.Repeat(" ", MaxParamsSize-len(`{"name":"a"}`)) + `}`,
		`{"name":"` + strings.Repeat("a", 32) + `"}`,
		`{"name":"a-09az"}`,
		`{"name":"z"}`,
	} {
		if _, err := Parse([]byte(in)); err != nil {
			t.Errorf("%.70s: %v", in, err)
		}
	}
	// The error names every fault, not only the first.
	_, err := Parse([]byte(`{"name":"?","signatures":"?","limits":{"block_txs":-1},"difficulty":{"rule":"?"}}`))
	for _, want := range []string{"name", "signatures", "block_txs", "rule"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if p, err := Load(write("good.json", `{"name":"tutorial"}`+"\n")); err != nil || p != tutorial(t, 2) {
		t.Errorf("read %+v (%v)", p, err)
	}
	bad := write("bad.json", `{"name":"Tutorial"}`)
	if _, err := Load(bad); err == nil || !strings.HasPrefix(err.Error(), bad+": network parameters: name") {
		t.Errorf("error %v", err)
	}
	if _, err := Load(write("long.json", strings.Repeat(" ", 1<<20))); err == nil || !strings.Contains(err.Error(), "over 16384 bytes") {
		t.Errorf("error %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := Load(dir); !errors.As(err, new(*fs.PathError)) || !strings.HasPrefix(err.Error(), dir+": ") {
		t.Errorf("a folder: error %v, want that of reading it", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, p := range []any{
		Lab(), tutorial(f, 2), Config{Name: "a"},
		Config{Name: "b", Difficulty: Difficulty{Rule: RuleBitcoin2016}}, Config{Name: "c", Difficulty: Difficulty{Rule: RuleLwma}},
		Config{Name: "d", Difficulty: Difficulty{Rule: RuleBitcoin2016, Bits: 0x01010000}},
	} {
		text, err := json.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		if again, err := New(p.Config()); err != nil || again != p {
			t.Errorf("the complete form makes %+v (%v), want %+v", again, err, p)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(text); err != nil || back != p || back.ID() != p.ID() {
			t.Errorf("%s came back as %+v (%v)", text, back, err)
		}
		p.Genesis()
		next := (State{Height: 2015, Bits: p.Difficulty().Bits, Time: math.MaxUint32}).NextBits(p)
		if _, err := next.Target(); err != nil {
			t.Errorf("next bits: %v", err)
		}
	})
}

func ExampleParse() {
	p, err := Parse([]byte(`{"name": "classroom", "difficulty": {"rule": "asert", "spacing": 30}}`))
	fmt.Println(p.Difficulty().HalfLife, p.Limits().BlockTxs, p.Signatures(), err)

	_, err = Parse([]byte(`{"name": "classroom", "hardness": {}}`))
	fmt.Println(err)
	// Output:
	// 1800 8191 optional <nil>
	// network parameters: json: unknown field "hardness"
}
