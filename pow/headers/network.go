package headers

import "github.com/lodepow/lode/pow"

// Network holds the rules for the headers of a Bitcoin network, and the values by
// which the network is recognised.
type Network struct {
	Name    string
	Magic   uint32 // the first four bytes of its messages, little-endian
	Genesis pow.Header
	Rule    pow.Retarget

	// MinDifficulty demands the easiest target of a block whose time is more than two
	// spacings after that of its parent, as on testnet3.
	MinDifficulty bool
}

// Main returns Bitcoin's main network.
func Main() *Network {
	return &Network{
		Name:    "main",
		Magic:   0xd9b4bef9,
		Genesis: pow.BitcoinGenesis(),
		Rule:    pow.BitcoinRetarget(),
	}
}

// Testnet3 returns Bitcoin's third test network. Its genesis differs from that of
// the main network in time and nonce only.
func Testnet3() *Network {
	genesis := pow.BitcoinGenesis()
	genesis.Time, genesis.Nonce = 1296688602, 414098458
	return &Network{
		Name:          "testnet3",
		Magic:         0x0709110b,
		Genesis:       genesis,
		Rule:          pow.BitcoinRetarget(),
		MinDifficulty: true,
	}
}

// Signet returns Bitcoin's default signed test network.
func Signet() *Network {
	genesis := pow.BitcoinGenesis()
	genesis.Time, genesis.Bits, genesis.Nonce = 1598918400, 0x1e0377ae, 52613770
	rule := pow.BitcoinRetarget()
	rule.Limit = genesis.Bits
	return &Network{Name: "signet", Magic: 0x40cf030a, Genesis: genesis, Rule: rule}
}

// Networks returns the networks that a verifier recognises.
func Networks() []*Network { return []*Network{Main(), Testnet3(), Signet()} }

// NetworkNamed returns the network with the given name, or nil.
func NetworkNamed(name string) *Network {
	for _, n := range Networks() {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func networkOfGenesis(hash pow.Hash) *Network {
	for _, n := range Networks() {
		if n.Genesis.Hash() == hash {
			return n
		}
	}
	return nil
}

func networkOfMagic(magic uint32) *Network {
	for _, n := range Networks() {
		if n.Magic == magic {
			return n
		}
	}
	return nil
}
