package web

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
)

// hostile lists texts that want to be more than text.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`,
		`<img src=x onerror=alert(1)>`,
		`"><svg onload=alert(1)>`,
		`' onmouseover='alert(1)`,
		`javascript:alert(1)`,
		`{{.Token}}`,
		`</title></textarea></script><b>`,
		`<!--`,
		`]]>`,
		"a\u202egnp.exe",
		"\u2066\u2067\u2068nested",
		"zero\u200bwidth\ufefftext\u00ad",
		"line\u2028separator",
		"bell\u0007null\u0000escape\u001b[31m",
		"\U0001d54f 👩‍👩‍👧 \U0010ffff",
		"../../etc/passwd",
		"..",
		"a//b/",
		"a?b=c&d#e",
		"100%25%",
	}
}

// TestHostileText posts texts that try to break out of a page. On every page that shows
// them they are text: the elements of the page are the same as with a harmless text.
func TestHostileText(t *testing.T) {
	elements := func(author, content string) map[string]string {
		n := newTestNode(t, testSetup{})
		tx := n.post(author, content)
		n.page("/")
		b := n.mine(tx)
		shapes := map[string]string{}
		paths := map[string]string{
			"feed": "/", "post": "/explorer/tx/" + tx.ID().String(), "block": "/explorer/block/" + b.Hash().String(),
		}
		for name, path := range paths {
			doc := parse(t, n.page(path))
			var shape []string
			walk(doc, func(e *html.Node) {
				if attr(e, "class") == "hidden-code" {
					return
				}
				shape = append(shape, e.Data)
			})
			shapes[name] = strings.Join(shape, " ")
			if path == "/" {
				if href := attr(find(doc, "span", "author")[0].FirstChild, "href"); href != "" {
					if w := n.get(href); w.Code != 200 || !strings.Contains(w.Body.String(), `data-id="`+tx.ID().String()) {
						t.Errorf("the link %q to the author %q leads to %d without the post", href, author, w.Code)
					}
				}
				got := textOf(find(doc, "div", "content")[0])
				if want := visible(content); got != want {
					t.Errorf("the post %q is shown as %q, want %q", content, got, want)
				}
			}
		}
		return shapes
	}
	want := elements("ann", "text")
	for _, text := range hostile() {
		for name, shape := range elements(text, text) {
			if shape != want[name] {
				t.Errorf("%q changes the elements of the page %s", text, name)
			}
		}
	}
}

// visible returns a text as a page should show it.
func visible(s string) string {
	var b strings.Builder
	for _, p := range show(s, 1<<20, 1<<20).Parts {
		b.WriteString(p.Text + p.Code)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestShow checks properties of every text that is prepared for a page.
func TestShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x1f<>&"'\x{202e}\x{200b}a]{0,300}`), rapid.SampledFrom(hostile())).Draw(t, "text")
		most, lines := rapid.IntRange(0, 3000).Draw(t, "most"), rapid.IntRange(1, 20).Draw(t, "lines")
		got := show(s, most, lines)
		cost, shown := 0, 0
		for _, p := range got.Parts {
			if (p.Text == "") == (p.Code == "") {
				t.Fatalf("a part has %q and %q", p.Text, p.Code)
			}
			for _, r := range p.Text {
				if isHidden(r) {
					t.Fatalf("%U is shown as it is", r)
				}
			}
			cost += len(html.EscapeString(p.Text))
			if p.Code != "" {
				cost += costCode
			}
			shown += len(p.Text)
		}
		if cost > most {
			t.Fatalf("%d bytes of HTML, at most %d are allowed", cost, most)
		}
		if got.Cut != (got.Left > 0) {
			t.Fatalf("cut %v with %d bytes left", got.Cut, got.Left)
		}
		if !got.Cut && utf8.ValidString(s) && len(got.Parts) == 1 && got.Parts[0].Code == "" && got.Parts[0].Text != s {
			t.Fatalf("%q became %q", s, got.Parts[0].Text)
		}
		if strings.Count(got.String(), "\n") >= lines {
			t.Fatalf("%d lines, at most %d are allowed", strings.Count(got.String(), "\n")+1, lines)
		}
	})
}

// TestLongText posts the largest transactions that there are: pages stay small, and the
// whole text can be had.
func TestLongText(t *testing.T) {
	const most = block.MaxTxSize - 100
	n := newTestNode(t, testSetup{})
	for range postsOnPage {
		for _, text := range []string{strings.Repeat("<", most), strings.Repeat("\u202ea", most/4), strings.Repeat("\n", most/2), strings.Repeat("𝕏", most/4)} {
			n.mine(n.post("ann", text))
		}
		n.mine(n.post(strings.Repeat("\u0001&", most/7), "x"))
	}
	for _, path := range []string{"/", "/?before=60.1"} {
		if size := len(n.page(path)); size > 150<<10 {
			t.Errorf("GET %s: %d bytes", path, size)
		}
	}
	for _, place := range n.chain.Pending(0, 10) {
		t.Errorf("%s is pending", place.ID())
	}
	places, _, _, err := n.chain.TxsOf(chain.TxOwner{}, chain.TxCursor{}, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range places {
		text := n.page("/explorer/tx/" + place.Tx.ID().String())
		if len(text) > 200<<10 {
			t.Errorf("the page of a post of %d bytes has %d bytes", place.Tx.Size(), len(text))
		}
		if !strings.Contains(text, `href="/tx/`+place.Tx.ID().String()) {
			t.Error("there is no link to the whole post")
		}
	}
}

// TestLongQuery searches for texts that are too long, and for none.
func TestLongQuery(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for path, status := range map[string]int{
		"/?q=" + strings.Repeat("a", maxText):          200,
		"/?q=" + strings.Repeat("a", maxText+1):        400,
		"/?q=%zz":                                      400,
		"/?q=%ff%fe":                                   200,
		"/?author=" + strings.Repeat("a", maxQuery-20): 200,
		"/explorer/search?q=" + strings.Repeat("a", maxNameInURL+1): 400,
		"/explorer/search?q=" + strings.Repeat("9", 100):            404,
		"/explorer/search?q=%20":                                    303,
		"/?before=1":                                                400,
		"/?before=99999999999999999999.1":                           400,
		"/?before=1.99999999999":                                    400,
		"/?before=9223372036854775807.2147483647":                   400,
		"/?before=2147483647.2147483647":                            200,
		"/?pending=x":                                               400,
		"/?pending=2147483647":                                      200,
		"/explorer?before=-1":                                       400,
		"/explorer?before=9223372036854775807":                      200,
		"/explorer?before=0":                                        200,
		"/explorer/block/12345678901234567890":                      400,
		"/explorer/block/7":                                         404,
		"/explorer/block/" + strings.Repeat("0", 64):                404,
		"/explorer/block/" + strings.Repeat("z", 64):                400,
		"/explorer/tx/" + strings.Repeat("0", 64):                   404,
		"/explorer/tx/1":                                            400,
		"/account/" + strings.Repeat("AB", 32):                      200,
		"/account/1":                                                400,
		"/author/":                                                  404,
		"/explorer/nothing":                                         404,
	} {
		w := n.get(path)
		if w.Code != status {
			t.Errorf("GET %.60s: status %d, want %d", path, w.Code, status)
		}
		if w.Code != 303 && w.Header().Get("Content-Type") == "text/html; charset=utf-8" {
			checkPage(t, path, w)
		}
	}
}

func rulesParams(t testing.TB, c rules.Config) rules.Params {
	t.Helper()
	p, err := rules.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
