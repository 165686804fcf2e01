package chain_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// made is a block of a story.
type made struct {
	name  string
	raw   []byte       // as peers send it, because it may be one that no [block.Block] can hold
	value *block.Block // or as a miner hands it over, because it may be one that cannot be written
	hash  pow.Hash
	state rules.State // of the branch with the block on top
	draft draft
}

// draft is a block that is being made.
type draft struct {
	header   pow.Header
	coinbase []byte
	txs      []string
	label    string          // part of the text of the fillers, so that no two blocks have the same ones
	padded   bool            // the count of transactions is written longer than it must be
	mined    *block.Coinbase // the coinbase of a block that comes as a value
}

// maker makes the blocks of one story.
type maker struct {
	p      rules.Params
	now    time.Time
	blocks map[string]*made
}

func newMaker(p rules.Params, now time.Time) *maker {
	header, coinbase := p.Genesis()
	genesis := &made{name: "genesis", hash: header.Hash(), state: p.GenesisState(), draft: draft{header: header, coinbase: coinbase.Bytes()}}
	return &maker{p: p, now: now, blocks: map[string]*made{"genesis": genesis}}
}

// network returns the parameters that a story names.
func network(name string) (rules.Params, error) {
	c := rules.Config{
		Name:       "scenarios",
		Difficulty: rules.Difficulty{Bits: 0x207fffff}, // two hashes a block
		Limits:     rules.Limits{BlockBytes: 2000, BlockTxs: 8, TxBytes: 1000},
	}
	switch name {
	case "easy":
	case "asert":
		// A block that comes ten seconds after its parent leaves the difficulty at two
		// hashes. With each block that comes after one second it about doubles.
		c.Difficulty = rules.Difficulty{Rule: rules.RuleAsert, Bits: 0x207fffff, Limit: 0x207fffff, Spacing: 10, HalfLife: 10}
	case "signed":
		c.Signatures = rules.SignaturesRequired
	default:
		return rules.Params{}, fmt.Errorf("network %q: want easy, asert or signed", name)
	}
	return rules.New(c)
}

// make makes the block of a row: on top of its parent or, where the row says =NAME,
// with the header of that block and another body.
func (m *maker) make(r row) (*made, error) {
	if m.blocks[r.block] != nil {
		return nil, fmt.Errorf("there is a block %s", r.block)
	}
	b := &made{name: r.block}
	if model, ok := strings.CutPrefix(r.on, "="); ok {
		of := m.blocks[model]
		if of == nil {
			return nil, fmt.Errorf("no block %s", model)
		}
		b.draft, b.state = of.draft, of.state
		b.draft.txs = slices.Clone(of.draft.txs)
		for _, word := range r.with {
			if err := m.changeBody(&b.draft, word); err != nil {
				return nil, err
			}
		}
	} else {
		parent := m.blocks[r.on]
		if parent == nil {
			return nil, fmt.Errorf("no block %q to stand on", r.on)
		}
		var err error
		if b.draft, err = m.draft(r, parent); err != nil {
			return nil, err
		}
		b.state = parent.state.Apply(b.draft.header)
	}
	b.hash = b.draft.header.Hash()
	if b.draft.mined == nil {
		b.raw = b.draft.bytes()
	} else {
		v, err := b.draft.asValue()
		if err != nil {
			return nil, err
		}
		b.value = &v
	}
	m.blocks[r.block] = b
	return b, nil
}

// draft makes a block as a miner does: first the body, then the header that commits to
// it, then the proof of work. Each word of the row changes one of these steps.
func (m *maker) draft(r row, parent *made) (draft, error) {
	d := draft{
		header: pow.Header{
			Version: 0x20000000, Prev: parent.hash, Time: parent.state.Time + 1, Bits: parent.state.NextBits(m.p),
		},
		coinbase: block.Coinbase{Height: parent.state.Height + 1, Tag: r.block}.Bytes(),
		label:    r.block,
	}
	rest := slices.Clone(r.with)
	for _, step := range []func(*draft, string, *made) (bool, error){m.changeCoinbase, m.addTx} {
		for _, word := range slices.Clone(rest) {
			done, err := step(&d, word, parent)
			if err != nil {
				return d, err
			}
			if done {
				rest = slices.DeleteFunc(rest, func(other string) bool { return other == word })
			}
		}
	}
	d.header.MerkleRoot = d.root()
	unsolved := false
	for _, word := range rest {
		ok, err := m.changeHeader(&d.header, word, parent)
		if err != nil {
			return d, err
		}
		if !ok {
			return d, fmt.Errorf("no such word: %q", word)
		}
		unsolved = unsolved || word == "hash=high"
	}
	target, err := d.header.Bits.Target()
	for err == nil && d.header.Hash().Meets(target) == unsolved {
		d.header.Nonce++
	}
	return d, nil
}

func (m *maker) changeHeader(h *pow.Header, word string, parent *made) (ok bool, err error) {
	key, value, _ := strings.Cut(word, "=")
	switch {
	case word == "hash=high": // done when the nonce is chosen
	case word == "root=other":
		h.MerkleRoot[0]++
	case word == "prev=zero":
		h.Prev = pow.Hash{}
	case word == "bits=harder":
		h.Bits--
	case word == "bits=easier":
		h.Bits = 0x2100ffff
	case word == "bits=negative":
		h.Bits = 0x01810000
	case word == "bits=parent":
		h.Bits = parent.state.Bits
	case key == "version":
		n, err := strconv.ParseUint(value, 16, 32)
		h.Version = int32(uint32(n))
		return true, err
	case key == "time":
		at := map[string]int64{
			"median": int64(parent.state.MedianTimePast()),
			"limit":  m.now.Unix() + int64(m.p.Limits().FutureSeconds),
			"parent": int64(parent.state.Time),
		}
		name, plus := value, int64(0)
		if i := strings.IndexAny(value, "+-"); i >= 0 {
			name = value[:i]
			if plus, err = strconv.ParseInt(value[i:], 10, 64); err != nil {
				return true, err
			}
		}
		if at[name] == 0 {
			return true, fmt.Errorf("no such time: %q", value)
		}
		h.Time = uint32(at[name] + plus)
	default:
		return false, nil
	}
	return true, nil
}

// changeBody changes the body and leaves the header as it is.
func (m *maker) changeBody(d *draft, word string) error {
	key, value, _ := strings.Cut(word, "=")
	switch {
	case word == "padded":
		d.padded = true
	case word == "swap":
		d.txs[0], d.txs[1] = d.txs[1], d.txs[0]
	case key == "repeat": // that many transactions from the end of the list
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > len(d.txs) {
			return fmt.Errorf("cannot repeat %q of %d transactions", value, len(d.txs))
		}
		d.txs = append(d.txs, d.txs[len(d.txs)-n:]...)
	default:
		ok, err := m.addTx(d, word, nil)
		if err == nil && !ok {
			err = fmt.Errorf("no such word: %q", word)
		}
		return err
	}
	return nil
}

// addTx adds the transactions that a word names: by a capital letter, by a limit to
// fill, or by what is odd about the transaction.
func (m *maker) addTx(d *draft, word string, _ *made) (ok bool, err error) {
	key, value, _ := strings.Cut(word, "=")
	plus := 0
	if value == "limit+1" {
		plus = 1
	}
	switch key {
	case "bytes": // fill the block to its limit
		for left := m.p.Limits().BlockBytes + plus - d.size(); left > 0; left = m.p.Limits().BlockBytes + plus - d.size() {
			if left > m.p.Limits().TxBytes {
				left = m.p.Limits().TxBytes / 2
			}
			d.txs = append(d.txs, d.filler(left))
		}
		if over := d.size() - m.p.Limits().BlockBytes; over != plus {
			return true, fmt.Errorf("%d bytes over the limit, want %d", over, plus)
		}
	case "txs":
		for len(d.txs) < m.p.Limits().BlockTxs+plus {
			d.txs = append(d.txs, d.filler(0))
		}
	case "tx":
		if odd, ok := oddTxs()[value]; ok {
			d.txs = append(d.txs, odd)
			break
		}
		d.txs = append(d.txs, d.filler(m.p.Limits().TxBytes+plus))
	default:
		tx, ok := namedTx(word)
		if ok {
			d.txs = append(d.txs, tx)
		}
		return ok, nil
	}
	return true, nil
}

// namedTx returns the transaction with the given name: a capital letter, with "-signed"
// behind it if the transaction is signed.
func namedTx(name string) (string, bool) {
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return "", false
	}
	switch name[1:] {
	case "":
		return text(name), true
	case "-signed":
		tx, err := block.Sign([]byte(text(name)), ed25519.NewKeyFromSeed(make([]byte, 32)), time.Time{})
		return tx.String(), err == nil
	}
	return "", false
}

func text(content string) string {
	return fmt.Sprintf(`{"author":"a","content":%q,"timestamp":1}`, content)
}

// filler returns a transaction of size bytes, or the shortest one if size is less.
func (d draft) filler(size int) string {
	content := fmt.Sprintf("filler %d of %s", len(d.txs), d.label)
	return text(content + strings.Repeat("x", max(0, size-len(text(content)))))
}

// oddTxs returns texts that cannot be transactions of a block, because they are not
// valid transactions or not in the canonical form.
func oddTxs() map[string]string {
	signed, _ := namedTx("S-signed")
	at := strings.Index(signed, `"signature":"`) + len(`"signature":"`)
	forged := signed[:at] + strings.Repeat("0", 128) + signed[at+128:]
	return map[string]string{
		"empty":         "",
		"no-author":     `{"content":"c","timestamp":1}`,
		"no-content":    `{"author":"a","timestamp":1}`,
		"no-timestamp":  `{"author":"a","content":"c"}`,
		"empty-content": `{"author":"a","content":"","timestamp":1}`,
		"negative-time": `{"author":"a","content":"c","timestamp":-1}`,
		"huge-number":   `{"author":"a","content":"c","n":9007199254740993,"timestamp":1}`,
		"key-twice":     `{"author":"a","author":"b","content":"c","timestamp":1}`,
		"spaces":        `{"author": "a", "content": "c", "timestamp": 1}`,
		"order":         `{"content":"c","author":"a","timestamp":1}`,
		"forged":        forged,
		"coinbase":      string(block.Coinbase{Height: 1}.Bytes()),
	}
}

func (d draft) root() pow.Hash {
	ids := []pow.Hash{pow.DoubleSHA256(d.coinbase)}
	for _, tx := range d.txs {
		ids = append(ids, pow.DoubleSHA256([]byte(tx)))
	}
	root, _ := block.MerkleRoot(ids)
	return root
}

func (d draft) size() int {
	size := pow.HeaderSize + len(d.coinbase)
	for _, tx := range d.txs {
		size += len(tx)
	}
	return size
}

// bytes returns the block in the form of [block.Block.AppendBinary].
func (d draft) bytes() []byte {
	header := d.header.Bytes()
	raw := binary.AppendUvarint(header[:], uint64(len(d.coinbase)))
	raw = append(raw, d.coinbase...)
	if d.padded {
		raw = append(raw, byte(len(d.txs))|0x80, 0)
	} else {
		raw = binary.AppendUvarint(raw, uint64(len(d.txs)))
	}
	for _, tx := range d.txs {
		raw = binary.AppendUvarint(raw, uint64(len(tx)))
		raw = append(raw, tx...)
	}
	return raw
}

// asValue returns the block as a miner of the same process hands it over.
func (d draft) asValue() (block.Block, error) {
	b := block.Block{Header: d.header, Coinbase: *d.mined}
	for _, text := range d.txs {
		tx, err := block.ParseTx([]byte(text))
		if err != nil {
			return block.Block{}, err
		}
		b.Txs = append(b.Txs, tx)
	}
	return b, nil
}
