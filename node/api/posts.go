package api

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// newTransaction adds a transaction to the mempool. It answers when the
// transaction is on disk.
func (a *API) newTransaction(w *writer, r *http.Request) error {
	body := a.buffer()
	defer a.release(body)
	if err := readJSON(w, r, body, a.limits.txBytes, block.TxOversize); err != nil {
		return err
	}
	keys, ok := r.Header["Idempotency-Key"]
	if !ok {
		id, known, err := a.addTx(body.Bytes())
		if err != nil {
			return err
		}
		a.sayAdded(w, r, id, known)
		return nil
	}
	if len(keys) > 1 || !validKey(keys[0]) {
		return refuse(http.StatusBadRequest, "header Idempotency-Key: want one, of 1 to %d visible ASCII characters", maxKey)
	}
	id, known, err := a.posts.once(r.Context(), keys[0], pow.DoubleSHA256(body.Bytes()), func() (pow.Hash, bool, error) {
		return a.addTx(body.Bytes())
	})
	if err != nil {
		return err
	}
	a.sayAdded(w, r, id, known)
	return nil
}

func (a *API) addTx(post []byte) (id pow.Hash, known bool, err error) {
	tx, err := block.NewTx(post, a.stamp())
	if err != nil {
		return id, false, badBody(err)
	}
	outcome, err := a.chain.AddTx(tx)
	return tx.ID(), outcome == chain.TxKnown, err
}

// stamp returns the time in microseconds, and never the same time twice. The time
// that the node sets is the only difference between two posts with the same
// content, and so keeps their ids apart.
func (a *API) stamp() time.Time {
	for {
		last := a.stamped.Load()
		now := max(a.now().UnixMicro(), last+1)
		if a.stamped.CompareAndSwap(last, now) {
			return time.UnixMicro(now)
		}
	}
}

// sayAdded answers a post as the original does, and adds the header Location with
// the transaction's path.
func (a *API) sayAdded(w *writer, r *http.Request, id pow.Hash, known bool) {
	status, text := http.StatusCreated, "Success"
	if known {
		status, text = http.StatusOK, "Already pending"
	}
	w.Header().Set("Location", "/tx/"+id.String())
	a.say(w, r, status, text, func() any {
		return struct {
			Message string   `json:"message"`
			ID      pow.Hash `json:"id"`
		}{text, id}
	})
}

// getPending lists pending transactions in order of arrival. If there are more
// than fit in the page, the header Link has the address of the next page.
func (a *API) getPending(w *writer, r *http.Request) error {
	from, err := number(w.query, "from", 0, math.MaxInt32, 0)
	if err != nil {
		return err
	}
	limit, err := number(w.query, "limit", 1, maxPending, maxPending)
	if err != nil {
		return err
	}
	txs := a.chain.Pending(int(from), int(limit))
	total, _ := a.chain.PendingCount()
	w.Header().Set("X-Total-Count", fmt.Sprint(total))
	if next := int(from) + len(txs); len(txs) > 0 && next < total {
		w.Header().Set("Link", fmt.Sprintf(`</pending_tx?from=%d&limit=%d>; rel="next"`, next, limit))
	}
	w.Header().Set("Content-Type", typeJSON)
	return a.stream(w, r, func(s *stream) error {
		s.text("[")
		for i, tx := range txs {
			if i > 0 {
				s.text(",")
			}
			s.text(tx.String())
			if err := s.pause(); err != nil {
				return err
			}
		}
		s.text("]\n")
		return nil
	})
}
