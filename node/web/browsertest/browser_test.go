package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	// patience is how long a test waits for something that a page should do. Only a page
	// that hangs reaches it, on however slow a machine.
	patience = 2 * time.Minute

	// look is the pause between two looks at a page for which a test waits.
	look = 20 * time.Millisecond
)

// browser is a running Chromium with a profile of its own, which is removed when the test
// ends; or a session in it, which shares neither storage nor workers with others.
type browser struct {
	t   testing.TB
	ctx context.Context
}

// chromium returns the path of the browser, or skips the test.
func chromium(t testing.TB) string {
	t.Helper()
	if os.Getenv("LODE_BROWSER") == "" {
		t.Skip("NOT TESTED: set LODE_BROWSER=1 to test the pages in a browser")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("NOT TESTED: there is no chromium (Debian: apt-get install chromium)")
	return ""
}

// lan is a host name that leads to this machine. Unlike localhost, it is no trustworthy
// origin for the browser, just as the address of a machine in a local network.
const lan = "node.lode.test"

// startBrowser starts a browser that ends with the test.
func startBrowser(t testing.TB) *browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("no-sandbox", true), // the tests of CI run as root
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP "+lan+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		end, done := context.WithTimeout(ctx, 10*time.Second)
		defer done()
		_ = chromedp.Cancel(end) // a browser that does not end in good time is killed
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return &browser{t, ctx}
}

// session returns a new session, which ends with the test.
func (b *browser) session(t testing.TB) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("begin a session of the browser: %v", err)
	}
	return &browser{t, ctx}
}

// tab is one page of a browser. Its methods fail the test if something goes wrong.
type tab struct {
	t        testing.TB
	ctx      context.Context
	noScript bool

	mu       sync.Mutex
	problems []string          // errors of scripts, and violations of the content security policy
	chooser  cdp.BackendNodeID // the field for which the browser has last asked for a file; 0: none
}

// tabOptions says how a tab is different from a plain one: 1280 by 800 pixels, light, with
// JavaScript.
type tabOptions struct {
	width, height int64
	dark          bool
	noScript      bool
	broken        bool // the test itself breaks things, so that errors of scripts are no failure
}

// open opens a tab, which is closed when the test ends. If a script of any of its pages
// fails, or if a page violates its content security policy, the test fails.
func (b *browser) open(o tabOptions) *tab {
	b.t.Helper()
	p := &tab{t: b.t, noScript: o.noScript}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithListener(p.onEvent))
	p.ctx = ctx
	if o.width == 0 {
		o.width, o.height = 1280, 800
	}
	scheme := "light"
	if o.dark {
		scheme = "dark"
	}
	// The first use of the context makes the tab, and the end of that context would close
	// it, so it gets no deadline.
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("open a tab: %v", err)
	}
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: o.width, Height: o.height, DeviceScaleFactor: 1})
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: o.noScript})
	b.t.Cleanup(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, problem := range p.problems {
			if !o.broken {
				b.t.Errorf("a page has a problem: %s", problem)
			}
		}
	})
	return p
}

// onEvent records what goes wrong in a page. Requests that fail are not among it, because
// nodes are stopped and refuse things in these tests.
func (p *tab) onEvent(event any) {
	var problem string
	switch e := event.(type) {
	case *page.EventFileChooserOpened:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.chooser = e.BackendNodeID
		return
	case *runtime.EventExceptionThrown:
		problem = "a script failed: " + describe(e.ExceptionDetails)
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError || e.Entry.Source == log.EntrySourceNetwork {
			return
		}
		problem = fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, problem)
}

// describe returns what a script has thrown, and where.
func describe(e *runtime.ExceptionDetails) string {
	what := e.Text
	if e.Exception != nil && e.Exception.Description != "" {
		what = e.Exception.Description
	}
	return fmt.Sprintf("%s (%s, line %d)", what, e.URL, e.LineNumber+1)
}

// tryCall runs a command of the protocol, which must not take longer than patience.
func tryCall[P, R any](p *tab, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Call(ctx, command, params)
}

// call runs a command of the protocol, which must succeed.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := tryCall(p, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// goTo loads a page and waits until it has been loaded and its scripts work.
func (p *tab) goTo(url string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatalf("go to %s: %v", url, err)
	}
	if !p.noScript {
		// A page of a node says when its scripts have begun to work. Pages of other servers
		// have no such mark.
		p.until("the scripts of the page work", "!('page' in document.body.dataset) || document.body.dataset.jsReady === 'page'")
	}
}

// eval evaluates an expression of JavaScript in the page. It works without JavaScript in
// the page, too. If the value is a promise, eval waits for it.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := tryEval[T](p, expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func tryEval[T any](p *tab, expression string) (v T, err error) {
	yes := true
	r, err := tryCall(p, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, ReturnByValue: &yes, AwaitPromise: &yes, UserGesture: &yes})
	if err != nil {
		return v, err
	}
	if r.ExceptionDetails != nil {
		return v, errors.New(describe(r.ExceptionDetails))
	}
	if len(r.Result.Value) == 0 {
		return v, nil
	}
	return v, json.Unmarshal(r.Result.Value, &v)
}

// until waits until an expression is true. Errors count as false, because there is none of
// the page's objects while another page is being loaded. what says in words what the
// expression means.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	var last error
	for end := time.Now().Add(patience); ; {
		ok, err := tryEval[bool](p, "!!("+expression+")")
		if err == nil && ok {
			return
		}
		last = err
		if time.Now().After(end) || p.ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(look):
		case <-p.ctx.Done():
		}
	}
	p.t.Fatalf("after %v it is still not so that %s: %s is not true (%v). The page %s says:\n%s", patience, what, expression, last, p.location(), p.text("body"))
}

// location returns the address of the page.
func (p *tab) location() string {
	v, err := tryEval[string](p, "location.href")
	if err != nil {
		return err.Error()
	}
	return v
}

// text returns the visible text of the first element that a selector finds, or "".
func (p *tab) text(selector string) string {
	v, err := tryEval[string](p, fmt.Sprintf("(document.querySelector(%s)?.innerText ?? '')", quote(selector)))
	if err != nil {
		return err.Error()
	}
	return v
}

// wait waits until a selector finds something that can be seen.
func (p *tab) wait(selector string) {
	p.t.Helper()
	p.until("there is "+selector, visible(selector))
}

// waitText waits until the first element that a selector finds contains a text.
func (p *tab) waitText(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s says %q", selector, text), fmt.Sprintf("document.querySelector(%s)?.innerText.includes(%s)", quote(selector), quote(text)))
}

func visible(selector string) string {
	return fmt.Sprintf("document.querySelector(%s)?.checkVisibility()", quote(selector))
}

// click clicks on the first element that a selector finds, once it can be seen and is
// enabled, and nothing lies over it.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.until(selector+" can be clicked on", fmt.Sprintf(`(() => {
		const e = document.querySelector(%s);
		if (!e || !e.checkVisibility() || e.disabled) return false;
		e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
		const r = e.getBoundingClientRect();
		const at = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
		if (!at || !(e === at || e.contains(at) || at.contains(e) || e.labels && [...e.labels].some(l => l.contains(at)))) return false;
		e.click();
		return true;
	})()`, quote(selector)))
}

// fill types a text into the first field that a selector finds, in place of what is in it.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.until(selector+" can be filled in", fmt.Sprintf("(() => { const e = document.querySelector(%s); if (!e || e.disabled) return false; e.focus(); e.select?.(); return document.activeElement === e; })()", quote(selector)))
	call(p, input.InsertText, input.InsertTextParams{Text: text})
	p.until(selector+" has the text", fmt.Sprintf("document.querySelector(%s).value === %s", quote(selector), quote(text)))
}

// quote returns a text as a literal of JavaScript.
func quote(text string) string {
	literal, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings always marshal
	}
	// JSON is JavaScript, but for two characters, which JSON allows in strings.
	return strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`).Replace(string(literal))
}
