package p2p

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

const (
	whatIsTimeout = 3 * time.Second // for the answer of something that is no node
	maxWhatIs     = 64 << 10        // bytes of that answer which are read
)

// explain replaces the error of a Connect by a sentence that says what is at the
// address, if something has answered there that is no node. It returns any other error
// unchanged.
func (n *Network) explain(ctx context.Context, address gossip.Address, err error) error {
	var no gossip.NotNode
	if !errors.As(err, &no) {
		return err
	}
	return gossip.NotNode{What: fmt.Sprintf("%s %s", address, n.client.whatIs(ctx, address, strings.TrimSuffix(no.What, isNodeThere)))}
}

// whatIs finds out what is at an address, and returns the end of a sentence that begins
// with the address. It recognises other programs by what they answer to GET /chain.
// seen is what was answered to a request of the protocol.
func (c *client) whatIs(ctx context.Context, address gossip.Address, seen string) string {
	ctx, cancel := context.WithTimeout(ctx, whatIsTimeout)
	defer cancel()
	unknown := "is a web server, or something like it, and no node: it " + seen
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(address)+"/chain?limit=1", nil)
	if err != nil {
		return unknown
	}
	req.Header.Set("User-Agent", "lode")
	resp, err := c.http.Do(req)
	if err != nil {
		return unknown
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return unknown
	}
	first, ok := firstOfChain(io.LimitReader(resp.Body, maxWhatIs))
	if !ok {
		return unknown
	}
	if _, ours := first["merkle_root"]; ours {
		return "is the API of a Lode node, but its routes under /p2p/ are not there: it " + seen + "; a proxy in front of the node has to pass these routes on"
	}
	for _, field := range []string{"index", "transactions", "timestamp", "previous_hash", "nonce"} {
		if _, has := first[field]; !has {
			return unknown
		}
	}
	return "is a node of the original tutorial: Lode and it cannot be on one network"
}

// firstOfChain reads the answer to GET /chain of a node of the original tutorial, or of
// Lode, which has the same form: {"length": 1, "chain": [{...}], "peers": [...]}. It
// returns the first block as far as it is needed to tell the two apart. The rest may be
// too long to be read.
func firstOfChain(r io.Reader) (first map[string]json.RawMessage, ok bool) {
	d := json.NewDecoder(r)
	if next, err := d.Token(); err != nil || next != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		if name != "chain" {
			var skipped json.RawMessage
			if d.Decode(&skipped) != nil {
				return nil, false
			}
			continue
		}
		if next, err := d.Token(); err != nil || next != json.Delim('[') || !d.More() {
			return nil, false
		}
		return first, d.Decode(&first) == nil
	}
	return nil, false
}
