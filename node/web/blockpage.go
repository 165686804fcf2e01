package web

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// blockBody is what the template of a block gets.
type blockBody struct {
	Hash          string
	Height        int64
	State         string // active, stale, invalid or changing
	Confirmations int64
	Time          time.Time
	Prev, Next    string // hashes; "": there is none
	Txs, Bytes    int

	// Of a stale block: the block of the active branch at its height, and where its
	// branch leaves the active one.
	Instead    string
	ForkHeight int64

	Fields     []field
	Raw        string // the header in hex
	Work       proofOfWork
	Chainwork  string
	CoinbaseID string
	Coinbase   []field
	Miner      text

	Posts    []post
	From     int // the number of the first post of this page, from 1
	To       int
	PrevPage string
	NextPage string
}

// field is a part of a header or of a coinbase.
type field struct {
	Offset, Size int
	Hex          string
	Name         string
	Value        string
	Text         text // the value, if it is a text that a miner has chosen
	Link         string
	Meaning      string
}

// proofOfWork says how far below its target a hash is.
type proofOfWork struct {
	Hash, Target             string
	HashZeros, TargetZeros   int
	HashDigits, TargetDigits int // leading zeros of the hex digits
	Bits                     string
	Percent                  string // of the target
	Below                    string // how many times smaller than the target
	Expected                 float64
	Difficulty               float64
}

func (w *Web) blockPage(r *http.Request) (answer, error) {
	id := r.PathValue("id")
	if len(id) != 2*pow.HashSize {
		return w.redirectToHash(id)
	}
	hash, err := pow.ParseHash(strings.ToLower(id))
	if err != nil {
		return answer{}, badRequest("block %s: %v", id, err)
	}
	from := int64(0)
	if text := r.Form.Get("from"); text != "" {
		if from, err = digits(text, math.MaxInt32); err != nil {
			return answer{}, badRequest("the place %.40q in the block is no number", text)
		}
	}
	b, err := w.records(r.Context(), hash)
	if err != nil {
		return answer{}, err
	}
	at := w.locate(r.Context(), hash, b)
	body := describeBlock(b, at)
	w.placeBlock(&body, at)
	if err := pageOf(&body, b, int(min(from, int64(b.Len())))); err != nil {
		return answer{}, err
	}
	return answer{page: "block", data: page{Name: "block", Title: "Block " + number(body.Height), Body: body}}, nil
}

// redirectToHash leads from a height, or from the word tip, to the block that is there
// now. The address of a block has its hash, so that it never shows another block later.
func (w *Web) redirectToHash(id string) (answer, error) {
	hash := w.chain.Tip().Hash
	if id != "tip" {
		height, err := digits(id, math.MaxInt64)
		if err != nil {
			return answer{}, badRequest("block %.70q: want a height, a hash of 64 hex digits, or tip", id)
		}
		var ok bool
		if hash, ok = w.chain.HashAt(height); !ok {
			return answer{}, notFound("there is no block at height %d: the tip is at %d", height, w.chain.Tip().Height)
		}
	}
	return answer{redirect: "/explorer/block/" + hash.String(), status: http.StatusFound}, nil
}

// placeBlock says where the block is in the tree.
func (w *Web) placeBlock(body *blockBody, at place) {
	switch {
	case at.Changing:
		body.State = stateChanging
	case at.Active:
		body.State = "active"
		body.Confirmations = max(1, w.chain.Tip().Height-at.Height+1)
		if next, ok := w.chain.HashAt(at.Height + 1); ok {
			if info, ok := w.chain.Header(next); ok && info.Header.Prev == at.Hash {
				body.Next = next.String()
			}
		}
	default:
		body.State = "stale"
		if at.Invalid {
			body.State = "invalid"
		}
		if instead, ok := w.chain.HashAt(at.Height); ok && instead != at.Hash {
			body.Instead = instead.String()
		}
		below := at.HeaderInfo
		for range 4096 { // a longer stale branch gets no height of its fork
			parent, ok := w.chain.Header(below.Header.Prev)
			if !ok {
				break
			}
			if parent.Active {
				body.ForkHeight = parent.Height
				break
			}
			below = parent
		}
	}
}

func describeBlock(b block.Records, at place) blockBody {
	h := b.Header
	body := blockBody{
		Hash: at.Hash.String(), Height: at.Height, Time: time.Unix(int64(h.Time), 0), Txs: b.Len(), Bytes: b.Size(),
		Raw: h.String(), Fields: headerFields(h, at.Height), Work: describeWork(h),
		CoinbaseID: b.Coinbase.ID().String(), Coinbase: coinbaseFields(b.Coinbase),
		Miner: show(strings.ToValidUTF8(b.Coinbase.Tag, "�"), nameBytes, 1),
	}
	if at.Height > 0 {
		body.Prev = h.Prev.String()
	}
	if !at.Changing {
		body.Chainwork = figure(at.Work.Float())
	}
	return body
}

// pageOf fills in the posts of the page that begins after from posts.
func pageOf(body *blockBody, b block.Records, from int) error {
	to := min(b.Len(), from+leavesOnPage)
	for i := from; i < to; i++ {
		tx, err := b.Tx(i)
		if err != nil {
			return err
		}
		p := newPost(tx)
		p.Index, p.Height, p.Block, p.State = i+1, body.Height, body.Hash, body.State
		if body.State == "active" {
			p.State, p.Confirmations = stateMined, body.Confirmations
		}
		body.Posts = append(body.Posts, p)
	}
	body.From, body.To = from+1, to
	path := "/explorer/block/" + body.Hash + "?from="
	if from > 0 {
		body.PrevPage = fmt.Sprintf("%s%d", path, max(0, from-leavesOnPage))
	}
	if to < b.Len() {
		body.NextPage = fmt.Sprintf("%s%d", path, to)
	}
	return nil
}

// headerFields takes a header apart, in the order of its bytes.
func headerFields(h pow.Header, height int64) []field {
	raw := h.Bytes()
	part := func(from, size int, name, value, meaning string) field {
		return field{Offset: from, Size: size, Hex: hex.EncodeToString(raw[from : from+size]), Name: name, Value: value, Meaning: meaning}
	}
	target, _, _ := h.Bits.Decode()
	fields := []field{
		part(0, 4, "version", fmt.Sprintf("%08x", uint32(h.Version)),
			"The version of the block's rules. Miners may change some of its bits (BIP 320), which gives them more headers to try."),
		part(4, 32, "previous hash", h.Prev.String(),
			"The hash of the block below. It makes the blocks a chain: whoever changes a block changes its hash, and all blocks above no longer fit. On the wire its bytes are in reverse order."),
		part(36, 32, "merkle root", h.MerkleRoot.String(),
			"One hash over the coinbase and all posts. It makes the header vouch for every byte of them."),
		part(68, 4, "time", describeTime(time.Unix(int64(h.Time), 0)),
			fmt.Sprintf("When the miner made the header: %d seconds since 1970. It must be later than the median of the last eleven blocks.", h.Time)),
		part(72, 4, "bits", h.Bits.String(),
			fmt.Sprintf("The target in a short form: the hash must not be greater. This target begins with %d zero bits.", target.Zeros())),
		part(76, 4, "nonce", number(h.Nonce),
			"The number that the miner tried until the hash met the target. It means nothing else."),
	}
	if height > 0 {
		fields[1].Link = "/explorer/block/" + h.Prev.String()
	}
	return fields
}

// coinbaseFields takes a coinbase apart, in the order of its bytes.
func coinbaseFields(c block.Coinbase) []field {
	raw := c.Bytes()
	before, after := c.Halves()
	const outpoint, script = 5, 42 // version and number of inputs; then the null outpoint and the script's length
	heightSize := len(before) - script - 1
	tagSize := len(c.Tag)
	var fields []field
	at := 0
	add := func(size int, name, value, meaning string) *field {
		fields = append(fields, field{Offset: at, Size: size, Hex: hex.EncodeToString(raw[at : at+size]), Name: name, Value: value, Meaning: meaning})
		at += size
		return &fields[len(fields)-1]
	}
	add(4, "version", "2", "The version of Bitcoin's serialization of transactions.")
	add(1, "inputs", "1", "The number of inputs.")
	add(script-1-outpoint, "outpoint", "none", "A coinbase spends nothing: it refers to no earlier transaction, which 32 zero bytes and ffffffff say.")
	add(1, "script length", fmt.Sprint(raw[script-1]), "How many bytes the miner's part has.")
	add(heightSize, "height", number(c.Height), "The height of the block (BIP 34). It makes the coinbases of all blocks of a chain different.")
	add(1, "push", fmt.Sprint(block.ExtranonceSize), "The next 8 bytes are one value.")
	add(block.ExtranonceSize, "extranonce", fmt.Sprintf("%016x", c.Extranonce), "A number that the miner changes when all nonces of a header have been tried. It changes the merkle root.")
	add(1, "push", fmt.Sprint(tagSize), "The number of bytes of the miner's tag.")
	if tagSize > 0 {
		tag := add(tagSize, "tag", "", "What the miner calls itself. Nobody checks it.")
		tag.Text = show(strings.ToValidUTF8(c.Tag, "�"), 400, 4)
	}
	add(len(after)-1-tagSize, "end", "sequence, one output of nothing, lock time", "A Bitcoin transaction ends like this. The output pays nothing, because there are no coins here.")
	return fields
}

// describeWork compares the hash of a header with its target.
func describeWork(h pow.Header) proofOfWork {
	hash := h.Hash()
	target, _, _ := h.Bits.Decode()
	p := proofOfWork{
		Hash: hash.String(), Target: target.String(), HashZeros: hash.Zeros(), TargetZeros: target.Zeros(),
		Bits: h.Bits.String(), Expected: target.Work().Float(), Difficulty: target.Difficulty(),
	}
	zeros := func(s string) int { return len(s) - len(strings.TrimLeft(s, "0")) }
	p.HashDigits, p.TargetDigits = zeros(p.Hash), zeros(p.Target)
	n, _ := new(big.Int).SetString(p.Hash, 16)
	t, _ := new(big.Int).SetString(p.Target, 16)
	if n.Sign() > 0 && t.Sign() > 0 {
		ratio, _ := new(big.Float).Quo(new(big.Float).SetInt(t), new(big.Float).SetInt(n)).Float64()
		p.Below, p.Percent = figure(ratio), fmt.Sprintf("%.3g", 100/ratio)
	}
	return p
}
