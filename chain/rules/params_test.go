package rules

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
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

// The ids have also been computed independently of this code. If they change, old and
// new nodes of the same network refuse each other.
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

// The canonical form and the id of networks with the rules that came later, computed by
// another program.
func TestParamsGoldenOfLaterRules(t *testing.T) {
	for _, tc := range []struct{ in, text, id string }{
		{`{"name": "classroom", "difficulty": {"rule": "bitcoin2016"}}`, `{"difficulty":{"bits":"1e0fffff","limit":"2000ffff","rule":"bitcoin2016","spacing":600,"window":2016},"limits":{"block_bytes":2097152,"block_txs":8191,"future_seconds":7200,"tx_bytes":65536},"name":"classroom","signatures":"optional"}`, "f03b87d7530c50ab760f9e0ede8e7fc32f1750795eee62792175f44a4a3b3701"},
		{`{"name": "classroom", "difficulty": {"rule": "lwma", "spacing": 30, "window": 90}}`, `{"difficulty":{"bits":"1e0fffff","limit":"2000ffff","rule":"lwma","spacing":30,"window":90},"limits":{"block_bytes":2097152,"block_txs":8191,"future_seconds":300,"tx_bytes":65536},"name":"classroom","signatures":"optional"}`, "2cd7c6c7d065f25370e86920fcc604bb78a6b96215292a42b4b2002548acd090"},
	} {
		p, err := Parse([]byte(tc.in))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(p)
		if err != nil || string(text) != tc.text || p.ID().String() != tc.id {
			t.Errorf("%s: JSON\n%s\nid %s (%v), want\n%s\nid %s", tc.in, text, p.ID(), err, tc.text, tc.id)
		}
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
		if got := (State{Height: 7}).NextBits(p); got != p.Difficulty().Bits {
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
			t.Fatal("networks of the same name have different genesis blocks")
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
		d.Rule = rapid.SampledFrom([]Rule{"", RuleFixed, RuleAsert, RuleBitcoin2016, RuleLwma}).Draw(t, "rule")
		d.Bits = anyBits().Draw(t, "bits")
		if d.Rule != "" && d.Rule != RuleFixed {
			d.Limit = anyBits().Draw(t, "limit")
			if bigTarget(d.Bits).Cmp(bigTarget(d.Limit)) > 0 {
				d.Bits, d.Limit = d.Limit, d.Bits
			}
			d.Spacing = rapid.Uint32Range(0, maxSpacing).Draw(t, "spacing")
			switch d.Rule {
			case RuleAsert:
				d.HalfLife = rapid.SampledFrom([]uint32{0, max(d.Spacing, 10), maxHalfLife}).Draw(t, "half-life")
			case RuleBitcoin2016:
				d.Window = rapid.SampledFrom([]uint32{0, minWindow, maxWindow}).Draw(t, "window")
			case RuleLwma:
				d.Spacing = max(d.Spacing, 2)
				d.Window = rapid.SampledFrom([]uint32{0, minWindow, maxLwmaWindow}).Draw(t, "window")
			}
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
		// The JSON form is canonical: sorted keys, no escapes, no spaces.
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
		"lwma":       func(c *Config) { c.Difficulty.HalfLife, c.Difficulty.Rule, c.Difficulty.Window = 0, RuleLwma, 60 },
		"window":     func(c *Config) { c.Difficulty.HalfLife, c.Difficulty.Rule, c.Difficulty.Window = 0, RuleLwma, 61 },
		"2016": func(c *Config) {
			c.Difficulty.HalfLife, c.Difficulty.Rule, c.Difficulty.Window = 0, RuleBitcoin2016, 60
		},
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

// On a network with ASERT, the schedule begins with block 1 and not with genesis, and
// blocks become easier after a pause until the chain is on schedule again.
func TestLabSchedule(t *testing.T) {
	const start = 2_000_000_000 // 31 years after genesis
	lab := Lab()
	at := func(height int64, time uint32) pow.Bits {
		return State{Height: height, Time: time, FirstTime: start}.NextBits(lab)
	}
	if got := (State{Time: GenesisTime}).NextBits(lab); got != 0x1e0fffff {
		t.Errorf("bits of block 1 are %s", got)
	}
	for height := int64(1); height < 1000; height++ {
		if got := at(height, uint32(start+10*(height-1))); got != 0x1e0fffff {
			t.Fatalf("on schedule, block %d has bits %s", height+1, got)
		}
	}
	// An hour's pause before block 101: six half-lives.
	paused := uint32(start + 10*99 + 3600)
	if got, want := at(100, paused), pow.ZerosTarget(20-6).Bits(); got>>8 != want>>8 {
		t.Errorf("after a pause bits are %s, want about %s", got, want)
	}
	if got := at(100+360, paused); got != 0x1e0fffff {
		t.Errorf("360 blocks later bits are %s", got)
	}
	if got := at(100, math.MaxUint32); got != lab.Difficulty().Limit {
		t.Errorf("after years bits are %s, want the limit", got)
	}
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
