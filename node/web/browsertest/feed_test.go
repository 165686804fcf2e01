package browsertest

import (
	"testing"

	"github.com/lodepow/lode/node"
)

// TestPostReachesTheOtherPage posts on the page of one node, and mines there. The open
// page of another node shows the post as pending, and then as confirmed, without being
// loaded again.
func TestPostReachesTheOtherPage(t *testing.T) {
	b := startBrowser(t)
	one, two := startNode(t, node.Config{}), startNode(t, node.Config{})
	connect(t, one, two)
	here, there := b.open(tabOptions{}), b.open(tabOptions{})
	here.goTo(one.url + "/")
	there.goTo(two.url + "/")
	eval[any](there, "window.notLoadedAgain = true")
	here.fill("#compose [name=author]", "ann")
	here.fill("#compose [name=content]", "hello from the first page")
	here.click("#compose [type=submit]")
	const pending = `#feed li.post[data-state="pending"]`
	here.waitText(pending, "hello from the first page")
	there.waitText(pending, "hello from the first page")
	if got := there.text(pending); got == "" {
		t.Error("the post has no text")
	}
	here.click(`form[action="/forms/mine"] [type=submit]`)
	const mined = `#feed li.post[data-state="mined"]`
	here.waitText(mined, "hello from the first page")
	there.waitText(mined, "hello from the first page")
	there.wait(mined + " .confirmations")
	if !eval[bool](there, "window.notLoadedAgain === true") {
		t.Error("the page of the second node was loaded again")
	}
}
