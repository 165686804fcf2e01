package p2p

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// SessionHeader is the HTTP header that carries a session.
const SessionHeader = "Lode-Session"

// Content types.
const (
	typeJSON   = "application/json"
	typeBinary = "application/octet-stream"
	typeLines  = "application/x-ndjson"
)

// These bound the bodies in JSON, in bytes. Each leaves room for the longest list
// that the protocol allows and for fields that later versions may add.
const (
	maxHelloBytes     = 8 << 10 // of a Hello or a Welcome
	maxAnnounceBytes  = 192 << 10
	maxHashesBytes    = 64 << 10 // of a request that lists hashes
	maxPoolBytes      = 192 << 10
	maxAddressesBytes = 128 << 10
	maxRefusalBytes   = 4 << 10
)

// endpoint is the route for one kind of request, with the bounds of its bodies.
type endpoint struct {
	path       string
	method     string
	kind       string // content type of the answer
	maxRequest int64  // bytes of a request's body
	maxAnswer  int64  // bytes of an answer's body
	maxItems   int    // in the lists of a request, or of an answer in JSON
}

// endpoints has the endpoints of a network. Their bounds depend on maxBlock, the
// most bytes that a block of the network has in its binary form.
type endpoints struct{ maxBlock int64 }

func newEndpoints(p rules.Params) endpoints {
	l := p.Limits()
	const varint = 5 // the most bytes that a length or a count takes
	return endpoints{maxBlock: int64(l.BlockBytes) + varint*int64(l.BlockTxs+2)}
}

func (e endpoints) paths() []string {
	return []string{"/p2p/hello", "/p2p/announce", "/p2p/headers", "/p2p/blocks", "/p2p/txs", "/p2p/pool", "/p2p/addresses"}
}

// at returns the endpoint at a path, and an empty request of its kind.
func (e endpoints) at(path string) (endpoint, gossip.Request, bool) {
	for _, r := range []gossip.Request{
		gossip.Hello{}, gossip.Announce{}, gossip.GetHeaders{}, gossip.GetBlocks{}, gossip.GetTxs{}, gossip.GetPool{}, gossip.GetAddresses{},
	} {
		if ep := e.of(r); ep.path == path {
			return ep, r, true
		}
	}
	return endpoint{}, nil, false
}

// of returns the endpoint for a request.
func (e endpoints) of(r gossip.Request) endpoint {
	const post, get = http.MethodPost, http.MethodGet
	switch r := r.(type) {
	case gossip.Hello:
		return endpoint{"/p2p/hello", post, typeJSON, maxHelloBytes, maxHelloBytes, 16}
	case gossip.Announce:
		return endpoint{"/p2p/announce", post, typeJSON, maxAnnounceBytes, maxHelloBytes, gossip.MaxAnnounced}
	case gossip.GetHeaders:
		return endpoint{"/p2p/headers", post, typeBinary, maxHashesBytes, gossip.MaxHeaders * pow.HeaderSize, gossip.MaxLocator}
	case gossip.GetBlocks:
		// An answer has no more blocks than the request asked for. It has at most
		// BlocksBytes, unless its first block alone is longer.
		most := min(gossip.BlocksBytes+e.maxBlock, int64(len(r.Hashes))*(e.maxBlock+binary.MaxVarintLen32))
		return endpoint{"/p2p/blocks", post, typeBinary, maxHashesBytes, most, gossip.MaxBlocks}
	case gossip.GetTxs:
		return endpoint{"/p2p/txs", post, typeLines, maxHashesBytes, gossip.TxsBytes + block.MaxTxText, gossip.MaxTxs}
	case gossip.GetPool:
		return endpoint{"/p2p/pool", get, typeJSON, 0, maxPoolBytes, gossip.MaxPoolPage}
	case gossip.GetAddresses:
		return endpoint{"/p2p/addresses", get, typeJSON, 0, maxAddressesBytes, gossip.MaxAddresses}
	}
	panic(fmt.Sprintf("p2p: no endpoint for %T", r))
}

// encodeRequest returns a request's query and body.
func encodeRequest(r gossip.Request) (query string, body []byte, err error) {
	switch r := r.(type) {
	case gossip.GetPool:
		return url.Values{"from": {strconv.Itoa(r.From)}, "limit": {strconv.Itoa(r.Limit)}}.Encode(), nil, nil
	case gossip.GetAddresses:
		return "", nil, nil
	}
	body, err = json.Marshal(r)
	return "", body, err
}

// decodeRequest decodes a request of the same kind as r.
func decodeRequest(ep endpoint, r gossip.Request, query url.Values, body []byte) (gossip.Request, error) {
	switch r := r.(type) {
	case gossip.Hello:
		err := decodeJSON(ep, body, &r)
		if err == nil {
			err = checkGreeting(r.Greeting)
		}
		return r, err
	case gossip.Announce:
		err := decodeJSON(ep, body, &r)
		for _, b := range r.Blocks {
			if err == nil && b.Age < 0 {
				err = fmt.Errorf("block %s has the age %d", b.Hash, b.Age)
			}
		}
		return r, err
	case gossip.GetHeaders:
		return r, decodeJSON(ep, body, &r)
	case gossip.GetBlocks:
		return r, decodeJSON(ep, body, &r)
	case gossip.GetTxs:
		return r, decodeJSON(ep, body, &r)
	case gossip.GetPool:
		var err error
		if r.From, err = strconv.Atoi(query.Get("from")); err != nil {
			return r, fmt.Errorf("parameter from is %.20q: want a number", query.Get("from"))
		}
		if r.Limit, err = strconv.Atoi(query.Get("limit")); err != nil {
			return r, fmt.Errorf("parameter limit is %.20q: want a number", query.Get("limit"))
		}
		return r, nil
	}
	return r, nil
}

// encodeAnswer returns the body of an answer. The server does not use it for
// blocks, which it sends as they are stored; see sendBlocks.
func encodeAnswer(a gossip.Answer) ([]byte, error) {
	switch a := a.(type) {
	case gossip.Headers:
		return appendHeaders(nil, a), nil
	case gossip.Blocks:
		return appendBlocks(nil, a)
	case gossip.Txs:
		return appendTxs(nil, a), nil
	case gossip.Pool:
		if a.IDs == nil {
			a.IDs = []pow.Hash{}
		}
		return json.Marshal(a)
	case gossip.Addresses:
		if a.Addresses == nil {
			a.Addresses = []gossip.Address{}
		}
		return json.Marshal(a)
	}
	return json.Marshal(a)
}

// decodeAnswer decodes the answer to a request. The error of a body that cannot be
// such an answer is a [gossip.Fault].
func (e endpoints) decodeAnswer(r gossip.Request, body []byte) (gossip.Answer, error) {
	ep := e.of(r)
	switch r.(type) {
	case gossip.Hello:
		var a gossip.Welcome
		err := decodeJSON(ep, body, &a)
		if err == nil {
			err = checkGreeting(a.Greeting)
		}
		return a, malformed(err)
	case gossip.Announce:
		return gossip.Done{}, malformed(decodeJSON(ep, body, &struct{}{}))
	case gossip.GetHeaders:
		return parseHeaders(body)
	case gossip.GetBlocks:
		return e.parseBlocks(body)
	case gossip.GetTxs:
		return parseTxs(body)
	case gossip.GetPool:
		var a gossip.Pool
		if err := decodeJSON(ep, body, &a); err != nil {
			return a, malformed(err)
		}
		switch {
		case len(a.IDs) > gossip.MaxPoolPage:
			return a, oversize("%d ids, at most %d", len(a.IDs), gossip.MaxPoolPage)
		case a.Total < 0:
			return a, malformed(fmt.Errorf("%d transactions in all", a.Total))
		}
		return a, nil
	case gossip.GetAddresses:
		var a gossip.Addresses
		if err := decodeJSON(ep, body, &a); err != nil {
			return a, malformed(err)
		}
		if len(a.Addresses) > gossip.MaxAddresses {
			return a, oversize("%d addresses, at most %d", len(a.Addresses), gossip.MaxAddresses)
		}
		return a, nil
	}
	panic(fmt.Sprintf("p2p: no answer to %T", r))
}

// decodeJSON decodes one JSON object. It ignores unknown fields, so that later
// versions can add some. Lists that are far too long are refused before they take
// memory; the callers check the exact bounds.
func decodeJSON(ep endpoint, body []byte, to any) error {
	if commas := bytes.Count(body, []byte{','}); commas > 4*ep.maxItems+64 {
		return fmt.Errorf("%d items, at most %d", commas, ep.maxItems)
	}
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return fmt.Errorf("want a JSON object")
	}
	return explainJSON(json.Unmarshal(body, to))
}

// explainJSON replaces an error that names types of this program. Other errors stay as
// they are: they say where the text is no JSON, or come from a type that reads itself
// from text.
func explainJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("byte %d: a %s where something else is wanted", wrong.Offset, wrong.Value)
	}
	return err
}

func checkGreeting(g gossip.Greeting) error {
	switch {
	case g.Address == "":
		return fmt.Errorf("address is missing")
	case len(g.Network) > 64:
		return fmt.Errorf("network has %d characters", len(g.Network))
	case g.Tip.Height < 0:
		return fmt.Errorf("tip has the height %d", g.Tip.Height)
	case g.Node == gossip.NodeID{}:
		return fmt.Errorf("node_id is missing")
	}
	return nil
}

// malformed turns an error into a [gossip.Fault]. nil stays nil.
func malformed(err error) error {
	if err == nil {
		return nil
	}
	return gossip.Fault{Reason: gossip.FaultMalformed, Detail: err.Error()}
}

// oversize returns a [gossip.Fault] for an answer that is too long.
func oversize(format string, args ...any) error {
	return gossip.Fault{Reason: gossip.FaultOversize, Detail: fmt.Sprintf(format, args...)}
}
