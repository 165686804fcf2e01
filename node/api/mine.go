package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lodepow/lode/pow"
)

// mine has the pending transactions mined and answers when that is done. If the
// client leaves earlier, the search goes on. It also goes on if the client wants to wait
// for a shorter time and says so; see waitOf.
func (a *API) mine(w *writer, r *http.Request) error {
	if r.Method == http.MethodGet {
		if err := a.allowMining(w, r); err != nil {
			return err
		}
	}
	body := a.buffer() // read, but ignored
	err := readBody(w, r, body, 64<<10)
	a.release(body)
	if err != nil {
		return err
	}
	if a.miner == nil {
		return withReason(refuse(http.StatusServiceUnavailable, "this node does not mine"), reasonNoMiner)
	}

	// If the deadline for reading passed during the wait, the server would cancel
	// the request's context as if the client had left. So there is none.
	w.readBy(time.Time{})
	wait := a.limits.mineWait
	if seconds, ok := waitOf(r); ok && seconds < int64(wait/time.Second) {
		wait = time.Duration(seconds) * time.Second
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	b, mined, err := a.miner.Mine(ctx)
	w.writeBy(time.Now().Add(a.limits.timeout))

	type answer struct {
		Message string    `json:"message"`
		Mined   bool      `json:"mined"`
		Height  *int64    `json:"height,omitempty"`
		Hash    *pow.Hash `json:"hash,omitempty"`
	}
	switch {
	case err == nil && mined:
		height, hash := b.Height(), b.Hash()
		text := fmt.Sprintf("Block #%d is mined.", height)
		a.say(w, r, http.StatusOK, text, func() any { return answer{text, true, &height, &hash} })
	case err == nil:
		const text = "No transactions to mine"
		a.say(w, r, http.StatusOK, text, func() any { return answer{Message: text} })
	case a.closing.Err() != nil:
		return errShutdown
	case r.Context().Err() != nil:
		return errGone
	case ctx.Err() != nil:
		const text = "Mining goes on: /status shows how far it is"
		a.say(w, r, http.StatusAccepted, text, func() any { return answer{Message: text} })
	default:
		return fmt.Errorf("mine: %w", err)
	}
	return nil
}

// allowMining prevents web pages of other sites from mining by means of an image
// or a script. A GET ought to change nothing, but in the original GET /mine does.
// The original's front-end has a link to it, so a navigation is allowed. For POST,
// the rule of all posts applies; see allow.
func (a *API) allowMining(w *writer, r *http.Request) error {
	if w.trusted {
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return nil
	}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		return nil
	}
	return refuse(http.StatusForbidden, "a page of another origin may not make this node mine, except by a link to /mine")
}
