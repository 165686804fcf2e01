package dump

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// fieldNames are the names of a block's fields, in the order in which a node writes
// them.
var fieldNames = [...]string{
	"index", "hash", "version", "previous_hash", "merkle_root", "timestamp", "bits", "nonce", "coinbase", "transactions",
}

func isField(name string) bool { return slices.Contains(fieldNames[:], name) }

// expected is what is known about the block at the next place before it is read. It
// serves to find out which field was changed.
type expected struct {
	height  int64    // -1: not known
	parent  pow.Hash // hash of the block before; zero: not known
	bits    pow.Bits // 0: not known
	version int32    // of the block before
	time    uint32   // of the block before
}

// fields are the fields of a block as the text has them, which need not fit together.
type fields struct {
	header   pow.Header
	hash     pow.Hash
	index    int64
	coinbase block.Coinbase
	txs      []json.RawMessage
}

// blame finds out which field of a block is wrong that block.ParseJSON has refused
// with an error.
func blame(text []byte, refusal error, want expected) *Fault {
	f, fault := readFields(text, want)
	if fault != nil {
		return fault
	}
	if stated := f.hash; f.header.Hash() != stated {
		field, detail := f.blameHeader(want)
		return &Fault{want.heightOr(f.index), field, block.Reject(Malformed, "%s", detail)}
	}
	if f.index != f.coinbase.Height {
		field := "index"
		if root, ok := f.root(); ok && root != f.header.MerkleRoot {
			field = "coinbase"
		}
		return &Fault{want.heightOr(f.index), field, block.Reject(Malformed, "the index is %d, but the coinbase says height %d", f.index, f.coinbase.Height)}
	}
	for i, tx := range f.txs {
		if _, err := block.ParseTx(tx); err != nil {
			return &Fault{f.index, txField(i), asRule(err)}
		}
	}
	return &Fault{f.index, "", asRule(refusal)}
}

func txField(i int) string { return fmt.Sprintf("transactions[%d]", i) }

// asRule makes a rule error of an error that has no reason.
func asRule(err error) error {
	if isRule(err) {
		return err
	}
	return block.Reject(Malformed, "%v", err)
}

func (e expected) heightOr(height int64) int64 {
	if e.height >= 0 {
		return e.height
	}
	return height
}

// readFields reads the fields one by one. The fault is that of the first one that
// cannot be read.
func readFields(text []byte, want expected) (fields, *Fault) {
	height := max(want.height, 0)
	bad := func(field string, err error) (fields, *Fault) {
		return fields{}, &Fault{height, field, asRule(err)}
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return bad("", err)
	}
	var f fields
	if json.Unmarshal(values["index"], &f.index) == nil && want.height < 0 {
		height = f.index
	}
	h := &f.header
	targets := [...]any{&f.index, &f.hash, &h.Version, &h.Prev, &h.MerkleRoot, &h.Time, &h.Bits, &h.Nonce, &f.coinbase, &f.txs}
	for i, name := range fieldNames {
		value, ok := values[name]
		if !ok || string(value) == "null" {
			return bad(name, block.Reject(Malformed, "missing"))
		}
		if err := json.Unmarshal(value, targets[i]); err != nil {
			return bad(name, err)
		}
	}
	for name := range values {
		if !isField(name) {
			return bad(name, block.Reject(Malformed, "a block has no such field"))
		}
	}
	return f, nil
}

// root returns the merkle root of the coinbase and the transactions, unless one of
// these cannot be read.
func (f *fields) root() (pow.Hash, bool) {
	ids := []pow.Hash{f.coinbase.ID()}
	for _, text := range f.txs {
		tx, err := block.ParseTx(text)
		if err != nil {
			return pow.Hash{}, false
		}
		ids = append(ids, tx.ID())
	}
	root, _ := block.MerkleRoot(ids)
	return root, true
}

const (
	triedSeconds = 24 * 60 * 60 // before and after the stated time and that of the block before
	triedNonces  = 1 << 20      // less than a second of work
)

// blameHeader finds the field of a header that does not have the stated hash. It
// tries in the place of each field what an unchanged one could be; if the header then
// has the stated hash, nothing else was changed. If none of that helps, and the stated
// hash does not prove the work, the hash was changed.
func (f *fields) blameHeader(want expected) (field, detail string) {
	try := func(edit func(*pow.Header)) bool {
		h := f.header
		edit(&h)
		return h.Hash() == f.hash
	}
	was := func(is, was any) string {
		return fmt.Sprintf("it is %v, but the block with the stated hash %s has %v", is, f.hash, was)
	}
	h := f.header
	if try(func(h *pow.Header) { h.Prev = want.parent }) {
		return "previous_hash", was(h.Prev, want.parent)
	}
	if root, ok := f.root(); ok && try(func(h *pow.Header) { h.MerkleRoot = root }) {
		return "merkle_root", was(h.MerkleRoot, root)
	}
	if try(func(h *pow.Header) { h.Bits = want.bits }) {
		return "bits", was(h.Bits, want.bits)
	}
	for _, version := range []int32{want.version, 0x20000000} {
		if try(func(h *pow.Header) { h.Version = version }) {
			return "version", was(h.Version, version)
		}
	}
	is := h.Hash()
	target, err := h.Bits.Target()
	if err == nil && is.Meets(target) && !f.hash.Meets(target) {
		return "hash", fmt.Sprintf("it is %s, but the header, which proves its work, has %s", f.hash, is)
	}
	for d := range uint32(triedSeconds) {
		for _, time := range []uint32{want.time + d, want.time - d, h.Time + d, h.Time - d} {
			if try(func(h *pow.Header) { h.Time = time }) {
				return "timestamp", was(h.Time, time)
			}
		}
	}
	for nonce := range uint32(triedNonces) {
		if try(func(h *pow.Header) { h.Nonce = nonce }) {
			return "nonce", was(h.Nonce, nonce)
		}
	}
	return "", fmt.Sprintf("the header's hash is %s, but the stated hash is %s: the hash was changed, the nonce, or several fields of the header", is, f.hash)
}

// blameBody finds out what was done to the transactions of a block whose header, with
// the right hash, commits to another merkle root.
func blameBody(b block.Block, root pow.Hash) *Fault {
	ids := b.IDs()
	fault := func(field, format string, args ...any) *Fault {
		detail := fmt.Sprintf(format, args...)
		return &Fault{b.Height(), field, block.Reject(block.BadMerkleRoot, "%s; the merkle root is %s, but the header commits to %s", detail, root, b.Header.MerkleRoot)}
	}
	is := func(ids []pow.Hash) bool {
		root, _ := block.MerkleRoot(ids)
		return root == b.Header.MerkleRoot
	}
	if len(ids) == 1 {
		return fault("coinbase", "the coinbase was changed, or all transactions were left out")
	}
	if len(ids) <= maxTriedTxs {
		for i := range b.Txs {
			rest := slices.Delete(slices.Clone(ids), i+1, i+2)
			if is(rest) {
				return fault(txField(i), "this transaction was added")
			}
			for to := range b.Txs {
				if moved := slices.Insert(slices.Clone(rest), to+1, ids[i+1]); to != i && is(moved) {
					return fault(txField(i), "this transaction was moved here from place %d", to)
				}
				swapped := slices.Clone(ids)
				swapped[i+1], swapped[to+1] = swapped[to+1], swapped[i+1]
				if to > i && is(swapped) {
					return fault(txField(i), "this transaction and transactions[%d] were exchanged", to)
				}
			}
		}
	}
	var unsigned []string
	for i, tx := range b.Txs {
		if !tx.Signed() {
			unsigned = append(unsigned, txField(i))
		}
	}
	switch {
	case len(unsigned) == 0:
		return fault("transactions", "the signatures of all transactions are right, so one was left out or replaced, or the coinbase was changed")
	case len(unsigned) == 1:
		return fault(unsigned[0], "this is the only transaction without a signature: it was changed, or the coinbase was, or a transaction was left out or replaced")
	}
	return fault("transactions", "one or more of %s were changed, which have no signature; or the coinbase was, or transactions were left out or replaced", list(unsigned))
}

// maxTriedTxs is up to how many transactions blameBody tries out what was done to
// them. The time grows with the third power.
const maxTriedTxs = 50

// list joins names, of which it shows the first ten.
func list(names []string) string {
	const most = 10
	text := ""
	for i, name := range names[:min(most, len(names))] {
		if i > 0 {
			text += ", "
		}
		text += name
	}
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
