package browsertest

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"

	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

// makeKey makes a key on the page Accounts and keeps it in the browser.
func (p *tab) makeKey(url, name string) {
	p.t.Helper()
	p.goTo(url + "/accounts")
	p.fill("#make-name", name)
	p.fill("#make-passphrase", "correct horse")
	p.fill("#make-again", "correct horse")
	p.click("#make-key button[type=submit]")
	p.until("the backup is shown", "document.querySelector('#backup-file').value.includes('BEGIN ENCRYPTED PRIVATE KEY')")
	p.click("#backup-keep")
	p.waitText("#account-list", name)
}

// importPlain brings a key from a file that is not encrypted, without a passphrase.
func (p *tab) importPlain(url, name string) {
	p.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(p.t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.goTo(url + "/accounts")
	p.ready()
	p.fill("#import-name", name)
	p.choose("#import-file", file)
	p.click("#import-key button[type=submit]")
}

// choose clicks on a field for a file, and chooses a file in the dialog that the browser opens.
func (p *tab) choose(selector, path string) {
	p.t.Helper()
	call(p, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true})
	eval[bool](p, "document.querySelector("+quote(selector)+").click(), true")
	var field cdp.BackendNodeID
	eventually(p.t, "the browser asks for a file", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		field = p.chooser
		return field != 0
	})
	call(p, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, BackendNodeID: field})
}

// testSign makes a key, posts with it, and looks at the post on another node. A copy with
// another text is refused, with the reason.
func testSign(t *testing.T, b *browser) {
	one, two := startNode(t, node.Config{}), startNode(t, node.Config{})
	connect(t, one, two)
	p, there := b.open(tabOptions{}), b.open(tabOptions{})
	there.goTo(two.url + "/")
	p.makeKey(one.url, "Ann")
	key := eval[string](p, "document.querySelector('#account-list .account').dataset.key")
	p.goTo(one.url + "/")
	p.until("the form signs with the key", "document.querySelector('#sign-as')?.value === "+quote(key))
	p.fill("#compose [name=content]", "signed in the browser")
	p.click(postButton)
	p.waitText(pendingPost, "signed in the browser")
	there.waitText(pendingPost, "signed in the browser")
	there.waitText(pendingPost+" .chip.verified", "verified")
	p.click(mineButton)
	there.waitText(minedPost+" .chip.verified", "verified")
	there.goTo(two.url + "/account/" + key)
	there.waitText("main", "signed in the browser")
	there.ready()
	if strings.Contains(there.text("main"), "is in this browser") {
		t.Error("the page says that the key is in a browser that does not have it")
	}
	p.goTo(one.url + "/account/" + key)
	p.waitText("main", "The key of this account is in this browser, as “Ann”.")

	p.goTo(one.url + "/")
	p.ready()
	refused := eval[map[string]any](p, `(async () => {
		const id = document.querySelector('#feed li.post').dataset.id;
		const post = (await (await fetch('/tx/' + id)).json()).transaction;
		post.content += '!';
		const answer = await fetch('/new_transaction', {method: 'POST', headers: {Accept: 'application/json', 'Content-Type': 'application/json'}, body: JSON.stringify(post)});
		return {status: answer.status, ...(await answer.json())};
	})()`)
	if refused["status"] != 400.0 || refused["reason"] != "tx-bad-signature" {
		t.Errorf("a signed post with another text: %v", refused)
	}
	p.importPlain(one.url, "Cleo")
	p.waitText("#account-list", "Cleo")
}

// testSignOnLAN signs on the page of a node that is called by a host name, as in a local
// network. The browser then has neither crypto.subtle nor IndexedDB keys of its own.
func testSignOnLAN(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Advertise: gossip.Address("http://" + lan + ":8000")})
	_, port, err := net.SplitHostPort(n.address())
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("http://%s:%s", lan, port)
	p := b.open(tabOptions{})
	p.goTo(url + "/accounts")
	if eval[bool](p, "isSecureContext || crypto.subtle !== undefined") {
		t.Fatal("the browser takes the page for a secure one, so this test tests nothing")
	}
	p.importPlain(url, "Cleo")
	p.waitText("#accounts-error", "Choose a passphrase")
	p.makeKey(url, "Ben")
	p.goTo(url + "/")
	p.until("the form signs with the key", "document.querySelector('#sign-as')?.value !== '' && !document.querySelector('#sign-as').hidden")
	p.fill("#compose [name=content]", "signed without WebCrypto")
	p.click(postButton)
	p.waitText(pendingPost, "signed without WebCrypto")
	p.waitText(pendingPost+" .chip.verified", "verified")

	// Another tab has to open the key with the passphrase first.
	other := b.open(tabOptions{})
	other.goTo(url + "/")
	other.fill("#compose [name=content]", "signed in another tab")
	other.click(postButton)
	other.waitText("#error", "is locked")
	other.fill("#sign-passphrase", "correct house")
	other.click(postButton)
	other.waitText("#error", "passphrase")
	other.until("the passphrase is refused", "document.querySelector('#compose').getAttribute('aria-busy') === null && document.querySelector('#error').innerText.includes('wrong')")
	other.fill("#sign-passphrase", "correct horse")
	other.click(postButton)
	other.waitText(pendingPost, "signed in another tab")
	if got := eval[int](other, "document.querySelectorAll("+quote(pendingPost+" .chip.verified")+").length"); got != 2 {
		t.Errorf("%d of the two posts are verified", got)
	}
	other.goTo(url + "/accounts")
	eval[bool](other, "document.querySelector('#account-list [data-action=lock]').focus(); true") // as a click of a mouse does
	other.click("#account-list [data-action=lock]")
	other.waitText("#account-list", "Locked")
	other.until("the focus stays at the key, whose button Lock is gone", "document.activeElement.matches('#account-list [data-action=rename]')")
}

// testToken mines on a node that requires a token. The page asks for it once and keeps it.
func testToken(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Token: "secret"})
	n.post(t, "ann", "the first")
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.click(mineButton)
	p.wait("dialog.token")
	p.fill("dialog.token input", "wrong")
	p.click("dialog.token button[value=use]")
	p.until("the page asks again", "document.querySelector('dialog.token [role=alert]') !== null")
	p.fill("dialog.token input", "secret")
	p.click("dialog.token button[value=use]")
	p.waitText(minedPost, "the first")
	n.post(t, "ann", "the second")
	p.waitText(pendingPost, "the second")
	p.click(mineButton)
	p.waitText(minedPost, "the second")
	if eval[bool](p, "document.querySelector('dialog.token') !== null") {
		t.Error("the page asks for the token a second time")
	}
}
