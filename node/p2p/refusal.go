package p2p

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

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

// maxRetryAfter bounds for how long a peer can make this node wait.
const maxRetryAfter = time.Hour

// isNodeThere ends the description of an answer that no node gives.
const isNodeThere = ": is a lode node there?"

// maxAdvice bounds the sentence of another node that is shown, in bytes.
const maxAdvice = 200

// decodeRefusal returns the error that an answer other than 200 reports: a
// [gossip.Refusal]; or if the answer is not one of the protocol, a [gossip.NotNode], or
// another error if a node may be there that cannot be reached this way or for now.
func decodeRefusal(resp *http.Response, body []byte) error {
	var r gossip.Refusal
	if json.Unmarshal(body, &r) != nil || !slices.Contains(RefusalReasons(), r.Reason) {
		text := fmt.Sprintf("answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
		if advice := adviceOf(body); advice != "" {
			text += ": " + advice
		} else {
			text += isNodeThere
		}
		switch {
		case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode == http.StatusForbidden:
			return errors.New(text)
		}
		return gossip.NotNode{What: text}
	}
	if len(r.Message) > maxAdvice {
		r.Message = strings.ToValidUTF8(r.Message[:maxAdvice], "")
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		r.RetryAfter = min(time.Duration(min(seconds, 1<<20))*time.Second, maxRetryAfter)
	}
	return r
}

// adviceOf returns the sentence of an error that a node's API has answered with, such
// as how the node wants to be called; or "" if there is none.
func adviceOf(body []byte) string {
	var e struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, e.Error)
	if len(printable) > maxAdvice {
		printable = strings.ToValidUTF8(printable[:maxAdvice], "")
	}
	return printable
}

// sendRefusal answers with an error. An error that is not a [gossip.Refusal] means
// a bad request. If status is 0, it follows from the refusal's reason.
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
