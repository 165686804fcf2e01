package gbt

import (
	"encoding/hex"
	"strings"
	"testing"
)

// The addresses of segwit are the test vectors of BIP 173 and BIP 350. The one of the
// genesis block and the others of base58 are well known.
func TestParsePayout(t *testing.T) {
	for _, tc := range []struct{ address, script, chains string }{
		{"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6", "main mainnet"},
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0014751e76e8199196d454941c45d1b3a323f1433bd6", "main mainnet"},
		{"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262", "test testnet testnet3 testnet4 signet"},
		{"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y", "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6", "main mainnet"},
		{"BC1SW50QGDZ25J", "6002751e", "main mainnet"},
		{"bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323", "main mainnet"},
		{"tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c", "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433", "test testnet testnet3 testnet4 signet"},
		{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "main mainnet"},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac", "main mainnet"},
		{"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "a914b472a266d0bd89c13706a4132ccfb16f7c3b9fcb87", "main mainnet"},
		{"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "76a914243f1394f44554f4ce3fd68649c19adc483ce92488ac", "test testnet testnet3 testnet4 signet regtest"},
		{"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", "a9144e9f39ca4688ff102128ea4ccda34105324305b087", "test testnet testnet3 testnet4 signet regtest"},
		{"script:51", "51", ""},
		{"script:6A", "6a", ""},
	} {
		p, err := parsePayout(tc.address)
		if err != nil {
			t.Errorf("%s: %v", tc.address, err)
			continue
		}
		if got := hex.EncodeToString(p.script); got != tc.script || strings.Join(p.chains, " ") != tc.chains {
			t.Errorf("%s: script %s of %v, want %s of %s", tc.address, got, p.chains, tc.script, tc.chains)
		}
	}
}

// Addresses of regtest and simnet for the same key as the first vector of BIP 173.
func TestPayoutOfTestNetworks(t *testing.T) {
	for address, chain := range map[string]string{
		"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": "regtest",
		"sb1qw508d6qejxtdg4y5r3zarvary0c5xw7krxe8se":   "simnet",
	} {
		p, err := parsePayout(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := hex.EncodeToString(p.script); got != "0014751e76e8199196d454941c45d1b3a323f1433bd6" || p.check(chain) != nil {
			t.Errorf("%s: script %s of %v", address, got, p.chains)
		}
	}
}

func TestParsePayoutRefused(t *testing.T) {
	for address, want := range map[string]string{
		"": "no payout",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5":                     "checksum",
		"tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty":                     "is no address",
		"BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R": "witness version 17",
		"bc1pw5dgrnzv":                                                                 "witness program of 1 bytes",
		"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P":                                         "want 20 or 32",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh":                                   "not that of an address",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd":               "not that of an address",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav": "",
		"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq":               "",
		"bc1gmk9yu":                           "no witness version",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb":  "is no address",
		"LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1":  "version byte 48",
		"script:":                             "want 1 to 520",
		"script:5":                            "not hex",
		"51":                                  "is no address",
		"script:" + strings.Repeat("00", 521): "want 1 to 520",
	} {
		if p, err := parsePayout(address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want an error with %q", address, p, err, want)
		}
	}
}

// An address of another network is refused: its owner may have no key for it there.
func TestPayoutOfOtherNetwork(t *testing.T) {
	for _, tc := range []struct {
		address, chain string
		ok             bool
	}{
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "main", true},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "mainnet", true},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "regtest", false},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "simnet", false},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "a network that we do not know", true},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "", true},
		{"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "main", false},
		{"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "regtest", true},
		{"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "signet", true},
		{"script:51", "main", true},
	} {
		p, err := parsePayout(tc.address)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.check(tc.chain); (err == nil) != tc.ok {
			t.Errorf("%s on %s: %v", tc.address, tc.chain, err)
		}
	}
}

func FuzzPayout(f *testing.F) {
	f.Add("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
	f.Add("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")
	f.Add("script:51")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePayout(text)
		if err == nil && (len(p.script) == 0 || len(p.script) > maxScript) {
			t.Errorf("script of %d bytes", len(p.script))
		}
	})
}
