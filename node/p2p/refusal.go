package p2p

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// statusOf returns the HTTP status of a refusal.
func statusOf(reason gossip.RefusalReason) int {
	switch reason {
	case gossip.WrongVersion, gossip.WrongNetwork, gossip.Self:
		return http.StatusConflict
	case gossip.Banned, gossip.UnknownSession:
		return http.StatusForbidden
	case gossip.Full:
		return http.StatusServiceUnavailable
	case gossip.Busy:
		return http.StatusTooManyRequests
	}
	return http.StatusBadRequest
}

// maxRetryAfter bounds what a peer may tell to wait.
const maxRetryAfter = time.Hour

// decodeRefusal reads an answer that is no success. One that is no refusal of
// the protocol, such as another server's 404, is an error of its own.
func decodeRefusal(resp *http.Response, body []byte) error {
	var r gossip.Refusal
	if json.Unmarshal(body, &r) != nil || !slices.Contains(RefusalReasons(), r.Reason) {
		return fmt.Errorf("answered %d %s: is a lode node there?", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if len(r.Message) > 200 {
		r.Message = r.Message[:200]
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		r.RetryAfter = min(time.Duration(min(seconds, 1<<20))*time.Second, maxRetryAfter)
	}
	return r
}

// sendRefusal answers with an error: the refusal that it is, or that the
// request was bad.
func (n *Network) sendRefusal(w http.ResponseWriter, status int, err error) {
	var r gossip.Refusal
	if !errors.As(err, &r) {
		r = gossip.Refusal{Reason: gossip.BadRequest, Message: err.Error()}
	}
	if status == 0 {
		status = statusOf(r.Reason)
	}
	n.tellRefused(r.Reason)
	header := w.Header()
	if r.RetryAfter > 0 {
		seconds := (r.RetryAfter + time.Second - 1) / time.Second
		header.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	body, err := json.Marshal(r)
	if err != nil {
		panic("p2p: refusal: " + err.Error()) // strings always marshal
	}
	header.Set("Content-Type", typeJSON)
	w.WriteHeader(status)
	written, _ := w.Write(append(body, '\n'))
	n.traffic.sent.Add(uint64(written))
}
