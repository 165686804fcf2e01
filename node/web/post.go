package web

import (
	"net/url"
	"regexp"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// The states of a post, which scripts read in the attribute data-state.
const (
	statePending  = "pending"
	stateMined    = "mined"
	stateChanging = "changing" // its block is just joining or leaving the active branch
)

// post is a post as pages show it.
type post struct {
	ID      string
	Author  text
	Content text
	Size    int // bytes of the canonical form

	AuthorURL string // ""; the name is too long for an address
	Key       string // "": the post is not signed
	Time      time.Time
	Timed     bool // Time is set
	Seconds   string

	State         string
	Block         string
	Height        int64
	Index         int // of the leaf in the merkle tree
	Confirmations int64
}

// Signed reports whether the post has a signature, which the node has then verified.
func (p post) Signed() bool { return p.Key != "" }

// newPost prepares a pending post.
func newPost(tx block.Tx) post { return newPostOf(tx, excerptBytes, excerptLines) }

func newPostOf(tx block.Tx, most, lines int) post {
	p := post{
		ID: tx.ID().String(), Author: show(tx.Author(), nameBytes, 1), Content: show(tx.Content(), most, lines),
		Size: tx.Size(), AuthorURL: authorURL(tx.Author()), Key: tx.PublicKey(), State: statePending,
	}
	p.Time, p.Timed = timeOf(tx.Timestamp())
	if !p.Timed {
		p.Seconds = figure(tx.Timestamp()) + " s"
	}
	return p
}

// placed prepares a post that is in a block of the active branch, whose tip is at a
// height.
func placed(at chain.TxPlace, tip int64) post {
	p := newPost(at.Tx)
	if !at.Pending {
		p.State, p.Block, p.Height, p.Index = stateMined, at.Block.String(), at.Height, at.Index
		p.Confirmations = max(1, tip-at.Height+1)
	}
	return p
}

func allPlaced(places []chain.TxPlace, tip int64) []post {
	posts := make([]post, len(places))
	for i, place := range places {
		posts[i] = placed(place, tip)
	}
	return posts
}

// plainName matches the names that can be a part of a path. Other names could be changed
// on their way, such as by a browser that takes ".." for the folder above.
var plainName = regexp.MustCompile(`^[\p{L}\p{N}_-]{1,64}$`)

// maxNameInURL is the length in bytes of the longest name that is written into an
// address. A longer one would exceed what servers and browsers read.
const maxNameInURL = 1024

// authorURL returns the address of the page with the posts of an author, or "" if the
// name is too long for one.
func authorURL(name string) string {
	switch {
	case plainName.MatchString(name):
		return "/author/" + url.PathEscape(name)
	case len(name) > maxNameInURL:
		return ""
	}
	return "/?author=" + url.QueryEscape(name)
}
