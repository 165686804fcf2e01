package dump

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

func isRule(err error) bool {
	var rule block.RuleError
	return errors.As(err, &rule)
}

// Tutorial is the name of the network whose difficulty a dump tells by itself.
const Tutorial = "tutorial"

// NeedNetworkError says that a dump does not tell the rules of its network.
type NeedNetworkError struct{ Name string } // of the network; "": the dump does not begin at genesis

func (e NeedNetworkError) Error() string {
	if e.Name == "" {
		return "the dump does not begin at genesis, so it does not tell its network: state it"
	}
	return fmt.Sprintf("the dump is of the network %s, whose rules are in a file: state it", e.Name)
}

// tutorialZeros returns the difficulty of the network tutorial that has these bits, in
// hex zeros.
func tutorialZeros(bits pow.Bits) (int, bool) {
	for zeros := range 64 {
		if pow.ZerosTarget(4*zeros).Bits() == bits {
			return zeros, true
		}
	}
	return 0, false
}

// tutorialOf returns the network tutorial with these bits.
func tutorialOf(bits pow.Bits) (rules.Params, error) {
	zeros, ok := tutorialZeros(bits)
	if !ok {
		return rules.Params{}, block.Reject(block.BadDiffBits, "bits %s mean no difficulty of the network tutorial", bits)
	}
	return rules.Tutorial(zeros)
}

// checkGenesis checks a block at height 0. The name is that of the network that the
// block should be of.
func checkGenesis(b block.Block, name string) error {
	p, err := rules.New(rules.Config{Name: name})
	if err != nil {
		return &Fault{0, "coinbase", block.Reject(WrongGenesis, "the coinbase says network %.40q, which is no name of one", name)}
	}
	if header, coinbase := p.Genesis(); b.Header != header || b.Coinbase != coinbase || len(b.Txs) > 0 {
		detail := fmt.Sprintf("this is not the genesis of the network %s", name)
		if tag := b.Coinbase.Tag; tag != name {
			detail = fmt.Sprintf("this is the genesis of the network %.40s, not of %s", tag, name)
		}
		return &Fault{0, "", block.Reject(WrongGenesis, "%s", detail)}
	}
	return nil
}
