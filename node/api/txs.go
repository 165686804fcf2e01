package api

import (
	"errors"
	"net/http"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// getTx answers with a transaction, pending or mined, and where it is.
func (a *API) getTx(w *writer, r *http.Request) error {
	place, err := a.findTx(w.id)
	if err != nil {
		return err
	}
	a.sendJSON(w, r, http.StatusOK, describeTx(place, a.chain.Tip().Height))
	return nil
}

func parseTxID(text string) (pow.Hash, error) {
	id, err := pow.ParseHash(text)
	if err != nil {
		return id, refuse(http.StatusBadRequest, "transaction id %.70q: %v", text, err)
	}
	return id, nil
}

// findTx returns the transaction with an id and where it is.
func (a *API) findTx(text string) (chain.TxPlace, error) {
	id, err := parseTxID(text)
	if err != nil {
		return chain.TxPlace{}, err
	}
	place, err := a.chain.FindTx(id)
	if errors.Is(err, chain.ErrNotFound) {
		return chain.TxPlace{}, refuse(http.StatusNotFound, "no transaction has the id %s", id)
	}
	return place, err
}

// getProof answers with a proof that a transaction is in a block. To check it:
//
//  1. hash the transaction's canonical form, which gives the id;
//  2. hash the id with one sibling after another, which gives the merkle root
//     ([block.MerkleProof.Verify] does this);
//  3. check that the header has that root, and that its hash meets its bits.
//
// The proof does not show that the block is on the chain with the most work; for
// that, ask /headers.
func (a *API) getProof(w *writer, r *http.Request) error {
	id, err := parseTxID(w.id)
	if err != nil {
		return err
	}
	proof, err := a.prove(id)
	if err != nil {
		return err
	}
	a.sendJSON(w, r, http.StatusOK, struct {
		ID          pow.Hash          `json:"id"`
		Transaction block.Tx          `json:"transaction"`
		Proof       block.MerkleProof `json:"proof"` // the coinbase has index 0
		Block       headerJSON        `json:"block"`
		Header      string            `json:"header"`
	}{id, proof.Tx, proof.Merkle, describeHeader(proof.Header, proof.Height), proof.Header.String()})
	return nil
}

// prove returns the proof of a transaction. It reads the block once, unless the transaction
// is not on the active branch, in which case the error says why.
func (a *API) prove(id pow.Hash) (chain.TxProof, error) {
	proof, err := a.chain.Proof(id)
	if !errors.Is(err, chain.ErrNotFound) {
		return proof, err
	}
	place, err := a.findTx(id.String())
	if err != nil {
		return chain.TxProof{}, err
	}
	if place.Pending {
		return chain.TxProof{}, refuse(http.StatusNotFound, "transaction %s waits for a block: there is no proof before it is mined", id)
	}
	return a.chain.Proof(id) // it has been mined meanwhile
}
