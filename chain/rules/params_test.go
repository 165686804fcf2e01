package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

func tutorial(t testing.TB, hexZeros int) Params {
	t.Helper()
	p, err := Tutorial(hexZeros)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustNew(t rapid.TB, c Config) Params {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Golden ids, computed apart from this code as well. A change here splits every
// network of that name.
func TestParamsGolden(t *testing.T) {
	for _, tc := range []struct {
		params     Params
		text       string
		id         string
		genesis    string // header
		genesisID  string
		coinbaseID string
	}{
		{
			tutorial(t, 2),
			`{"difficulty":{"bits":"2000ffff","rule":"fixed"},"limits":{"block_bytes":2097152,"block_txs":8191,"future_seconds":7200,"tx_bytes":65536},"name":"tutorial","signatures":"optional"}`,
			"6347ea1a548e0540f9598e9601bad3a583e5c70bc52469a442e3d7f895077212",
			"000000200000000000000000000000000000000000000000000000000000000000000000c59585768182b4028cb93c5bbba62f756f05ef6ea540eacdf60f935878798df429ab5f49ffff7f2002000000",
			"2ec7fb488b9e76910cd624eee0acdc4f4241af9e64e08b8097fd58f94a90bf9d",
			"f48d797858930ff6cdea40a56eef056f752fa6bb5b3cb98c02b48281768595c5",
		},
		{
			Lab(),
			`{"difficulty":{"bits":"1e0fffff","half_life":600,"limit":"2000ffff","rule":"asert","spacing":10},"limits":{"block_bytes":2097152,"block_txs":8191,"future_seconds":7200,"tx_bytes":65536},"name":"lab","signatures":"optional"}`,
			"c0e1fa68606a2736ae238f4ecd7cbad731effac42657d6052252b6ae1e8a1e8e",
			"0000002000000000000000000000000000000000000000000000000000000000000000003bd4ca5df0fdb2069b648e297fcda4374a76ef2fd47296c177054516f90ab16c29ab5f49ffff7f2000000000",
			"44a4c7015d47083bb9fda284afc6267cbc0613382e34267b5e1afbd21443844e",
			"6cb10af916450577c19672d42fef764a37a4cd7f298e649b06b2fdf05dcad43b",
		},
	} {
		t.Run(tc.params.Name(), func(t *testing.T) {
			text, err := json.Marshal(tc.params)
			if err != nil || string(text) != tc.text {
				t.Errorf("JSON\n%s (%v), want\n%s", text, err, tc.text)
			}
			if got := tc.params.ID().String(); got != tc.id {
				t.Errorf("id %s, want %s", got, tc.id)
			}
			header, coinbase := tc.params.Genesis()
			if got := header.String(); got != tc.genesis {
				t.Errorf("genesis %s, want %s", got, tc.genesis)
			}
			if got := header.Hash().String(); got != tc.genesisID {
				t.Errorf("genesis hash %s, want %s", got, tc.genesisID)
			}
			if got := coinbase.ID().String(); got != tc.coinbaseID {
				t.Errorf("genesis coinbase %s, want %s", got, tc.coinbaseID)
			}
		})
	}
}

func TestTutorialBits(t *testing.T) {
	for hexZeros, want := range map[int]pow.Bits{0: 0x2100ffff, 1: 0x200fffff, 2: 0x2000ffff, 3: 0x1f0fffff, 4: 0x1f00ffff, 8: 0x1d00ffff, 63: 0x010f0000} {
		if got := tutorial(t, hexZeros).Difficulty().Bits; got != want {
			t.Errorf("%d hex zeros: bits %s, want %s", hexZeros, got, want)
		}
	}
	for hexZeros := range 64 {
		p := tutorial(t, hexZeros)
		target, err := p.Difficulty().Bits.Target()
		if err != nil {
			t.Fatal(err)
		}
		digits := target.String()
		if got := len(digits) - len(strings.TrimLeft(digits, "0")); got != hexZeros || digits[min(hexZeros, 63)] != 'f' {
			t.Errorf("%d hex zeros: target %s", hexZeros, target)
		}
		if got := p.NextBits(7, 0, 0); got != p.Difficulty().Bits {
			t.Errorf("%d hex zeros: next bits %s", hexZeros, got)
		}
	}
	for _, hexZeros := range []int{-1, 64} {
		if _, err := Tutorial(hexZeros); err == nil || !strings.Contains(err.Error(), "want 0 to 63") {
			t.Errorf("%d hex zeros: error %v", hexZeros, err)
		}
	}
}

func TestGenesis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustNew(t, Config{Name: rapid.StringMatching(`[a-z][a-z0-9-]{0,31}`).Draw(t, "name")})
		header, coinbase := p.Genesis()
		if header.Prev.String() != strings.Repeat("0", 64) {
			t.Fatalf("previous hash %s", header.Prev)
		}
		if root, _ := block.MerkleRoot([]pow.Hash{coinbase.ID()}); header.MerkleRoot != root {
			t.Fatalf("merkle root %s, want %s", header.MerkleRoot, root)
		}
		target, err := header.Bits.Target()
		if err != nil || !header.Hash().Meets(target) {
			t.Fatalf("hash %s does not meet %s (%v)", header.Hash(), target, err)
		}
		if header.Version>>29 != 1 {
			t.Fatalf("version %08x lacks BIP 9's top bits", header.Version)
		}
		if back, err := block.ParseCoinbase(coinbase.Bytes()); err != nil || back.Height != 0 || back.Tag != p.Name() {
			t.Fatalf("coinbase %+v (%v)", back, err)
		}

		other := anyConfig().Draw(t, "another network")
		other.Name = p.Name()
		if again, _ := mustNew(t, other).Genesis(); again != header {
			t.Fatal("genesis depends on more than the name")
		}
	})
}

func anyConfig() *rapid.Generator[Config] {
	return rapid.Custom(func(t *rapid.T) Config {
		c := Config{
			Name:       rapid.StringMatching(`[a-z][a-z0-9-]{0,31}`).Draw(t, "name"),
			Signatures: rapid.SampledFrom([]Signatures{"", SignaturesOptional, SignaturesRequired}).Draw(t, "signatures"),
			Limits: Limits{
				BlockBytes:    rapid.SampledFrom([]int{0, blockOverhead + 1, 100_000, MaxBlockBytes}).Draw(t, "block bytes"),
				BlockTxs:      rapid.IntRange(0, MaxBlockTxs).Draw(t, "transactions"),
				FutureSeconds: rapid.Uint32Range(0, MaxFutureSeconds).Draw(t, "future"),
			},
		}
		c.Limits.TxBytes = rapid.IntRange(0, c.withDefaults().Limits.BlockBytes-blockOverhead).Draw(t, "transaction bytes")
		d := &c.Difficulty
		d.Rule = rapid.SampledFrom([]Rule{"", RuleFixed, RuleAsert}).Draw(t, "rule")
		d.Bits = anyBits().Draw(t, "bits")
		if d.Rule == RuleAsert {
			d.Limit = anyBits().Draw(t, "limit")
			if bigTarget(d.Bits).Cmp(bigTarget(d.Limit)) > 0 {
				d.Bits, d.Limit = d.Limit, d.Bits
			}
			d.Spacing = rapid.Uint32Range(0, maxSpacing).Draw(t, "spacing")
			d.HalfLife = rapid.SampledFrom([]uint32{0, max(d.Spacing, 10), maxHalfLife}).Draw(t, "half-life")
		}
		return c
	})
}

func TestParamsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig().Draw(t, "config")
		p := mustNew(t, c)
		full := p.Config()
		if full.withDefaults() != full {
			t.Fatalf("defaults change the complete form %+v", full)
		}
		if again := mustNew(t, full); again != p {
			t.Fatalf("the complete form makes another network: %+v, want %+v", again, p)
		}
		for _, form := range []any{c, full, p} {
			text, err := json.Marshal(form)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := Parse(text); err != nil || back != p {
				t.Fatalf("%s came back as %+v (%v), want %+v", text, back, err, p)
			}
		}
		// The canonical form: keys in order, nothing escaped, no spaces.
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		if sorted, err := json.Marshal(fields); err != nil || string(sorted) != string(text) {
			t.Fatalf("JSON %s, sorted %s (%v)", text, sorted, err)
		}
		if p.ID() != pow.DoubleSHA256(text) {
			t.Fatal("the id is not the hash of the JSON form")
		}
	})
}

// Networks that differ in any one field have different ids.
func TestParamsIDCoversEverything(t *testing.T) {
	base := Lab()
	seen := map[pow.Hash]string{base.ID(): "lab"}
	for name, change := range map[string]func(*Config){
		"name":       func(c *Config) { c.Name = "lab2" },
		"signatures": func(c *Config) { c.Signatures = SignaturesRequired },
		"rule":       func(c *Config) { c.Difficulty = Difficulty{Rule: RuleFixed, Bits: c.Difficulty.Bits} },
		"bits":       func(c *Config) { c.Difficulty.Bits-- },
		"limit":      func(c *Config) { c.Difficulty.Limit-- },
		"spacing":    func(c *Config) { c.Difficulty.Spacing++ },
		"half-life":  func(c *Config) { c.Difficulty.HalfLife++ },
		"bytes":      func(c *Config) { c.Limits.BlockBytes++ },
		"txs":        func(c *Config) { c.Limits.BlockTxs++ },
		"tx bytes":   func(c *Config) { c.Limits.TxBytes++ },
		"future":     func(c *Config) { c.Limits.FutureSeconds++ },
	} {
		c := base.Config()
		change(&c)
		p := mustNew(t, c)
		if same, ok := seen[p.ID()]; ok {
			t.Errorf("%s has the id of %s", name, same)
		}
		seen[p.ID()] = name
	}
}

func TestParseParamsDefaults(t *testing.T) {
	p, err := Parse([]byte(` { "name": "tutorial" } `))
	if err != nil || p != tutorial(t, 2) {
		t.Errorf("a name alone is %+v (%v)", p, err)
	}
	p, err = Parse([]byte(`{"name":"lab","difficulty":{"rule":"asert"}}`))
	if err != nil || p != Lab() {
		t.Errorf("name and rule are %+v (%v)", p, err)
	}
	p, err = Parse([]byte(`{"name":"fast","difficulty":{"rule":"asert","spacing":1},"limits":{"block_bytes":10000}}`))
	if err != nil || p.Difficulty().HalfLife != 60 || p.Limits().TxBytes != 10_000-blockOverhead {
		t.Errorf("defaults that follow others: %+v (%v)", p, err)
	}
}

func TestParseParamsRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                          "unexpected EOF",
		`{`:                         "EOF",
		`{}{}`:                      "nothing after it",
		`{"name":"a"} x`:            "nothing after it",
		`[]`:                        "cannot unmarshal array",
		`null`:                      "null: leave the field out",
		`"lab"`:                     "cannot unmarshal string",
		`{}`:                        `name "": want 1 to 32`,
		`{"name":null}`:             "name: null: leave the field out",
		`{"name":"a","name":"a"}`:   `field "name" stands twice`,
		`{"Name":"a"}`:              `unknown field "Name"`,
		`{"\u017fignatures":"x"}`:   `unknown field "ſignatures"`, // folds to an s
		`{"name":"a","spaceing":1}`: `unknown field "spaceing"`,
		`{"name":"a","limits":{"block_bytes":1000,"block_bytes":1000}}`:     `limits: field "block_bytes" stands twice`,
		`{"name":"a","limits":{"blocks":1}}`:                                `unknown field "blocks"`,
		`{"name":"a","limits":{"block_bytes":-1}}`:                          "block_bytes -1: want",
		`{"name":"a","limits":{"block_bytes":100}}`:                         "block_bytes 100: want",
		`{"name":"a","limits":{"block_bytes":33554433}}`:                    "block_bytes 33554433: want",
		`{"name":"a","limits":{"block_bytes":1000,"tx_bytes":1000}}`:        "tx_bytes 1000: want 1 to block_bytes",
		`{"name":"a","limits":{"tx_bytes":-1}}`:                             "tx_bytes -1",
		`{"name":"a","limits":{"block_txs":-1}}`:                            "block_txs -1",
		`{"name":"a","limits":{"block_txs":1048576}}`:                       "block_txs 1048576",
		`{"name":"a","limits":{"block_txs":1.5}}`:                           "cannot unmarshal",
		`{"name":"a","limits":{"block_txs":"1"}}`:                           "cannot unmarshal",
		`{"name":"a","limits":{"future_seconds":86401}}`:                    "future_seconds 86401",
		`{"name":"a","signatures":"none"}`:                                  `signatures "none": want "optional" or "required"`,
		`{"name":"a","difficulty":{"rule":"lwma"}}`:                         `rule "lwma": want "fixed" or "asert"`,
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
		`{"name":"` + strings.Repeat("a", 33) + `"}`:                                     "want 1 to 32",
		`{"name":"a"` + strings.Repeat(" ", MaxParamsSize) + `}`:                         "over 16384 bytes",
		`{"name":"a","x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`: "over 16384 bytes",
		`{"name":"a","x":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}`: "unknown field",
	} {
		if _, err := Parse([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.70s: error %v, want one with %q", in, err, want)
		}
	}
	// Every fault is named, not the first alone.
	_, err := Parse([]byte(`{"name":"?","signatures":"?","limits":{"block_txs":-1},"difficulty":{"rule":"?"}}`))
	for _, want := range []string{"name", "signatures", "block_txs", "rule"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}

func TestLoadParams(t *testing.T) {
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
	if _, err := Load(dir); err == nil {
		t.Error("a folder was read")
	}
}

// A network on ASERT begins with the bits of block 1, however old genesis is,
// and pays back a pause.
func TestLabSchedule(t *testing.T) {
	const start = 2_000_000_000 // 31 years after genesis
	lab := Lab()
	if got := lab.NextBits(0, GenesisTime, 0); got != 0x1e0fffff {
		t.Errorf("bits of block 1 are %s", got)
	}
	for height := int64(1); height < 1000; height++ {
		if got := lab.NextBits(height, uint32(start+10*(height-1)), start); got != 0x1e0fffff {
			t.Fatalf("on schedule, block %d has bits %s", height+1, got)
		}
	}
	// An hour's pause before block 101: six half-lives.
	paused := uint32(start + 10*99 + 3600)
	if got, want := lab.NextBits(100, paused, start), pow.ZerosTarget(20-6).Bits(); got>>8 != want>>8 {
		t.Errorf("after a pause bits are %s, want about %s", got, want)
	}
	if got := lab.NextBits(100+360, paused, start); got != 0x1e0fffff {
		t.Errorf("360 blocks later bits are %s", got)
	}
	if got := lab.NextBits(100, math.MaxUint32, start); got != lab.Difficulty().Limit {
		t.Errorf("after years bits are %s, want the limit", got)
	}
}

func FuzzParseParams(f *testing.F) {
	for _, p := range []any{Lab(), tutorial(f, 2), Config{Name: "a"}} {
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
		next := p.NextBits(100, math.MaxUint32, 0)
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

func ExampleTutorial() {
	p, err := Tutorial(3)
	fmt.Println(p.Difficulty().Bits, err)

	header, _ := p.Genesis()
	fmt.Println(header.Prev == pow.Hash{})
	// Output:
	// 1f0fffff <nil>
	// true
}
