package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// Words for refusals that are not the verdict of a rule of the chain, for which package
// block has the words. docs/http.md says when a node uses each of them.
const (
	BadRequest     block.Reason = "bad-request"
	Malformed      block.Reason = "malformed"
	BadAddress     block.Reason = "bad-address"
	NoToken        block.Reason = "no-token"
	Forbidden      block.Reason = "forbidden"
	NotFound       block.Reason = "not-found"
	BadMethod      block.Reason = "bad-method"
	TooSlow        block.Reason = "too-slow"
	Oversize       block.Reason = "oversize"
	BadContentType block.Reason = "bad-content-type"
	KeyReused      block.Reason = "key-reused"
	NotConnected   block.Reason = "not-connected"
	Busy           block.Reason = "busy"
	MempoolFull    block.Reason = "mempool-full"
	ShuttingDown   block.Reason = "shutting-down"
	NoSpace        block.Reason = "no-space"
	DiskFailed     block.Reason = "disk-failed"
	NoMiner        block.Reason = "no-miner"
	NoPeers        block.Reason = "no-peers"
)

// Status is an HTTP status. It is an error only so that it can be the target of
// [errors.Is].
type Status int

// Error returns the status with its usual text, such as "404 Not Found".
func (s Status) Error() string { return fmt.Sprintf("%d %s", int(s), http.StatusText(int(s))) }

// maxSentence is the number of bytes that are kept of the text of a refusal. The
// sentences of a node are shorter; something else may answer at its address.
const maxSentence = 4 << 10

// Error is an answer of the node that refuses a call, or that does not have the form
// which the API describes.
type Error struct {
	Method, Path string
	Status       int           // of the answer
	Reason       block.Reason  // the word for the refusal; "" if the answer had none
	Sentence     string        // what was wrong and what to do; may be empty
	RetryAfter   time.Duration // how long to wait before the next try; 0: the node named no time
}

// Error returns the status and the sentence.
func (e *Error) Error() string {
	if e.Sentence == "" {
		return fmt.Sprintf("the node answered %s", Status(e.Status).Error())
	}
	return fmt.Sprintf("the node answered %s: %s", Status(e.Status).Error(), e.Sentence)
}

// Is reports whether the target is the word of the refusal, a [block.Reason], or its
// [Status].
func (e *Error) Is(target error) bool {
	var reason block.Reason
	if errors.As(target, &reason) {
		return reason != "" && reason == e.Reason
	}
	var status Status
	return errors.As(target, &status) && int(status) == e.Status
}

// sentenceOf returns the text of a refusal for people: in one piece, without control
// characters, which could change what a terminal shows, and not too long.
func sentenceOf(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > maxSentence {
		text = strings.ToValidUTF8(text[:maxSentence], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
}
