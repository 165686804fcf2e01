package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/lodepow/lode/node/gossip"
)

// The flags --peer and --node take the address of a node, with http:// or https:// before it
// or without. Without a scheme it is that of a node that speaks HTTP.

// peerAddress is the address of another node as a user types it.
type peerAddress gossip.Address

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *peerAddress) UnmarshalText(text []byte) error {
	if err := checkWord(string(text)); err != nil {
		return err
	}
	parsed, err := gossip.ParseAddress(string(text))
	if err == nil {
		*a = peerAddress(parsed)
	}
	return err
}

// nodeURL is the address of the node that a command asks, as a user types it. With a scheme it
// may have a path, for a node behind a proxy.
type nodeURL string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (u *nodeURL) UnmarshalText(text []byte) error {
	typed := string(text)
	if err := checkWord(typed); err != nil {
		return err
	}
	if !strings.Contains(typed, "://") {
		parsed, err := gossip.ParseAddress(typed)
		if err == nil {
			*u = nodeURL(parsed)
		}
		return err
	}
	base, err := url.Parse(typed)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return fmt.Errorf("%q: want http://HOST:PORT, such as http://127.0.0.1:8000", typed)
	}
	*u = nodeURL(typed)
	return nil
}

// checkWord returns an error if the address of a node is a number or a bare word. These would
// be valid names of hosts at port 80, but nobody who writes --peer junk or --node 8001 means
// that.
func checkWord(text string) error {
	word := strings.Trim(text, "/ ")
	if _, err := strconv.ParseUint(word, 10, 16); err == nil {
		return fmt.Errorf("%q: want http://HOST:PORT, for a node on this machine http://127.0.0.1:%s", text, word)
	}
	if !strings.ContainsAny(word, ".:") {
		return fmt.Errorf("%q: want http://HOST:PORT, such as http://127.0.0.1:8001", text)
	}
	return nil
}
