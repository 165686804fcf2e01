package rules

import (
	"encoding/json"
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Params is a network: everything that its nodes must agree on. Two nodes whose
// Params differ in any field have different network ids and refuse each other.
//
// Params are complete and valid, because only [New] and the functions that call
// it make them: [Parse], [Load], [Tutorial] and [Lab]. They cannot be changed,
// and two values are == if they describe the same network. The zero Params
// describe no network, and chain.Open refuses them.
type Params struct {
	config  Config     // valid, with every default filled in
	id      pow.Hash   // the hash of the canonical form of config
	genesis pow.Header // see [Params.Genesis]
}

// New fills in the defaults of the fields that c leaves zero and returns the
// network. The error names every field whose value is out of its range.
func New(c Config) (Params, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return Params{}, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return Params{}, fmt.Errorf("network parameters: %w", err)
	}
	return Params{config: c, id: pow.DoubleSHA256(text), genesis: solveGenesis(c.Name)}, nil
}

// Tutorial returns the network of the original tutorial, on which the hash of a
// block begins with hexZeros hex zeros, from 0 to 63. Its bits are the target
// rounded down to the compact form, 2000ffff for 2 zeros. At most one hash in
// 2^16 therefore has the zeros and still misses the target.
func Tutorial(hexZeros int) (Params, error) {
	if hexZeros < 0 || hexZeros > 63 {
		return Params{}, fmt.Errorf("difficulty of %d hex zeros, want 0 to 63", hexZeros)
	}
	return New(Config{
		Name:       "tutorial",
		Difficulty: Difficulty{Rule: RuleFixed, Bits: pow.ZerosTarget(4 * hexZeros).Bits()},
	})
}

// Lab returns the network for experiments: ASERT aims at a block every 10
// seconds with a half-life of 10 minutes, and the first block takes 2^20 hashes
// on average.
//
// ASERT keeps a schedule that begins with block 1. While nobody mines, the chain
// falls behind the schedule by one block every Spacing seconds, and afterwards it
// catches up: the first block after a pause is twice as easy for every half-life
// that the pause lasted, down to the limit, and blocks come fast until the chain
// is on schedule again. A miner that waits for the clock whenever median time
// past reaches it finds at most six blocks a second meanwhile.
func Lab() Params {
	p, err := New(Config{Name: "lab", Difficulty: Difficulty{Rule: RuleAsert}})
	if err != nil {
		panic(err) // the defaults are valid
	}
	return p
}

// Config returns the complete form of the network. [New] makes an equal network
// of it.
func (p Params) Config() Config { return p.config }

// Name returns the network's name.
func (p Params) Name() string { return p.config.Name }

// Difficulty returns the network's difficulty rule and the fields that belong to
// it.
func (p Params) Difficulty() Difficulty { return p.config.Difficulty }

// Limits returns the bounds of blocks and transactions.
func (p Params) Limits() Limits { return p.config.Limits }

// Signatures returns the signature policy.
func (p Params) Signatures() Signatures { return p.config.Signatures }

// ID returns the network's id: the SHA-256d of its JSON form, which is complete
// and canonical (RFC 8785).
func (p Params) ID() pow.Hash { return p.id }

// MarshalJSON returns the complete JSON form of the network, which [Parse] reads.
func (p Params) MarshalJSON() ([]byte, error) { return json.Marshal(p.config) }

// The fields of every genesis header. The bits are those of Bitcoin's regtest,
// which every other hash meets, and the time is that of Bitcoin's genesis. The
// network's rules apply to neither.
const (
	genesisVersion = 0x20000000
	GenesisTime    = 1231006505 // seconds since 1970-01-01 UTC
	genesisBits    = pow.Bits(0x207fffff)
)

// Genesis returns the header and the coinbase of the block at height 0, which has
// no transactions. It depends on the network's name alone: the name is the
// coinbase's tag, and the nonce is the first that meets the bits.
func (p Params) Genesis() (pow.Header, block.Coinbase) {
	return p.genesis, genesisCoinbase(p.config.Name)
}

func genesisCoinbase(name string) block.Coinbase { return block.Coinbase{Tag: name} }

func solveGenesis(name string) pow.Header {
	header := pow.Header{
		Version:    genesisVersion,
		MerkleRoot: genesisCoinbase(name).ID(),
		Time:       GenesisTime,
		Bits:       genesisBits,
	}
	target, _, _ := genesisBits.Decode()
	for !header.Hash().Meets(target) {
		header.Nonce++
	}
	return header
}
