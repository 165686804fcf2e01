package web

import (
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"

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

	// Of a search for a text: the heights that were looked at, and whether it can go on.
	Searched  bool
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
	body, err := w.feedBody(r)
	if err != nil {
		return answer{}, err
	}
	if at := strings.ToLower(strings.TrimSpace(body.Text)); len(at) == 2*pow.HashSize && body.Author == "" {
		if id, err := pow.ParseHash(at); err == nil {
			if _, err := w.chain.FindTx(id); err == nil {
				return answer{redirect: "/explorer/tx/" + id.String()}, nil
			}
		}
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
	case body.Author != "" && body.Text == "":
		return body, w.postsOf(&body, TxOwner{Author: body.Author}, before, "/?author="+url.QueryEscape(body.Author)+"&before=")
	}
	return body, w.newest(r, &body, before)
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

// newest lists posts from a place on, all of them or those that the reader looks for.
func (w *Web) newest(r *http.Request, body *feedBody, before TxCursor) error {
	match := func(block.Tx) bool { return true }
	want := postsOnPage
	if body.Text != "" {
		match = matcher(body.Text, body.Author)
	} else if before == (TxCursor{}) {
		body.First = true
		want -= w.pendingFirst(body)
	}
	found, err := w.scan(r.Context(), before, want, match)
	if err != nil {
		return err
	}
	body.Posts = append(body.Posts, allPlaced(found.Posts, w.chain.Tip().Height)...)
	body.Searched = body.Text != "" || found.Cut
	body.High, body.Low, body.Cut = found.High, found.Low, found.Cut
	if found.More {
		next := url.Values{}
		if body.Text != "" {
			next.Set("q", body.Text)
		}
		if body.Author != "" {
			next.Set("author", body.Author)
		}
		next.Set("before", found.Next.urlText())
		body.Older = "/?" + next.Encode()
	}
	return nil
}

// pendingFirst puts the latest pending posts at the top of the feed, and returns how
// many.
func (w *Web) pendingFirst(body *feedBody) int {
	total, _ := w.chain.PendingCount()
	latest := w.chain.Pending(max(0, total-pendingOnFirst), pendingOnFirst)
	for i := len(latest) - 1; i >= 0; i-- {
		body.Posts = append(body.Posts, newPost(latest[i]))
	}
	body.MorePending = max(0, total-len(latest))
	return len(latest)
}

// matcher returns a function that reports whether a post contains a text, whatever the
// case of the letters, and is of an author, unless that is empty.
func matcher(about, author string) func(block.Tx) bool {
	about = strings.ToLower(about)
	return func(tx block.Tx) bool {
		return (author == "" || tx.Author() == author) && strings.Contains(strings.ToLower(tx.Content()), about)
	}
}

// postsOf lists the posts of an author or of a key, which the node finds by its index.
// The address of the next page is more with the place appended.
func (w *Web) postsOf(body *feedBody, owner TxOwner, before TxCursor, more string) error {
	places, next, goesOn, err := w.chain.TxsOf(owner, before, postsOnPage)
	if err != nil {
		return err
	}
	if before == (TxCursor{}) {
		body.Posts = w.pendingOf(owner)
	}
	body.Posts = append(body.Posts, allPlaced(places, w.chain.Tip().Height)...)
	if goesOn {
		body.Older = more + url.QueryEscape(next.urlText())
	}
	return nil
}

// pendingOf returns the latest pending posts of an author or of a key. There is no index
// of pending posts, so it looks at a bounded number of them.
func (w *Web) pendingOf(owner TxOwner) []post {
	const looked = 1000
	total, _ := w.chain.PendingCount()
	var posts []post
	latest := w.chain.Pending(max(0, total-looked), looked)
	for i := len(latest) - 1; i >= 0 && len(posts) < pendingOnFirst; i-- {
		tx := latest[i]
		if owner.Author != "" && tx.Author() == owner.Author || owner.Key != "" && tx.PublicKey() == owner.Key {
			posts = append(posts, newPost(tx))
		}
	}
	return posts
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
	if err := w.postsOf(&body, TxOwner{Author: name}, before, "/?author="+url.QueryEscape(name)+"&before="); err != nil {
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
	if err := w.postsOf(&body.feedBody, TxOwner{Key: key}, before, "/account/"+key+"?before="); err != nil {
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
