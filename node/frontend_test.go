package node

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// frontEnd makes the requests that the original tutorial's front-end makes: a Flask
// application, which calls the node with the Python library requests, and whose page has a
// link to the node's /mine. It handles the answers as that program does. The only thing
// that the program knows of the node is its address.
type frontEnd struct {
	t       *testing.T
	address string
}

// frontEndPost is what its page shows of a post.
type frontEndPost struct {
	Author, Content string
	Timestamp       float64 // passed to datetime.fromtimestamp
	Index           int     // of the block
	Hash            string  // the block's previous_hash, which the program calls so
}

func (f frontEnd) do(method, path, body string, headers ...string) (status int, answer []byte) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.address+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	// What the library sends.
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

const (
	pythonAgent    = "python-requests/2.28.1"
	pythonEncoding = "gzip, deflate"
)

// posts is what the program does when somebody opens its page.
func (f frontEnd) posts() []frontEndPost {
	f.t.Helper()
	status, answer := f.do("GET", "/chain", "", "User-Agent", pythonAgent, "Accept-Encoding", pythonEncoding, "Accept", "*/*", "Connection", "keep-alive")
	if status != 200 {
		return nil
	}
	var chain struct {
		Chain []struct {
			Transactions []map[string]any
			Index        *int
			PreviousHash *string `json:"previous_hash"`
		}
	}
	if err := json.Unmarshal(answer, &chain); err != nil {
		f.t.Fatal(err)
	}
	posts := []frontEndPost{}
	for _, b := range chain.Chain {
		for _, tx := range b.Transactions {
			author, ok1 := tx["author"].(string)
			content, ok2 := tx["content"].(string)
			timestamp, ok3 := tx["timestamp"].(float64)
			if !ok1 || !ok2 || !ok3 || author == "" || b.Index == nil || b.PreviousHash == nil {
				f.t.Fatalf("the program would fail on %v in %s", tx, answer)
			}
			posts = append(posts, frontEndPost{author, content, timestamp, *b.Index, *b.PreviousHash})
		}
	}
	slices.SortStableFunc(posts, func(a, b frontEndPost) int { return cmp.Compare(b.Timestamp, a.Timestamp) })
	return posts
}

// submit is what the program does when somebody submits its form. It ignores the answer.
func (f frontEnd) submit(author, content string) {
	f.t.Helper()
	body, err := json.Marshal(map[string]string{"author": author, "content": content})
	if err != nil {
		f.t.Fatal(err)
	}
	f.do("POST", "/new_transaction", string(body),
		"User-Agent", pythonAgent, "Accept-Encoding", pythonEncoding, "Accept", "*/*", "Connection", "keep-alive", "Content-type", "application/json")
}

// followLink is what a browser does when somebody follows the page's link to /mine, which
// opens in a new tab.
func (f frontEnd) followLink() (status int, text string) {
	f.t.Helper()
	status, answer := f.do("GET", "/mine", "",
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Referer", "http://127.0.0.1:5000/", "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-site", "Sec-Fetch-User", "?1")
	return status, string(answer)
}

// TestOriginalFrontEnd uses a node through the front-end of the original tutorial, which
// is pointed at the node by its address alone.
func TestOriginalFrontEnd(t *testing.T) {
	n := startLive(t, Config{})
	f := frontEnd{t, n.url}
	if got := f.posts(); len(got) != 0 {
		t.Errorf("a new node has the posts %v", got)
	}
	start := time.Now()
	f.submit("ann", "hello <b>world</b> & \u202e𝄞")
	f.submit("", "nobody said this") // is refused, which the program does not notice
	f.submit("ben", "a second post")
	if got := f.posts(); len(got) != 0 {
		t.Errorf("posts that are not mined yet are shown: %v", got)
	}
	if status, text := f.followLink(); status != 200 || text != "Block #1 is mined." {
		t.Errorf("the link to /mine: %d %q", status, text)
	}
	got := f.posts()
	if len(got) != 2 || got[0].Author != "ben" || got[0].Content != "a second post" || got[1].Author != "ann" || got[1].Content != "hello <b>world</b> & \u202e𝄞" {
		t.Fatalf("the page shows %+v, want the two posts, the later one first", got)
	}
	for _, p := range got {
		if p.Index != 1 || len(p.Hash) != 64 {
			t.Errorf("%+v: want the block at height 1 and a hash", p)
		}
		if age := math.Abs(p.Timestamp - float64(start.Unix())); age > 3600 {
			t.Errorf("%+v: the time is no time of this test, in seconds", p)
		}
	}
	if status, text := f.followLink(); status != 200 || text != "No transactions to mine" {
		t.Errorf("the link to /mine, with nothing pending: %d %q", status, text)
	}
}
