package rules

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// Params is a network: all that its nodes must agree on. Two nodes whose Params
// differ in anything have different ids and do not talk to each other.
//
// Fields left zero stand for their defaults, so a name alone is a network:
// the fixed difficulty of two hex zeros, signatures optional.
//
// The fields of this struct and of those in it are declared in the order of
// their JSON names, which makes the JSON form the canonical one (RFC 8785).
type Params struct {
	Difficulty Difficulty `json:"difficulty,omitzero"`
	Limits     Limits     `json:"limits,omitzero"`
	Name       string     `json:"name"` // 1 to 32 of a-z, 0-9 and -, a letter first
	Signatures Signatures `json:"signatures,omitzero"`
}

// Difficulty says what bits a block must have. Which fields count depends on
// the rule; the others must be zero.
type Difficulty struct {
	Bits     pow.Bits `json:"bits,omitzero"`      // fixed: of every block; asert: of block 1
	HalfLife uint32   `json:"half_life,omitzero"` // asert: seconds, from Spacing to a year
	Limit    pow.Bits `json:"limit,omitzero"`     // asert: the easiest target
	Rule     Rule     `json:"rule,omitzero"`
	Spacing  uint32   `json:"spacing,omitzero"` // asert: seconds a block, at most a day
}

// Rule names a difficulty rule.
type Rule string

// The difficulty rules.
const (
	RuleFixed Rule = "fixed" // all blocks have the same bits
	RuleAsert Rule = "asert" // see [Asert]
)

// Limits bound what a node has to take in.
type Limits struct {
	BlockBytes    int    `json:"block_bytes,omitzero"`    // header, coinbase and transactions
	BlockTxs      int    `json:"block_txs,omitzero"`      // transactions in a block, its coinbase not counted
	FutureSeconds uint32 `json:"future_seconds,omitzero"` // how far a header's time may be ahead of the clock
	TxBytes       int    `json:"tx_bytes,omitzero"`       // one transaction in its canonical form
}

// What Limits may be set to, beside more than 0.
const (
	MaxBlockBytes    = 32 << 20
	MaxBlockTxs      = 1<<20 - 1
	MaxFutureSeconds = 24 * 60 * 60

	// blockOverhead is what a block has beside its transactions.
	blockOverhead = pow.HeaderSize + block.MaxCoinbaseSize
)

// Signatures says whether a network's transactions must be signed.
type Signatures string

// The policies of signatures. A signature that is there is verified under both.
const (
	SignaturesOptional Signatures = "optional"
	SignaturesRequired Signatures = "required"
)

// Tutorial returns the network of the original tutorial: the hash of a block
// begins with that many hex zeros, 0 to 63. Its bits are the target rounded down
// to the compact form, 2000ffff for 2 zeros, so that one hash in 2^16 or fewer
// has the zeros and still misses.
func Tutorial(hexZeros int) (Params, error) {
	if hexZeros < 0 || hexZeros > 63 {
		return Params{}, fmt.Errorf("difficulty of %d hex zeros, want 0 to 63", hexZeros)
	}
	return Params{
		Name:       "tutorial",
		Difficulty: Difficulty{Rule: RuleFixed, Bits: pow.ZerosTarget(4 * hexZeros).Bits()},
	}.WithDefaults(), nil
}

// Lab returns the network for experiments: ASERT towards a block every 10
// seconds, with a half-life of 10 minutes, from a first block worth 2^20 hashes.
//
// ASERT keeps a schedule that begins with block 1. A chain that nobody mined
// for a while is behind it by one block for every Spacing seconds of the pause,
// and makes them up: for every half-life of the pause, the first block after it
// is twice as easy, down to the limit, and blocks come fast until the chain is
// on schedule again. A miner that waits for the clock whenever median time past
// reaches it finds at most six blocks a second meanwhile.
func Lab() Params {
	return Params{Name: "lab", Difficulty: Difficulty{Rule: RuleAsert}}.WithDefaults()
}

// WithDefaults returns p with its zero fields set to what they stand for.
func (p Params) WithDefaults() Params {
	setDefault(&p.Signatures, SignaturesOptional)
	setDefault(&p.Limits.BlockBytes, 2<<20)
	setDefault(&p.Limits.BlockTxs, 1<<13-1) // with the coinbase, a full merkle tree of 2^13
	setDefault(&p.Limits.FutureSeconds, 2*60*60)
	setDefault(&p.Limits.TxBytes, min(64<<10, max(1, p.Limits.BlockBytes-blockOverhead)))
	d := &p.Difficulty
	setDefault(&d.Rule, RuleFixed)
	switch d.Rule {
	case RuleFixed:
		setDefault(&d.Bits, 0x2000ffff)
	case RuleAsert:
		setDefault(&d.Bits, 0x1e0fffff)
		setDefault(&d.Limit, 0x2000ffff)
		setDefault(&d.Spacing, 10)
		setDefault(&d.HalfLife, 60*min(d.Spacing, maxSpacing))
	}
	return p
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

const (
	maxNameLength = 32
	maxSpacing    = 24 * 60 * 60       // seconds
	maxHalfLife   = 365 * 24 * 60 * 60 // seconds
)

// Validate returns an error that names every field that has no sensible value.
func (p Params) Validate() error {
	p = p.WithDefaults()
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(validName(p.Name), "name %.40q: want 1 to %d of a-z, 0-9 and -, a letter first", p.Name, maxNameLength)
	check(p.Signatures == SignaturesOptional || p.Signatures == SignaturesRequired,
		"signatures %q: want %q or %q", p.Signatures, SignaturesOptional, SignaturesRequired)

	l := p.Limits
	check(l.BlockBytes > blockOverhead && l.BlockBytes <= MaxBlockBytes,
		"limits: block_bytes %d: want %d to %d", l.BlockBytes, blockOverhead+1, MaxBlockBytes)
	check(l.BlockTxs > 0 && l.BlockTxs <= MaxBlockTxs, "limits: block_txs %d: want 1 to %d", l.BlockTxs, MaxBlockTxs)
	check(l.FutureSeconds <= MaxFutureSeconds, "limits: future_seconds %d: want 1 to %d", l.FutureSeconds, MaxFutureSeconds)
	check(l.TxBytes > 0 && l.TxBytes <= l.BlockBytes-blockOverhead,
		"limits: tx_bytes %d: want 1 to block_bytes - %d, so that a block can hold it", l.TxBytes, blockOverhead)

	d := p.Difficulty
	switch d.Rule {
	case RuleFixed:
		checkBits(check, "bits", d.Bits)
		check(d.Limit == 0 && d.Spacing == 0 && d.HalfLife == 0,
			"difficulty: limit, spacing and half_life mean nothing to the rule %q: leave them out", RuleFixed)
	case RuleAsert:
		bits, limit := checkBits(check, "bits", d.Bits), checkBits(check, "limit", d.Limit)
		check(bits.Cmp(limit) <= 0, "difficulty: bits %s are easier than the limit %s", d.Bits, d.Limit)
		check(d.Spacing <= maxSpacing, "difficulty: spacing %d: want 1 to %d seconds", d.Spacing, maxSpacing)
		check(d.HalfLife >= d.Spacing && d.HalfLife <= maxHalfLife,
			"difficulty: half_life %d: want from spacing to %d seconds", d.HalfLife, maxHalfLife)
	default:
		check(false, "difficulty: rule %q: want %q or %q", d.Rule, RuleFixed, RuleAsert)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("network parameters: %w", err)
	}
	return nil
}

// checkBits wants the one compact form that a target has, as rules compute it
// and compare bits.
func checkBits(check func(bool, string, ...any), field string, b pow.Bits) pow.Target {
	target, err := b.Target()
	if err != nil {
		check(false, "difficulty: %s: %w", field, err)
		return pow.Target{}
	}
	check(target.Bits() == b, "difficulty: %s %s: want %s, the same target in its shortest form", field, b, target.Bits())
	return target
}

func validName(s string) bool {
	if s == "" || len(s) > maxNameLength || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ID returns the network's id: the SHA-256d of its JSON form, defaults filled
// in, which is in the canonical form of RFC 8785.
func (p Params) ID() pow.Hash {
	text, err := json.Marshal(p.WithDefaults())
	if err != nil {
		panic("chain: network parameters: " + err.Error()) // strings and numbers always marshal
	}
	return pow.DoubleSHA256(text)
}

// NextBits returns the bits that the block after one at that height must have.
// parentTime is the time in the header of that block, and firstTime the time in
// the header of block 1 on the same branch, not used below height 1.
//
// ASERT is anchored at block 1 as if that had come on schedule. Anchored at
// genesis, whose time is long past, a new network would be years behind and stay
// at the limit.
func (p Params) NextBits(height int64, parentTime, firstTime uint32) pow.Bits {
	d := p.WithDefaults().Difficulty
	if d.Rule != RuleAsert || height < 1 {
		return d.Bits
	}
	return Asert{
		Height:     1,
		ParentTime: int64(firstTime) - int64(d.Spacing),
		Bits:       d.Bits,
		Spacing:    d.Spacing,
		HalfLife:   d.HalfLife,
		Limit:      d.Limit,
	}.Next(height, int64(parentTime))
}

// Genesis header fields. The bits are those of Bitcoin's regtest, which every
// other hash meets, and the time is that of Bitcoin's genesis; neither is
// subject to the network's rules.
const (
	genesisVersion = 0x20000000
	GenesisTime    = 1231006505
	genesisBits    = pow.Bits(0x207fffff)
)

// Genesis returns the block at height 0 of a valid network: a header and a
// coinbase, no transactions. It depends on the network's name alone: the name is
// the coinbase's tag, and the nonce is the first that meets the bits.
func (p Params) Genesis() (pow.Header, block.Coinbase) {
	coinbase := block.Coinbase{Tag: p.Name}
	header := pow.Header{
		Version:    genesisVersion,
		MerkleRoot: coinbase.ID(),
		Time:       GenesisTime,
		Bits:       genesisBits,
	}
	target, _, _ := genesisBits.Decode()
	for !header.Hash().Meets(target) {
		header.Nonce++
	}
	return header, coinbase
}
