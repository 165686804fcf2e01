package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Bounds of the lists of transactions and of branches.
const (
	maxOwned    = 100 // transactions in a page of /txs, and as many pending ones before them
	ownedStep   = 8   // of them read at once, with up to 64 KiB each
	maxBranches = 100 // branches in an answer of /branches
)

// listedJSON is a transaction in a list.
type listedJSON struct {
	ID            pow.Hash  `json:"id"`
	Pending       bool      `json:"pending"`
	Block         *pow.Hash `json:"block,omitempty"`
	Height        *int64    `json:"height,omitempty"`
	Index         int       `json:"index,omitempty"` // of the leaf in the merkle tree; the coinbase has 0
	Confirmations int64     `json:"confirmations"`
	Transaction   block.Tx  `json:"transaction"`
}

// describeTx describes a transaction when the tip is at a height.
func describeTx(place chain.TxPlace, tip int64) listedJSON {
	tx := listedJSON{ID: place.Tx.ID(), Pending: place.Pending, Transaction: place.Tx}
	if !place.Pending {
		tx.Block, tx.Height, tx.Index = &place.Block, &place.Height, place.Index
		tx.Confirmations = max(1, tip-place.Height+1)
	}
	return tx
}

// getTxs lists transactions, the newest first: those of an author or of a key, or all. The
// first page begins with the pending ones. The transactions are read a few at a time, and
// no longer than the network is slow.
func (a *API) getTxs(w *writer, r *http.Request) error {
	owner, before, err := ownerAndCursor(w)
	if err != nil {
		return err
	}
	limit, err := number(w.query, "limit", 1, maxOwned, maxOwned)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeJSON)
	const tries = 4
	for try := 1; ; try++ {
		err := a.stream(w, r, func(s *stream) error { return a.writeTxs(s, owner, before, int(limit)) })
		if !errors.Is(err, errReorg) || w.status != 0 || try == tries {
			return err
		}
	}
}

// writeTxs writes a page. It fails with errReorg if the active branch changes in between,
// because the page would mix two branches then.
func (a *API) writeTxs(s *stream, owner chain.TxOwner, before chain.TxCursor, limit int) error {
	tip := a.chain.Tip()
	s.text(`{"transactions":[`)
	written := 0
	write := func(place chain.TxPlace) error {
		if written > 0 {
			s.text(",")
		}
		written++
		if err := encode(s.buf, describeTx(place, tip.Height)); err != nil {
			return err
		}
		s.buf.Truncate(s.buf.Len() - 1) // the newline
		return nil
	}
	if before.IsZero() {
		for _, tx := range a.chain.PendingOf(owner, maxOwned) {
			if err := errors.Join(write(chain.TxPlace{Tx: tx, Pending: true}), s.pause()); err != nil {
				return err
			}
		}
	}
	more := true
	for left := limit; left > 0 && more; {
		var places []chain.TxPlace
		err := a.withReads(s.r, func() (err error) {
			places, before, more, err = a.chain.TxsOf(owner, before, min(left, ownedStep))
			return err
		})
		if err != nil {
			return err
		}
		if info, ok := a.chain.Header(tip.Hash); !ok || !info.Active {
			return errReorg
		}
		for _, place := range places {
			if err := write(place); err != nil {
				return err
			}
		}
		left -= min(left, ownedStep)
		if err := s.pause(); err != nil {
			return err
		}
	}
	s.text("]")
	if more {
		next, err := json.Marshal(cursorText(before))
		if err != nil {
			return err
		}
		s.text(`,"next":` + string(next))
	}
	s.text("}\n")
	return nil
}

// withReads calls read when fewer than maxBlockReads others read blocks; see withBlock.
func (a *API) withReads(r *http.Request, read func() error) error {
	select {
	case a.reads <- struct{}{}:
	case <-r.Context().Done():
		return errGone
	}
	defer func() { <-a.reads }()
	return read()
}

// ownerAndCursor reads the parameters that say which transactions to list.
func ownerAndCursor(w *writer) (owner chain.TxOwner, before chain.TxCursor, err error) {
	owner = chain.TxOwner{Author: w.query.Get("author"), Key: strings.ToLower(w.query.Get("key"))}
	for _, name := range []string{"author", "key"} {
		if w.query.Has(name) && w.query.Get(name) == "" {
			return owner, before, refuse(http.StatusBadRequest, "parameter %s is empty: leave it out, or say whose transactions to list", name)
		}
	}
	if err := owner.Check(); err != nil {
		return owner, before, refuse(http.StatusBadRequest, "parameters: %v", err)
	}
	if w.query.Has("before") {
		before, err = parseCursor(w.query.Get("before"))
	}
	return owner, before, err
}

// cursorText returns a cursor as clients see it: height and index with a hyphen between.
func cursorText(c chain.TxCursor) string { return fmt.Sprintf("%d-%d", c.Height, c.Index) }

// parseCursor reads what cursorText has written.
func parseCursor(text string) (chain.TxCursor, error) {
	height, index, _ := strings.Cut(text, "-")
	h, errHeight := parseDigits(height)
	i, errIndex := parseDigits(index)
	if errHeight != nil || errIndex != nil || h > block.MaxHeight || i > math.MaxInt32 || h == 0 && i == 0 {
		return chain.TxCursor{}, refuse(http.StatusBadRequest, "parameter before is %.40q: want what the page before has as next, such as 120-3", text)
	}
	return chain.TxCursor{Height: h, Index: int(i)}, nil
}

// branchJSON is a branch of the tree of blocks.
type branchJSON struct {
	Hash       pow.Hash `json:"hash"` // of the block at its top
	Height     int64    `json:"height"`
	Chainwork  string   `json:"chainwork"`
	Active     bool     `json:"active"`
	Fork       pow.Hash `json:"fork"` // the highest block that is on the active branch, too
	ForkHeight int64    `json:"fork_height"`
	Length     int64    `json:"length"` // blocks above the fork
	Invalid    bool     `json:"invalid"`
	HeldBack   bool     `json:"held_back"`
}

// getBranches lists the branches of the tree of blocks, the active one first.
func (a *API) getBranches(w *writer, r *http.Request) error {
	limit, err := number(w.query, "limit", 1, maxBranches, maxBranches)
	if err != nil {
		return err
	}
	branches := a.chain.Branches(int(limit))
	list := make([]branchJSON, len(branches))
	for i, b := range branches {
		list[i] = branchJSON{
			Hash: b.Tip.Hash, Height: b.Tip.Height, Chainwork: b.Tip.Work.String(), Active: b.Active,
			Fork: b.Fork, ForkHeight: b.ForkHeight, Length: b.Length, Invalid: b.Invalid, HeldBack: b.HeldBack,
		}
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(a.chain.BranchCount()))
	a.sendJSON(w, r, http.StatusOK, struct {
		Branches []branchJSON `json:"branches"`
	}{list})
	return nil
}
