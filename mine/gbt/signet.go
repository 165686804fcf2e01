package gbt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// signetSolution is the push that BIP 325 puts into the witness commitment of a block:
// the header of the section, an empty script and an empty witness. It solves every
// challenge that needs no signature.
func signetSolution() []byte {
	return []byte{6, 0xec, 0xc7, 0xda, 0xa2, 0, 0}
}

// parseChallenge reads the challenge of a signet, which is a script in hex. Only
// challenges that an empty solution satisfies are taken: a number from OP_1 to OP_16,
// and a single push of data that is not false.
//
// A challenge with a signature covers the header but for the nonce, so each new header
// needs another signature from the wallet of the node.
func parseChallenge(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	script, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("signet challenge %q is not hex: %w", text, err)
	}
	if !isTrivial(script) {
		return nil, fmt.Errorf("signet challenge %s needs a signature, which this miner cannot make: use the signet miner of Bitcoin Core with --grind-cmd 'lode grind'", text)
	}
	return script, nil
}

// isTrivial reports whether an empty script and an empty witness satisfy the challenge.
func isTrivial(script []byte) bool {
	if len(script) == 1 {
		return script[0] >= op1 && script[0] <= op1+15
	}
	if len(script) < 2 || int(script[0]) != len(script)-1 || script[0] >= opPushData1 {
		return false
	}
	// The value is false if all of its bytes are zero, but for the sign in the last.
	last := len(script) - 1
	return script[last]&0x7f != 0 || slices.ContainsFunc(script[1:last], func(b byte) bool { return b != 0 })
}

// checkChallenge compares the challenge that the user gave with that of the template.
func checkChallenge(ours []byte, theirs string) error {
	switch {
	case theirs == "" && ours == nil:
		return nil
	case theirs == "":
		return errors.New("a signet challenge is given, but the node is not on a signet")
	case ours == nil:
		return fmt.Errorf("the node is on a signet: give its challenge, which is %s", theirs)
	case hex.EncodeToString(ours) != theirs:
		return fmt.Errorf("the node is on another signet: its challenge is %s, and %x is given", theirs, ours)
	}
	return nil
}
