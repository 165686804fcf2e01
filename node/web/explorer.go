package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// explorerBody is what the template of the list of blocks gets.
type explorerBody struct {
	Blocks []blockRow
	Older  string // the address of the next page; "": there is none
	Newest bool   // the list begins at the tip
}

// blockRow is a line of the list.
type blockRow struct {
	Height     int64
	Hash       string
	Time       time.Time
	Txs        int
	Bytes      int
	Miner      text // the tag in the coinbase
	Difficulty float64
}

// explorer lists blocks of the active branch, the newest first.
func (w *Web) explorer(r *http.Request) (answer, error) {
	tip := w.chain.Tip()
	top := tip.Height
	body := explorerBody{Newest: true}
	if text := r.Form.Get("before"); text != "" {
		before, err := digits(text, math.MaxInt64)
		if err != nil {
			return answer{}, badRequest("the height %.40q to go on from is no number", text)
		}
		if before <= top {
			top, body.Newest = before-1, false
		}
	}
	from := max(0, top-blocksOnPage+1)
	headers := w.chain.Headers(from, int(top-from+1))
	for i := len(headers) - 1; i >= 0; i-- {
		h := headers[i]
		hash := h.Hash()
		s, err := w.summarize(r.Context(), hash)
		if err != nil {
			return answer{}, err
		}
		target, _, _ := h.Bits.Decode()
		body.Blocks = append(body.Blocks, blockRow{
			Height: from + int64(i), Hash: hash.String(), Time: time.Unix(int64(h.Time), 0),
			Txs: s.txs, Bytes: s.bytes, Miner: show(strings.ToValidUTF8(s.tag, "�"), nameBytes, 1), Difficulty: target.Difficulty(),
		})
	}
	if from > 0 {
		body.Older = fmt.Sprintf("/explorer?before=%d", from)
	}
	return answer{page: "explorer", data: page{Name: "explorer", Title: "Explorer", Body: body}}, nil
}

// search finds out what the reader has typed, and leads to its page: a height, a hash of
// a block, an id of a post, a public key, or a name of an author.
func (w *Web) search(r *http.Request) (answer, error) {
	q := strings.TrimSpace(r.Form.Get("q"))
	if q == "" {
		return answer{redirect: "/explorer"}, nil
	}
	if len(q) > maxNameInURL {
		return answer{}, badRequest("what to search for has %d bytes, at most %d are read", len(q), maxNameInURL)
	}
	path, err := w.find(r.Context(), strings.TrimPrefix(q, "#"), q)
	if err != nil {
		return answer{}, err
	}
	if path != "" {
		return answer{redirect: path}, nil
	}
	body := searchBody{About: show(q, nameBytes, 1)}
	if len(q) <= maxText {
		body.Posts = "/?q=" + url.QueryEscape(q)
	}
	return answer{status: http.StatusNotFound, page: "search", data: page{Name: "explorer", Title: "Nothing found", Search: q, Body: body}}, nil
}

// searchBody is what the template of a search without a result gets.
type searchBody struct {
	About text
	Posts string // the address of the search for posts with the text; "": it is too long
}

// find returns the address of the page of a thing, or "" if there is no such thing.
func (w *Web) find(ctx context.Context, word, name string) (string, error) {
	if height, err := digits(ungroup(word), math.MaxInt64); err == nil {
		if hash, ok := w.chain.HashAt(height); ok {
			return "/explorer/block/" + hash.String(), nil
		}
	}
	if hash, err := pow.ParseHash(strings.ToLower(word)); err == nil {
		if _, ok := w.chain.Header(hash); ok {
			return "/explorer/block/" + hash.String(), nil
		}
		switch _, err := w.chain.FindTx(hash); {
		case err == nil:
			return "/explorer/tx/" + hash.String(), nil
		case !errors.Is(err, chain.ErrNotFound):
			return "", err
		}
		key := chain.TxOwner{Key: strings.ToLower(word)}
		has, err := w.hasPosts(ctx, key)
		if has || err != nil {
			return "/account/" + key.Key, err
		}
	}
	path := authorURL(name)
	if path == "" {
		return "", nil
	}
	has, err := w.hasPosts(ctx, chain.TxOwner{Author: name})
	if !has || err != nil {
		return "", err
	}
	return path, nil
}

func (w *Web) hasPosts(ctx context.Context, owner chain.TxOwner) (bool, error) {
	places, _, _, err := w.txsOf(ctx, owner, chain.TxCursor{}, 1)
	return len(places) > 0 || err == nil && len(w.chain.PendingOf(owner, 1)) > 0, err
}

// place is where a block is. Only the chain's memory says that a block is stale, because
// the store is ahead of it by a moment while the tip changes.
type place struct {
	chain.HeaderInfo
	Changing bool // the block is stored, but is not in the tree yet
}

// locate returns where a block is.
func (w *Web) locate(ctx context.Context, hash pow.Hash, b block.Records) place {
	for range 3 {
		if info, ok := w.chain.Header(hash); ok {
			return place{HeaderInfo: info}
		}
		select {
		case <-ctx.Done():
		case <-time.After(settleWait):
		}
	}
	return place{HeaderInfo: chain.HeaderInfo{Header: b.Header, Hash: hash, Height: b.Coinbase.Height}, Changing: true}
}
