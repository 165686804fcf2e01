package gbt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/btcutil/base58"
	"github.com/btcsuite/btcd/btcutil/bech32"
)

// maxScript is the length in bytes of the longest script that a payout may have. It
// is the limit of Bitcoin Core for the scripts that it relays, and far more than any
// address needs.
const maxScript = 520

// scriptPrefix marks a payout that is a script in hex instead of an address.
const scriptPrefix = "script:"

// payout is where the reward of a block goes.
type payout struct {
	script []byte

	// chains are the names that nodes give to the networks to which the address
	// belongs. Nil means that the script may be used on any network.
	chains []string
}

// The names of the networks, as nodes write them in the answer to getblockchaininfo.
// Bitcoin Core writes main and test, btcd mainnet and testnet3.
func mainChains() []string { return []string{"main", "mainnet"} }
func testChains() []string {
	return []string{"test", "testnet", "testnet3", "testnet4", "signet"}
}
func regtestChains() []string { return []string{"regtest"} }
func simnetChains() []string  { return []string{"simnet"} }

// parsePayout reads an address of mainnet, testnet, signet, regtest or simnet, or a
// script in hex after "script:".
func parsePayout(text string) (payout, error) {
	if text == "" {
		return payout{}, errors.New("no payout: give the address that the reward of a block shall go to")
	}
	if digits, ok := strings.CutPrefix(text, scriptPrefix); ok {
		script, err := hex.DecodeString(digits)
		if err != nil {
			return payout{}, fmt.Errorf("payout %q: the script is not hex: %w", text, err)
		}
		if len(script) == 0 || len(script) > maxScript {
			return payout{}, fmt.Errorf("payout %q: script of %d bytes, want 1 to %d", text, len(script), maxScript)
		}
		return payout{script: script}, nil
	}
	if chains := bech32Chains(text); chains != nil {
		script, err := witnessScript(text)
		if err != nil {
			return payout{}, fmt.Errorf("payout %q: %w", text, err)
		}
		return payout{script, chains}, nil
	}
	p, err := base58Payout(text)
	if err != nil {
		return payout{}, fmt.Errorf("payout %q is no address of mainnet, testnet, signet, regtest or simnet: %w", text, err)
	}
	return p, nil
}

// bech32Chains returns the networks whose segwit addresses begin like the text, or
// nil if there is none.
func bech32Chains(text string) []string {
	prefix, _, _ := strings.Cut(strings.ToLower(text), "1")
	switch prefix {
	case "bc":
		return mainChains()
	case "tb":
		return testChains()
	case "bcrt":
		return regtestChains()
	case "sb":
		return simnetChains()
	}
	return nil
}

// witnessScript returns the script of a segwit address. Version 0 is written in bech32
// (BIP 173), later versions in bech32m (BIP 350).
func witnessScript(address string) ([]byte, error) {
	_, data, encoding, err := bech32.DecodeGeneric(address)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, errors.New("the address has no witness version")
	}
	version := data[0]
	program, err := bech32.ConvertBits(data[1:], 5, 8, false)
	if err != nil {
		return nil, err
	}
	switch {
	case version > 16:
		return nil, fmt.Errorf("witness version %d, want 0 to 16", version)
	case version == 0 && encoding != bech32.Version0, version != 0 && encoding != bech32.VersionM:
		return nil, fmt.Errorf("the checksum is not that of an address with witness version %d", version)
	case len(program) < 2 || len(program) > 40:
		return nil, fmt.Errorf("witness program of %d bytes, want 2 to 40", len(program))
	case version == 0 && len(program) != 20 && len(program) != 32:
		return nil, fmt.Errorf("witness program of %d bytes, want 20 or 32 for version 0", len(program))
	}
	op := byte(op0)
	if version > 0 {
		op = op1 + version - 1
	}
	return slices.Concat([]byte{op, byte(len(program))}, program), nil
}

// base58Payout reads an address from before segwit, which names a hash of a public key
// or of a script.
func base58Payout(address string) (payout, error) {
	hash, version, err := base58.CheckDecode(address)
	if err != nil {
		return payout{}, err
	}
	if len(hash) != 20 {
		return payout{}, fmt.Errorf("the address has %d bytes, want 20", len(hash))
	}
	// The addresses of testnet, signet and regtest look the same.
	test := append(testChains(), regtestChains()...)
	switch version {
	case 0x00:
		return payout{keyHashScript(hash), mainChains()}, nil
	case 0x05:
		return payout{scriptHashScript(hash), mainChains()}, nil
	case 0x6f:
		return payout{keyHashScript(hash), test}, nil
	case 0xc4:
		return payout{scriptHashScript(hash), test}, nil
	case 0x3f:
		return payout{keyHashScript(hash), simnetChains()}, nil
	case 0x7b:
		return payout{scriptHashScript(hash), simnetChains()}, nil
	}
	return payout{}, fmt.Errorf("version byte %d is of no network that is known", version)
}

// keyHashScript returns OP_DUP OP_HASH160 hash OP_EQUALVERIFY OP_CHECKSIG.
func keyHashScript(hash []byte) []byte {
	return slices.Concat([]byte{0x76, 0xa9, 0x14}, hash, []byte{0x88, 0xac})
}

// scriptHashScript returns OP_HASH160 hash OP_EQUAL.
func scriptHashScript(hash []byte) []byte {
	return slices.Concat([]byte{0xa9, 0x14}, hash, []byte{0x87})
}

// check returns an error if the address is not one of the node's network. An unknown
// name of a network is not an error, because the address may well be right.
func (p payout) check(chain string) error {
	known := slices.Concat(mainChains(), testChains(), regtestChains(), simnetChains())
	if p.chains == nil || slices.Contains(p.chains, chain) || !slices.Contains(known, chain) {
		return nil
	}
	return fmt.Errorf("the payout is an address of %s, but the node is on %s: give an address of that network, or a script", strings.Join(p.chains, " or "), chain)
}
