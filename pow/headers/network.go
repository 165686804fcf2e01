package headers

import (
	"strings"

	"github.com/lodepow/lode/pow"
)

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

	// FirstBits computes the target of a new period from that of the first block of the
	// period before, which MinDifficulty cannot make easy, instead of the last block
	// (BIP 94).
	FirstBits bool

	// MaxTimewarp is how many seconds the time of the first block of a period may be
	// before that of its parent (BIP 94); 0 if there is no such rule.
	MaxTimewarp uint32

	// NoRetarget keeps the target of the genesis for ever.
	NoRetarget bool
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

// Testnet4 returns Bitcoin's fourth test network (BIP 94).
func Testnet4() *Network {
	genesis := pow.BitcoinGenesis()
	genesis.MerkleRoot = hash("7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e")
	genesis.Time, genesis.Nonce = 1714777860, 393743547
	return &Network{
		Name:          "testnet4",
		Magic:         0x283f161c,
		Genesis:       genesis,
		Rule:          pow.BitcoinRetarget(),
		MinDifficulty: true,
		FirstBits:     true,
		MaxTimewarp:   600,
	}
}

// Regtest returns the network on which Bitcoin Core runs its tests.
func Regtest() *Network {
	genesis := pow.BitcoinGenesis()
	genesis.Time, genesis.Bits, genesis.Nonce = 1296688602, 0x207fffff, 2
	rule := pow.BitcoinRetarget()
	rule.Limit = genesis.Bits
	return &Network{Name: "regtest", Magic: 0xdab5bffa, Genesis: genesis, Rule: rule, MinDifficulty: true, NoRetarget: true}
}

// Simnet returns the network on which btcd simulates a network.
func Simnet() *Network {
	genesis := pow.BitcoinGenesis()
	genesis.Time, genesis.Bits, genesis.Nonce = 1401292357, 0x207fffff, 2
	rule := pow.BitcoinRetarget()
	rule.Limit = genesis.Bits
	return &Network{Name: "simnet", Magic: 0x12141c16, Genesis: genesis, Rule: rule, MinDifficulty: true}
}

// hash parses a hash that is known to be well-formed.
func hash(s string) pow.Hash {
	h, err := pow.ParseHash(s)
	if err != nil {
		panic(err)
	}
	return h
}

// Networks returns the networks that a verifier recognises.
func Networks() []*Network {
	return []*Network{Main(), Testnet3(), Testnet4(), Signet(), Regtest(), Simnet()}
}

// NetworkNames returns the names of the networks, for messages.
func NetworkNames() string {
	var names []string
	for _, n := range Networks() {
		names = append(names, n.Name)
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

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
