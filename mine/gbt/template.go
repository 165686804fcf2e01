package gbt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

const (
	// maxBlock is the greatest size of a block in bytes, which is also the limit for
	// the transactions of a template.
	maxBlock = 4_000_000

	// maxMoney is the number of satoshi that will ever exist.
	maxMoney = 21_000_000 * 100_000_000

	// aheadOfNode is how far the time of a header may be ahead of the node's clock.
	aheadOfNode = 2 * 60 * 60
)

// reply is the answer to getblocktemplate, as the node writes it. Fields that are of
// no use to a miner are left out.
type reply struct {
	Version      int64             `json:"version"`
	Rules        []string          `json:"rules"`
	VBAvailable  map[string]int    `json:"vbavailable"`
	VBRequired   uint32            `json:"vbrequired"`
	PreviousHash string            `json:"previousblockhash"`
	Transactions []replyTx         `json:"transactions"`
	CoinbaseAux  map[string]string `json:"coinbaseaux"`
	Value        *int64            `json:"coinbasevalue"`
	LongPollID   string            `json:"longpollid"`
	SubmitOld    *bool             `json:"submitold"`
	WorkID       string            `json:"workid"`
	Target       string            `json:"target"`
	MinTime      int64             `json:"mintime"`
	MaxTime      int64             `json:"maxtime"`
	CurTime      int64             `json:"curtime"`
	Mutable      []string          `json:"mutable"`
	NonceRange   string            `json:"noncerange"`
	Bits         string            `json:"bits"`
	Height       int64             `json:"height"`
	Challenge    string            `json:"signet_challenge"`
	Commitment   string            `json:"default_witness_commitment"`
}

// replyTx is a transaction of a template.
type replyTx struct {
	Data string `json:"data"`
	TxID string `json:"txid"` // nodes without segwit leave it out
	Hash string `json:"hash"` // with the witness; the txid if there is none
}

// template is a template that has been checked and decoded.
type template struct {
	work   mine.Work // all but ID, Before and After
	cb     coinbase  // all but salt
	txs    [][]byte
	workID string // of the node, to be sent along with the block; usually empty

	longPollID string
	submitOld  bool // blocks of earlier templates on the same parent are still wanted
}

// options say how templates are to be read.
type options struct {
	payout    []byte
	tag       string
	challenge []byte // of the signet, or nil

	// fixedTime says that the difficulty depends on the time of the header, as it does
	// on networks that allow a block of least difficulty after 20 minutes. Then the
	// bits of a template are right for its own time alone.
	fixedTime bool
}

// errUnusable is wrapped by errors that the node cannot repair by sending another
// template: the miner or the node has to be configured differently.
var errUnusable = errors.New("the node cannot be mined")

// unusable returns an error that wraps errUnusable, without changing its text.
func unusable(err error) error { return configError{err} }

type configError struct{ error }

func (e configError) Unwrap() []error { return []error{e.error, errUnusable} }

// template checks and decodes the reply.
func (r *reply) template(o options) (*template, error) {
	if err := r.checkRules(o); err != nil {
		return nil, err
	}
	if r.Value == nil {
		return nil, unusable(errors.New("the node sends a finished coinbase instead of its value, so no payout can be set: it is not a node for this miner"))
	}
	if *r.Value < 0 || *r.Value > maxMoney {
		return nil, fmt.Errorf("template: coinbase value of %d satoshi, want 0 to %d", *r.Value, int64(maxMoney))
	}
	if r.Height < 1 || r.Height > math.MaxInt32 {
		return nil, fmt.Errorf("template: height %d, want 1 to %d", r.Height, math.MaxInt32)
	}
	if !slices.Contains([]string{"", "00000000ffffffff"}, r.NonceRange) {
		return nil, unusable(fmt.Errorf("the node allows only the nonces %s: it is not a node for this miner", r.NonceRange))
	}
	t := &template{workID: r.WorkID, longPollID: r.LongPollID, submitOld: r.SubmitOld == nil || *r.SubmitOld}
	txids, hashes, err := t.readTxs(r.Transactions)
	if err != nil {
		return nil, err
	}
	commitment, err := r.commitment(txids, hashes)
	if err != nil {
		return nil, err
	}
	if o.challenge != nil {
		if commitment == nil {
			return nil, errors.New("template: the node is on a signet and sends no witness commitment, which every block of a signet needs")
		}
		commitment = append(commitment, signetSolution()...)
	}
	aux, err := r.aux()
	if err != nil {
		return nil, err
	}
	t.cb = coinbase{height: r.Height, value: *r.Value, pay: o.payout, tag: o.tag, aux: aux, commitment: commitment}
	return t, t.readHeader(r, o, block.CoinbaseBranch(txids))
}

// checkRules returns an error if a rule of the template changes what a miner has to do
// in a way that is not known here. Such rules begin with an exclamation mark.
func (r *reply) checkRules(o options) error {
	if err := checkChallenge(o.challenge, r.Challenge); err != nil {
		return unusable(err)
	}
	for _, rule := range r.Rules {
		if name, must := strings.CutPrefix(rule, "!"); must && name != "segwit" && name != "signet" {
			return unusable(fmt.Errorf("the node demands the rule %q, which this miner does not know: use a newer version", name))
		}
	}
	if slices.Contains(r.Rules, "!signet") && o.challenge == nil {
		return unusable(errors.New("the node is on a signet: give its challenge"))
	}
	return nil
}

// readTxs decodes the transactions, and returns their ids without and with witnesses.
func (t *template) readTxs(txs []replyTx) (txids, hashes []pow.Hash, err error) {
	total := 0
	for i, tx := range txs {
		raw, err := hex.DecodeString(tx.Data)
		if err != nil {
			return nil, nil, fmt.Errorf("template: transaction %d is not hex: %w", i+1, err)
		}
		if total += len(raw); len(raw) == 0 || total > maxBlock {
			return nil, nil, fmt.Errorf("template: transaction %d has %d bytes, %d in all; want at most %d and none empty", i+1, len(raw), total, maxBlock)
		}
		hash, err := pow.ParseHash(tx.Hash)
		if err != nil {
			return nil, nil, fmt.Errorf("template: hash of transaction %d: %w", i+1, err)
		}
		txid := hash
		if tx.TxID != "" {
			if txid, err = pow.ParseHash(tx.TxID); err != nil {
				return nil, nil, fmt.Errorf("template: txid of transaction %d: %w", i+1, err)
			}
		}
		t.txs = append(t.txs, raw)
		txids, hashes = append(txids, txid), append(hashes, hash)
	}
	return txids, hashes, nil
}

// commitment returns the script of the output that commits to the witnesses, or nil if
// the block needs none. Bitcoin Core always sends the script. btcd sends something only
// if a transaction has a witness, and then the hash in the script instead of the script.
//
// Before segwit is active, a coinbase must not have the witness that belongs to a
// commitment, though bcoin offers a commitment already. btcd names no rules at all.
func (r *reply) commitment(txids, hashes []pow.Hash) ([]byte, error) {
	if r.Rules != nil && !slices.Contains(r.Rules, "segwit") && !slices.Contains(r.Rules, "!segwit") {
		return nil, nil
	}
	if r.Commitment == "" {
		if slices.Equal(txids, hashes) {
			return nil, nil
		}
		return witnessCommitment(hashes), nil
	}
	theirs, err := hex.DecodeString(r.Commitment)
	if err != nil {
		return nil, fmt.Errorf("template: witness commitment is not hex: %w", err)
	}
	script := witnessCommitment(hashes)
	if !slices.Equal(theirs, script) && !slices.Equal(theirs, script[len(script)-pow.HashSize:]) {
		return nil, fmt.Errorf("template: witness commitment %s is not that of the %d transactions", r.Commitment, len(hashes))
	}
	return script, nil
}

// witnessCommitment returns the script with the commitment of BIP 141 to transactions
// with the given hashes. The place of the coinbase's hash holds zeros, and so does the
// reserved value.
func witnessCommitment(hashes []pow.Hash) []byte {
	root, _ := block.MerkleRoot(append([]pow.Hash{{}}, hashes...))
	commitment := pow.DoubleSHA256(slices.Concat(root[:], make([]byte, pow.HashSize)))
	return slices.Concat([]byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}, commitment[:])
}

// aux decodes what the node wants to see in the coinbase.
func (r *reply) aux() (map[string][]byte, error) {
	aux := map[string][]byte{}
	for key, digits := range r.CoinbaseAux {
		value, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("template: coinbaseaux %q is not hex: %w", key, err)
		}
		if len(value) <= maxCoinbaseScript {
			aux[key] = value
		}
	}
	return aux, nil
}

// readHeader sets what the template says about the header.
func (t *template) readHeader(r *reply, o options, branch []pow.Hash) error {
	prev, err := pow.ParseHash(r.PreviousHash)
	if err != nil {
		return fmt.Errorf("template: previous hash: %w", err)
	}
	bits, err := pow.ParseBits(r.Bits)
	if err != nil {
		return fmt.Errorf("template: %w", err)
	}
	if r.Version < math.MinInt32 || r.Version > math.MaxUint32 {
		return fmt.Errorf("template: version %d does not fit 32 bits", r.Version)
	}
	space, err := mine.NewSpace(nil, extranonceSize)
	if err != nil {
		return fmt.Errorf("extranonces: %w", err) // the size is a constant that fits
	}
	t.work = mine.Work{
		Height:      r.Height,
		Version:     int32(uint32(r.Version)),
		VersionMask: r.versionMask(),
		Prev:        prev,
		Bits:        bits,
		Extranonces: space,
		Branch:      branch,
	}
	if t.work.MinTime, t.work.MaxTime, err = r.times(o); err != nil {
		return err
	}
	if t.work.Target, err = r.shareTarget(bits); err != nil {
		return err
	}
	return t.work.Validate()
}

// versionMask returns the bits of the version that the miner may roll: those that BIP
// 320 gives to miners, without those in which this network votes (BIP 9).
func (r *reply) versionMask() uint32 {
	mask := uint32(mine.VersionMask) &^ r.VBRequired
	for _, bit := range r.VBAvailable {
		if bit >= 0 && bit < 32 {
			mask &^= 1 << bit
		}
	}
	return mask
}

// times returns the least and the greatest time of the header.
func (r *reply) times(o options) (least, greatest uint32, err error) {
	from, to := r.MinTime, r.MaxTime
	if from == 0 {
		from = r.CurTime
	}
	if to == 0 {
		to = r.CurTime + aheadOfNode // Bitcoin Core does not say it
	}
	if o.fixedTime || !slices.Contains(r.Mutable, "time") {
		from, to = r.CurTime, r.CurTime
	}
	if from < 1 || to < from || to > math.MaxUint32 {
		return 0, 0, fmt.Errorf("template: times %d to %d, now %d: these are no times for a header", r.MinTime, r.MaxTime, r.CurTime)
	}
	return uint32(from), uint32(to), nil
}

// shareTarget returns the target that the server names if it is easier than that of a
// block, as a server does that pools work (BIP 23). The zero value means the target of
// the block.
func (r *reply) shareTarget(bits pow.Bits) (pow.Target, error) {
	if r.Target == "" {
		return pow.Target{}, nil
	}
	target, err := pow.ParseTarget(r.Target)
	if err != nil {
		return pow.Target{}, fmt.Errorf("template: %w", err)
	}
	of, err := bits.Target()
	if err != nil {
		return pow.Target{}, fmt.Errorf("template: %w", err)
	}
	if target.Cmp(of) <= 0 {
		return pow.Target{}, nil
	}
	return target, nil
}

// named returns the template as work with the given id. Works with different salts
// have no header in common.
func (t *template) named(id string, salt uint64) (mine.Work, error) {
	cb := t.cb
	cb.salt = salt
	before, after, err := cb.halves()
	if err != nil {
		return mine.Work{}, unusable(err)
	}
	w := t.work
	w.ID, w.Before, w.After = id, before, after
	return w, w.Validate()
}

// block returns the block of a solution of the work that was made of the template, in
// the serialization in which nodes send it.
func (t *template) block(w mine.Work, s mine.Solution) []byte {
	raw := slices.Concat(w.Before, s.Extranonce, w.After)
	if len(t.cb.commitment) > 0 {
		raw = withWitness(raw)
	}
	header := s.Header.Bytes()
	b := appendSize(header[:], 1+len(t.txs))
	b = append(b, raw...)
	for _, tx := range t.txs {
		b = append(b, tx...)
	}
	return b
}
