package web

import (
	"net/http"

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
// says is checked against the node, because anybody can write such an address. A notice of
// what has changed again since the form was handled is left out.
func (w *Web) noticeOf(r *http.Request) *notice {
	of := r.Form.Get("of")
	switch word := noticeWord(r.Form.Get("notice")); word {
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
		if txs, _ := w.chain.PendingCount(); txs == 0 {
			return &notice{Sentence: "There is nothing to mine: no post waits for a block."}
		}
	case noticeMining, noticeMode, noticeConnected:
		if status, err := w.status(r); err == nil {
			return noticeOfStatus(word, of, status)
		}
	case noticeResynced:
		return &notice{"This page shows the chain as this node has it now: the tip is block " + number(w.chain.Tip().Height) + ".", "See the node's peers", "/network"}
	}
	return nil
}

// noticeOfStatus returns the notice of a word whose truth the node's status shows, or nil.
func noticeOfStatus(word noticeWord, of string, status nodeStatus) *notice {
	switch word {
	case noticeMining:
		if status.Mining.Active {
			return &notice{"The search for the block goes on.", "Watch it", "/mining"}
		}
		// The block may have been found before the reader got this page.
		return &notice{"The node is not searching at the moment.", "See the latest blocks", "/explorer"}
	case noticeMode:
		if label := labelOfMode(of); label != "" && of == status.Mining.Mode {
			return &notice{Sentence: "The node now mines: " + label + "."}
		}
	case noticeConnected:
		switch {
		case status.Peers == 1:
			return &notice{Sentence: "This node is connected with one other node."}
		case status.Peers > 1:
			return &notice{Sentence: "This node is connected with " + number(status.Peers) + " other nodes."}
		}
	}
	return nil
}
