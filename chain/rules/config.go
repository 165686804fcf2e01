package rules

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Config describes a network, as its parameter file does. A field left zero
// stands for its default, so that a name alone describes a network: one with
// the fixed difficulty of two hex zeros and optional signatures. [New] fills in
// the defaults and checks the result.
//
// The fields of this struct and of the structs in it are declared in the order
// of their JSON names. The JSON form of a complete Config is therefore the
// canonical form of RFC 8785, which the network's id hashes.
type Config struct {
	Difficulty Difficulty `json:"difficulty,omitzero"`
	Limits     Limits     `json:"limits,omitzero"`
	Name       string     `json:"name"` // 1 to 32 of a-z, 0-9 and -, beginning with a letter
	Signatures Signatures `json:"signatures,omitzero"`
}

// Difficulty determines the bits that a block must have. Fields that do not
// belong to the rule must be zero.
type Difficulty struct {
	Bits     pow.Bits `json:"bits,omitzero"`      // fixed: of every block; asert and bitcoin2016: of block 1; lwma: of the first Window+1 blocks
	HalfLife uint32   `json:"half_life,omitzero"` // asert: in seconds, from Spacing to a year
	Limit    pow.Bits `json:"limit,omitzero"`     // all but fixed: the easiest target
	Rule     Rule     `json:"rule,omitzero"`
	Spacing  uint32   `json:"spacing,omitzero"` // all but fixed: intended seconds between blocks, at most a day
	Window   uint32   `json:"window,omitzero"`  // bitcoin2016: blocks from one change of the target to the next; lwma: blocks that are averaged
}

// Rule names a difficulty rule.
type Rule string

// The difficulty rules.
const (
	RuleFixed       Rule = "fixed"       // all blocks have the same bits
	RuleAsert       Rule = "asert"       // see [Asert]
	RuleBitcoin2016 Rule = "bitcoin2016" // Bitcoin's: the target changes every 2016 blocks, or every Window blocks
	RuleLwma        Rule = "lwma"        // see [Lwma]
)

// Limits bound the blocks and transactions that a node accepts.
type Limits struct {
	BlockBytes    int    `json:"block_bytes,omitzero"`    // header, coinbase and transactions together
	BlockTxs      int    `json:"block_txs,omitzero"`      // transactions in a block, without the coinbase
	FutureSeconds uint32 `json:"future_seconds,omitzero"` // how far a header's time may be ahead of the clock
	TxBytes       int    `json:"tx_bytes,omitzero"`       // one transaction in its canonical form
}

// The greatest values that Limits may have. The least value of each is 1, except
// that a block must have room for its header, a coinbase and a transaction.
const (
	MaxBlockBytes    = 32 << 20
	MaxBlockTxs      = 1<<20 - 1
	MaxFutureSeconds = 24 * 60 * 60

	// blockOverhead is the most that a block's header and coinbase take up.
	blockOverhead = pow.HeaderSize + block.MaxCoinbaseSize
)

// Signatures says whether a network's transactions must be signed.
type Signatures string

// The signature policies. A transaction's signature, if it has one, is verified
// under both.
const (
	SignaturesOptional Signatures = "optional"
	SignaturesRequired Signatures = "required"
)

const (
	maxNameLength = 32
	maxSpacing    = 24 * 60 * 60       // seconds
	maxHalfLife   = 365 * 24 * 60 * 60 // seconds

	minWindow     = 4 // blocks
	maxWindow     = 100_000
	maxLwmaWindow = 1024 // a State keeps 8 bytes for each block
)

// withDefaults returns c with every zero field replaced by its default. The
// default half-life follows the spacing, and the default size of a transaction
// follows that of a block where the block is small.
func (c Config) withDefaults() Config {
	setDefault(&c.Signatures, SignaturesOptional)
	setDefault(&c.Limits.BlockBytes, 2<<20)
	setDefault(&c.Limits.BlockTxs, 1<<13-1) // with the coinbase, a full merkle tree of 2^13
	setDefault(&c.Limits.TxBytes, min(64<<10, max(1, c.Limits.BlockBytes-blockOverhead)))
	d := &c.Difficulty
	setDefault(&d.Rule, RuleFixed)
	switch d.Rule {
	case RuleFixed:
		setDefault(&d.Bits, 0x2000ffff)
	case RuleAsert:
		setDefault(&d.Bits, 0x1e0fffff)
		setDefault(&d.Limit, 0x2000ffff)
		setDefault(&d.Spacing, 10)
		setDefault(&d.HalfLife, 60*min(d.Spacing, maxSpacing))
	case RuleBitcoin2016:
		setDefault(&d.Bits, 0x1e0fffff)
		setDefault(&d.Limit, 0x2000ffff)
		setDefault(&d.Spacing, 600)
		setDefault(&d.Window, 2016)
	case RuleLwma:
		setDefault(&d.Bits, 0x1e0fffff)
		setDefault(&d.Limit, 0x2000ffff)
		setDefault(&d.Spacing, 10)
		setDefault(&d.Window, 60)
		// The author's advice: a time in the future counts much in so short a window, so
		// the limit is lowered to 300 seconds or a twentieth of the window, whichever is
		// more.
		setDefault(&c.Limits.FutureSeconds, uint32(min(2*60*60, max(300, uint64(d.Window)*uint64(d.Spacing)/20))))
	}
	setDefault(&c.Limits.FutureSeconds, 2*60*60)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate returns an error that names every field of a complete Config whose
// value is out of its range.
func (c Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(validName(c.Name), "name %.40q: want 1 to %d of a-z, 0-9 and -, a letter first", c.Name, maxNameLength)
	check(c.Signatures == SignaturesOptional || c.Signatures == SignaturesRequired,
		"signatures %q: want %q or %q", c.Signatures, SignaturesOptional, SignaturesRequired)

	l := c.Limits
	check(l.BlockBytes > blockOverhead && l.BlockBytes <= MaxBlockBytes,
		"limits: block_bytes %d: want %d to %d", l.BlockBytes, blockOverhead+1, MaxBlockBytes)
	check(l.BlockTxs > 0 && l.BlockTxs <= MaxBlockTxs, "limits: block_txs %d: want 1 to %d", l.BlockTxs, MaxBlockTxs)
	check(l.FutureSeconds <= MaxFutureSeconds, "limits: future_seconds %d: want 1 to %d", l.FutureSeconds, MaxFutureSeconds)
	check(l.TxBytes > 0 && l.TxBytes <= l.BlockBytes-blockOverhead,
		"limits: tx_bytes %d: want 1 to block_bytes - %d, so that a block can hold it", l.TxBytes, blockOverhead)

	c.Difficulty.check(check)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("network parameters: %w", err)
	}
	return nil
}

// check reports every field whose value is out of its range.
func (d Difficulty) check(check func(ok bool, format string, args ...any)) {
	switch d.Rule {
	case RuleFixed:
		checkBits(check, "bits", d.Bits)
		check(d.Limit == 0 && d.Spacing == 0 && d.HalfLife == 0 && d.Window == 0,
			"difficulty: limit, spacing, half_life and window mean nothing to the rule %q: leave them out", RuleFixed)
		return
	case RuleAsert:
		check(d.HalfLife >= d.Spacing && d.HalfLife <= maxHalfLife,
			"difficulty: half_life %d: want from spacing to %d seconds", d.HalfLife, maxHalfLife)
		check(d.Window == 0, "difficulty: window means nothing to the rule %q: leave it out", RuleAsert)
	case RuleBitcoin2016, RuleLwma:
		most := uint32(maxWindow)
		if d.Rule == RuleLwma {
			most = maxLwmaWindow
		}
		check(d.Window >= minWindow && d.Window <= most, "difficulty: window %d: want %d to %d blocks for the rule %q", d.Window, minWindow, most, d.Rule)
		check(d.HalfLife == 0, "difficulty: half_life means nothing to the rule %q: leave it out", d.Rule)
		check(d.Rule != RuleLwma || d.Spacing != 1,
			"difficulty: spacing 1: want at least 2 seconds for the rule %q, to which a block counts for at least one, so that blocks could never be too fast", d.Rule)
	default:
		check(false, "difficulty: rule %q: want %q, %q, %q or %q", d.Rule, RuleFixed, RuleAsert, RuleBitcoin2016, RuleLwma)
		return
	}
	bits, limit := checkBits(check, "bits", d.Bits), checkBits(check, "limit", d.Limit)
	check(bits.Cmp(limit) <= 0, "difficulty: bits %s are easier than the limit %s", d.Bits, d.Limit)
	check(d.Spacing <= maxSpacing, "difficulty: spacing %d: want 1 to %d seconds", d.Spacing, maxSpacing)
}

// checkBits checks that b is the shortest compact form of a target. The rules
// compute that form and compare bits, not targets.
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
