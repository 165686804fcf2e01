package api

import (
	"net/http"

	"github.com/lodepow/lode/chain/block"
)

// Words for refusals that are not the verdict of a rule of the chain, for which package
// block has the words. Programs read them, so they never change. docs/http.md lists
// them.
const (
	reasonRequest      block.Reason = "bad-request"
	reasonMalformed    block.Reason = "malformed"
	reasonAddress      block.Reason = "bad-address"
	reasonToken        block.Reason = "no-token"
	reasonForbidden    block.Reason = "forbidden"
	reasonNotFound     block.Reason = "not-found"
	reasonMethod       block.Reason = "bad-method"
	reasonSlow         block.Reason = "too-slow"
	reasonOversize     block.Reason = "oversize"
	reasonType         block.Reason = "bad-content-type"
	reasonKey          block.Reason = "key-reused"
	reasonNotConnected block.Reason = "not-connected"
	reasonBusy         block.Reason = "busy"
	reasonPoolFull     block.Reason = "mempool-full"
	reasonShutdown     block.Reason = "shutting-down"
	reasonNoSpace      block.Reason = "no-space"
	reasonBroken       block.Reason = "disk-failed"
	reasonNoMiner      block.Reason = "no-miner"
	reasonNoPeers      block.Reason = "no-peers"
)

// reasons lists these words.
func reasons() []block.Reason {
	return []block.Reason{
		reasonRequest, reasonMalformed, reasonAddress, reasonToken, reasonForbidden, reasonNotFound, reasonMethod, reasonSlow, reasonOversize,
		reasonType, reasonKey, reasonNotConnected, reasonBusy, reasonPoolFull, reasonShutdown, reasonNoSpace, reasonBroken, reasonNoMiner, reasonNoPeers,
	}
}

// reasonOf returns the word for a refusal that has no word of its own. It is "" for
// status 500, which refuses nothing but says that the node has failed.
func reasonOf(status int) block.Reason {
	switch status {
	case http.StatusBadRequest:
		return reasonRequest
	case http.StatusUnauthorized:
		return reasonToken
	case http.StatusForbidden:
		return reasonForbidden
	case http.StatusNotFound:
		return reasonNotFound
	case http.StatusMethodNotAllowed:
		return reasonMethod
	case http.StatusRequestTimeout:
		return reasonSlow
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong:
		return reasonOversize
	case http.StatusUnsupportedMediaType:
		return reasonType
	case http.StatusUnprocessableEntity:
		return reasonKey
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return reasonNotConnected
	case http.StatusServiceUnavailable:
		return reasonBusy
	case http.StatusInsufficientStorage:
		return reasonNoSpace
	}
	return ""
}

// withReason gives a refusal another word than the one of its status. Other errors
// stay as they are.
func withReason(err error, reason block.Reason) error {
	if p, ok := err.(problem); ok { //nolint:errorlint // refusals are not wrapped
		p.reason = reason
		return p
	}
	return err
}
