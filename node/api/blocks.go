package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// errReorg is the error of an answer that a reorg has overtaken: the blocks that
// it begins with are not on the active branch any more.
var errReorg = errors.New("the active branch changed while it was being written")

// getChain answers as the original does: with the whole chain, or with the part
// that the parameters from and limit select. The length is always that of the
// whole chain.
func (a *API) getChain(w *writer, r *http.Request) error {
	from, err := number(w.query, "from", 0, math.MaxInt64, 0)
	if err != nil {
		return err
	}
	limit, err := number(w.query, "limit", 1, math.MaxInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	return a.sendChain(w, r, from, limit)
}

// sendChain sends blocks of the active branch, from a height on. If a reorg comes
// in between, it begins again, as long as nothing has been sent.
func (a *API) sendChain(w *writer, r *http.Request, from, limit int64) error {
	w.Header().Set("Content-Type", typeJSON)
	const tries = 4
	for try := 1; ; try++ {
		err := a.stream(w, r, func(s *stream) error { return a.writeChain(s, from, limit) })
		if !errors.Is(err, errReorg) || w.status != 0 || try == tries {
			return err
		}
	}
}

// writeChain reads one block after another and checks that each is the child of
// the one before. So it writes a single branch even if a reorg happens meanwhile,
// or fails with errReorg.
func (a *API) writeChain(s *stream, from, limit int64) error {
	length := a.chain.Len()
	end := length
	if limit < length && from < length-limit {
		end = from + limit
	}
	s.text(fmt.Sprintf(`{"length":%d,"chain":[`, length))
	var last pow.Hash
	for height := from; height < end; height++ {
		hash, ok := a.chain.HashAt(height)
		if !ok {
			return errReorg
		}
		err := a.withBlock(s.r, hash, func(b block.Records) error {
			if height > from {
				if b.Header.Prev != last {
					return errReorg
				}
				s.text(",")
			}
			return s.block(b)
		})
		if err != nil {
			return err
		}
		last = hash
		if err := s.pause(); err != nil {
			return err
		}
	}
	peers, err := json.Marshal(a.peerAddresses())
	if err != nil {
		return err
	}
	s.text(`],"peers":` + string(peers) + "}\n")
	return nil
}

func (s *stream) block(b block.Records) error {
	s.buf.Grow(b.JSONSize())
	text, err := b.AppendJSON(s.buf.AvailableBuffer())
	if err != nil {
		return err
	}
	s.buf.Write(text)
	return nil
}

// getBlock answers with the block at a height of the active branch, with the tip,
// or with the block that has a hash, on whatever branch it is.
func (a *API) getBlock(w *writer, r *http.Request) error {
	hash, err := a.blockID(w.id)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeJSON)
	err = a.stream(w, r, func(s *stream) error {
		defer s.text("\n")
		return a.withBlock(r, hash, s.block)
	})
	if errors.Is(err, chain.ErrNotFound) {
		return refuse(http.StatusNotFound, "no block has the hash %s", hash)
	}
	return err
}

// withBlock reads a block, whose transactions it does not parse, and calls use with it.
// At most maxBlockReads calls run at once, which bounds the memory that blocks take; the
// others wait, so use must not wait for the network.
func (a *API) withBlock(r *http.Request, hash pow.Hash, use func(block.Records) error) error {
	return a.withReads(r, func() error {
		b, err := a.chain.Records(hash)
		if err != nil {
			return err
		}
		return use(b)
	})
}

// blockID returns the hash of the block that the id in a path refers to.
func (a *API) blockID(id string) (pow.Hash, error) {
	if id == "tip" {
		return a.chain.Tip().Hash, nil
	}
	if len(id) == 2*pow.HashSize {
		hash, err := pow.ParseHash(id)
		if err != nil {
			return hash, refuse(http.StatusBadRequest, "block id %s: %v", id, err)
		}
		return hash, nil
	}
	height, err := parseDigits(id)
	if err != nil {
		return pow.Hash{}, refuse(http.StatusBadRequest, "block id %.70q: want a height, a hash of 64 hex digits, or tip", id)
	}
	hash, ok := a.chain.HashAt(height)
	if !ok {
		return hash, refuse(http.StatusNotFound, "no block at height %d: the tip is at %d", height, a.chain.Tip().Height)
	}
	return hash, nil
}

// headerJSON is a header with its height. The fields are named as in the JSON of
// a block.
type headerJSON struct {
	Height       int64    `json:"height"`
	Hash         pow.Hash `json:"hash"`
	Version      int32    `json:"version"`
	PreviousHash pow.Hash `json:"previous_hash"`
	MerkleRoot   pow.Hash `json:"merkle_root"`
	Timestamp    uint32   `json:"timestamp"`
	Bits         pow.Bits `json:"bits"`
	Nonce        uint32   `json:"nonce"`
}

func describeHeader(h pow.Header, height int64) headerJSON {
	return headerJSON{
		Height: height, Hash: h.Hash(), Version: h.Version, PreviousHash: h.Prev,
		MerkleRoot: h.MerkleRoot, Timestamp: h.Time, Bits: h.Bits, Nonce: h.Nonce,
	}
}

// getHeaders lists headers of the active branch: from a height on, or after the
// first hash of a locator that is on the branch. If none of a locator's hashes
// is, the list begins with the genesis block.
func (a *API) getHeaders(w *writer, r *http.Request) error {
	from, err := number(w.query, "from", 0, math.MaxInt64, 0)
	if err != nil {
		return err
	}
	limit, err := number(w.query, "limit", 1, maxHeaders, maxHeaders)
	if err != nil {
		return err
	}
	var headers []pow.Header
	if after, ok := w.query["after"]; ok {
		if w.query.Has("from") {
			return refuse(http.StatusBadRequest, "parameters from and after: want one of them")
		}
		hashes, err := locator(after[0])
		if err != nil {
			return err
		}
		if headers = a.chain.HeadersAfter(hashes, int(limit)); len(headers) > 0 {
			if info, ok := a.chain.Header(headers[0].Hash()); ok {
				from = info.Height
			}
		}
	} else {
		headers = a.chain.Headers(from, int(limit))
	}
	list := make([]headerJSON, len(headers))
	for i, h := range headers {
		list[i] = describeHeader(h, from+int64(i))
	}
	a.sendJSON(w, r, http.StatusOK, struct {
		Length  int64        `json:"length"`
		Headers []headerJSON `json:"headers"`
	}{a.chain.Len(), list})
	return nil
}

// addBlock reads a block, in the form in which /chain and /blocks show it, and
// has the chain accept it.
func (a *API) addBlock(w *writer, r *http.Request) error {
	body := a.buffer()
	defer a.release(body)
	if err := readJSON(w, r, body, a.limits.blockBytes, block.BadLength); err != nil {
		return err
	}
	if body.Len() == 0 {
		return withReason(refuse(http.StatusBadRequest, "the body is empty: send a block as /blocks/tip shows one"), reasonMalformed)
	}
	b, err := a.chain.Params().ParseBlock(body.Bytes())
	if err != nil {
		return badBody(err)
	}
	outcome, err := a.chain.Accept(b)
	if err != nil {
		return err
	}
	status, text := http.StatusCreated, "Block added to the chain"
	switch outcome {
	case chain.Known:
		status, text = http.StatusOK, "Block known already"
	case chain.Held:
		status, text = http.StatusAccepted, "Block held: its parent is unknown or its time is ahead of the clock"
	}
	if outcome != chain.Held {
		w.Header().Set("Location", "/blocks/"+b.Hash().String())
	}
	a.say(w, r, status, text, func() any {
		return struct {
			Message string   `json:"message"`
			Outcome string   `json:"outcome"`
			Hash    pow.Hash `json:"hash"`
			Height  int64    `json:"height"`
		}{text, outcome.String(), b.Hash(), b.Height()}
	})
	return nil
}
