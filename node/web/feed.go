package web

import (
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// feedBody is what the template of the feed gets.
type feedBody struct {
	Posts  []post
	First  bool   // the newest posts, of all authors
	Author string // only posts of this author; "": of all
	Name   text   // the author, to be shown
	Text   string // only posts with this text; "": all
	About  text   // the text, to be shown
	Older  string // the address of the page with older posts; "": there are none

	// Of a search for a text: how many posts were looked at, in which blocks, and whether
	// the search can go on.
	Searched  bool
	Looked    int
	High, Low int64
	Cut       bool

	PendingFrom int // of a page of pending posts: how many come before it
	PendingPage bool
	MorePending int // pending posts that this page does not show

	Compose form
}

// form is what a form shows that a reader has filled in and that could not be done.
type form struct {
	Author, Content string
	Address         string
	Key             string // keeps the form from being submitted twice
}

func (w *Web) newForm() form {
	var key [16]byte
	_, _ = w.rand.Read(key[:]) // crypto/rand never fails; with a source that does, two forms have the same key
	return form{Key: hex.EncodeToString(key[:])}
}

// feed shows the newest posts, those of an author, those with a text, or those that wait
// for a block.
func (w *Web) feed(r *http.Request) (answer, error) {
	if text := strings.ToLower(strings.TrimSpace(r.Form.Get("q"))); len(text) == 2*pow.HashSize && r.Form.Get("author") == "" {
		if id, err := pow.ParseHash(text); err == nil {
			if _, err := w.chain.FindTx(id); err == nil {
				return answer{redirect: "/explorer/tx/" + id.String()}, nil
			}
		}
	}
	body, err := w.feedBody(r)
	if err != nil {
		return answer{}, err
	}
	return answer{page: "feed", data: page{Name: "feed", Title: "Posts", Body: body}}, nil
}

func (w *Web) feedBody(r *http.Request) (feedBody, error) {
	q := r.Form
	body := feedBody{Author: q.Get("author"), Text: strings.TrimSpace(q.Get("q")), Compose: w.newForm()}
	if len(body.Text) > maxText {
		return body, badRequest("the text to search for has %d bytes, at most %d are read", len(body.Text), maxText)
	}
	body.Name, body.About = show(body.Author, nameBytes, 1), show(body.Text, nameBytes, 1)
	before, err := parseCursor(q.Get("before"))
	if err != nil {
		return body, err
	}
	switch {
	case q.Has("pending"):
		from, err := digits(q.Get("pending"), math.MaxInt32)
		if err != nil {
			return body, badRequest("the place %.40q among the pending posts is no number", q.Get("pending"))
		}
		w.pendingPage(&body, int(from))
		return body, nil
	case body.Text != "":
		return body, w.searchText(r, &body, before)
	case body.Author != "":
		return body, w.postsOf(r, &body, chain.TxOwner{Author: body.Author}, before, "/?author="+url.QueryEscape(body.Author)+"&before=")
	}
	body.First = before.IsZero()
	if body.First {
		total, _ := w.chain.PendingCount()
		body.MorePending = max(0, total-pendingOnFirst)
	}
	return body, w.postsOf(r, &body, chain.TxOwner{}, before, "/?before=")
}

// pendingPage lists pending posts in the order in which they will be mined.
func (w *Web) pendingPage(body *feedBody, from int) {
	total, _ := w.chain.PendingCount()
	body.PendingPage, body.PendingFrom = true, min(from, total)
	for _, tx := range w.chain.Pending(from, postsOnPage) {
		body.Posts = append(body.Posts, newPost(tx))
	}
	if next := from + len(body.Posts); len(body.Posts) > 0 && next < total {
		body.Older = fmt.Sprintf("/?pending=%d", next)
	}
}

// searchText lists the posts with a text, of all authors or of one.
func (w *Web) searchText(r *http.Request, body *feedBody, before chain.TxCursor) error {
	found, err := w.scan(r.Context(), chain.TxOwner{Author: body.Author}, before, postsOnPage, matcher(body.Text))
	if err != nil {
		return err
	}
	body.Posts = allPlaced(found.Posts, w.chain.Tip().Height)
	body.Searched, body.Looked, body.High, body.Low, body.Cut = true, found.Looked, found.High, found.Low, found.Cut
	if found.More {
		next := url.Values{"q": {body.Text}, "before": {cursorText(found.Next)}}
		if body.Author != "" {
			next.Set("author", body.Author)
		}
		body.Older = "/?" + next.Encode()
	}
	return nil
}

// matcher returns a function that reports whether a post contains a text, whatever the
// case of the letters.
func matcher(about string) func(block.Tx) bool {
	about = strings.ToLower(about)
	return func(tx block.Tx) bool { return strings.Contains(strings.ToLower(tx.Content()), about) }
}

// postsOf lists the posts of an author, of a key or of everybody, which the node finds by
// its index: those that wait for a block first, then those in blocks. The address of the
// next page is more with the place appended.
func (w *Web) postsOf(r *http.Request, body *feedBody, owner chain.TxOwner, before chain.TxCursor, more string) error {
	want := postsOnPage
	if before.IsZero() {
		for _, tx := range w.chain.PendingOf(owner, pendingOnFirst) {
			body.Posts = append(body.Posts, newPost(tx))
		}
		want -= len(body.Posts)
	}
	places, next, goesOn, err := w.list(r.Context(), owner, before, want)
	if err != nil {
		return err
	}
	body.Posts = append(body.Posts, allPlaced(places, w.chain.Tip().Height)...)
	if goesOn {
		body.Older = more + cursorText(next)
	}
	return nil
}

// author shows the posts of an author whose name is in the path.
func (w *Web) author(r *http.Request) (answer, error) {
	name := r.PathValue("name")
	if name == "" {
		return answer{}, notFound("this address lacks the name of an author: it is /author/NAME")
	}
	before, err := parseCursor(r.Form.Get("before"))
	if err != nil {
		return answer{}, err
	}
	body := feedBody{Author: name, Name: show(name, nameBytes, 1)}
	if err := w.postsOf(r, &body, chain.TxOwner{Author: name}, before, "/?author="+url.QueryEscape(name)+"&before="); err != nil {
		return answer{}, err
	}
	return answer{page: "author", data: page{Name: "author", Title: "Posts of " + show(name, nameBytes, 1).String(), Body: body}}, nil
}

// accountBody is what the template of an account gets.
type accountBody struct {
	feedBody
	Key   string
	Names []text // under which the posts on this page were written
}

// account shows the posts that a key has signed.
func (w *Web) account(r *http.Request) (answer, error) {
	key := strings.ToLower(r.PathValue("key"))
	if raw, err := hex.DecodeString(key); err != nil || len(raw) != 32 {
		return answer{}, badRequest("%.70q is no public key: want 64 hex digits", r.PathValue("key"))
	}
	before, err := parseCursor(r.Form.Get("before"))
	if err != nil {
		return answer{}, err
	}
	body := accountBody{Key: key}
	if err := w.postsOf(r, &body.feedBody, chain.TxOwner{Key: key}, before, "/account/"+key+"?before="); err != nil {
		return answer{}, err
	}
	seen := map[string]bool{}
	for _, p := range body.Posts {
		if name := p.Author.String(); !seen[name] {
			seen[name] = true
			body.Names = append(body.Names, p.Author)
		}
	}
	return answer{page: "account", data: page{Name: "account", Title: "Account " + short(key), Body: body}}, nil
}
