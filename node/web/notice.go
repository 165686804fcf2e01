package web

import (
	"net/url"

	"github.com/lodepow/lode/pow"
)

// noticeWord is what a form has done, as the address of the next page says it. Words and
// not sentences are in the address, so that nobody can make a link by which a page of
// this node says something else.
type noticeWord string

const (
	noticePosted    noticeWord = "posted"
	noticeMined     noticeWord = "mined"
	noticeNothing   noticeWord = "nothing"
	noticeMining    noticeWord = "mining"
	noticeMode      noticeWord = "mode"
	noticeConnected noticeWord = "connected"
	noticeResynced  noticeWord = "resynced"
)

// notice is a sentence about what a form has done, with a link.
type notice struct{ Sentence, Link, Path string }

// noticeOf returns the notice that the address of a page asks for, or nil. Whatever it
// says is checked against the chain, because anybody can write such an address.
func (w *Web) noticeOf(q url.Values) *notice {
	of := q.Get("of")
	switch noticeWord(q.Get("notice")) {
	case noticePosted:
		id, err := pow.ParseHash(of)
		if err != nil {
			return nil
		}
		place, err := w.chain.FindTx(id)
		switch {
		case err != nil:
			return nil
		case place.Pending:
			return &notice{"Your post is kept and waits for a block.", "See it", "/explorer/tx/" + id.String()}
		}
		return &notice{"Your post is in block " + number(place.Height) + ".", "See it", "/explorer/tx/" + id.String()}
	case noticeMined:
		hash, err := pow.ParseHash(of)
		if err != nil {
			return nil
		}
		if info, ok := w.chain.Header(hash); ok {
			return &notice{"Block " + number(info.Height) + " is mined.", "See it", "/explorer/block/" + hash.String()}
		}
	case noticeNothing:
		return &notice{Sentence: "There is nothing to mine: no post waits for a block."}
	case noticeMining:
		return &notice{"The search for the block goes on.", "Watch it", "/mining"}
	case noticeMode:
		if label := labelOfMode(of); label != "" {
			return &notice{Sentence: "The node now mines: " + label + "."}
		}
	case noticeConnected:
		return &notice{Sentence: "The two nodes are connected."}
	case noticeResynced:
		return &notice{"This page shows the chain as this node has it now: the tip is block " + number(w.chain.Tip().Height) + ".", "See the node's peers", "/network"}
	}
	return nil
}
