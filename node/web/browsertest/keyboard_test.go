package browsertest

import (
	"testing"

	"github.com/chromedp/cdproto/input"
)

const (
	ctrl  = 2 // as the protocol numbers modifiers
	shift = 8
)

// key presses and releases a key, such as Tab, Enter, Escape or ArrowDown, together with
// modifiers.
func (p *tab) key(name string, modifiers ...int64) {
	p.t.Helper()
	down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: name, Code: name}
	for _, m := range modifiers {
		down.Modifiers |= m
	}
	codes := map[string]int64{"Tab": 9, "Enter": 13, "Escape": 27, "Space": 32, "ArrowUp": 38, "ArrowDown": 40}
	if down.WindowsVirtualKeyCode = codes[name]; down.WindowsVirtualKeyCode == 0 {
		p.t.Fatalf("the tests know no key %s", name)
	}
	switch name {
	case "Enter":
		down.Text = "\r"
	case "Space":
		down.Key, down.Text = " ", " "
	}
	up := down
	up.Type, up.Text = input.DispatchKeyEventTypeKeyUp, ""
	call(p, input.DispatchKeyEvent, down)
	call(p, input.DispatchKeyEvent, up)
}

// insert types a text into what has the focus.
func (p *tab) insert(text string) {
	p.t.Helper()
	call(p, input.InsertText, input.InsertTextParams{Text: text})
}

// focusSeen is true if something shows the reader what has the focus: an outline, or the
// thick edge of a block in the drawing of the tree.
const focusSeen = `(() => {
	const e = document.activeElement, style = getComputedStyle(e), box = e.querySelector('rect');
	return e.matches(':focus-visible') && (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || box !== null && parseFloat(getComputedStyle(box).strokeWidth) >= 4);
})()`

// typeOver selects all of the text in the field that has the focus, as Ctrl-A does, and
// types another one over it.
func (p *tab) typeOver(text string) {
	p.t.Helper()
	down := input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeRawKeyDown, Key: "a", Code: "KeyA", WindowsVirtualKeyCode: 65, Modifiers: ctrl, Commands: []string{"selectAll"},
	}
	up := down
	up.Type, up.Commands = input.DispatchKeyEventTypeKeyUp, nil
	call(p, input.DispatchKeyEvent, down)
	call(p, input.DispatchKeyEvent, up)
	p.insert(text)
}

// tabTo presses Tab until a selector finds what has the focus, which must then be visible.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	const most = 200 // more than any page has to stop at
	for range most {
		if eval[bool](p, "document.activeElement.matches("+quote(selector)+")") {
			if !eval[bool](p, focusSeen) {
				p.t.Errorf("%s has the focus, and it cannot be seen", selector)
			}
			return
		}
		p.key("Tab")
	}
	p.t.Fatalf("the keyboard does not lead to %s", selector)
}

// press leads the focus to what a selector finds, and presses Enter there.
func (p *tab) press(selector string) {
	p.t.Helper()
	p.tabTo(selector)
	p.key("Enter")
}

// focused fails the test if nothing has the focus. Somebody without a mouse would then have
// to begin at the top of the page again.
func (p *tab) focused(after string) {
	p.t.Helper()
	if eval[bool](p, "document.activeElement === null || document.activeElement === document.body") {
		p.t.Errorf("%s: nothing has the focus any more after %s", p.location(), after)
	}
}

// walkScript notes what has had the focus. walk.stop describes what has it now, and
// walk.missed lists what could have it and never had it. Of the buttons for one choice, only
// the chosen one can.
//
// At the end of the page the focus goes to the window of the browser, which gives it back a
// moment later, maybe between walk.stop and the next key. So walk.missed also counts what had
// it at any time.
const walkScript = `window.walk = {
	seen: new Set(),
	touched: new Set(),
	stop() {
		const e = document.activeElement;
		if (!e || e === document.body) return {between: true};
		if (this.seen.has(e)) return {end: true};
		this.seen.add(e);
		const r = e.getBoundingClientRect();
		const inWindow = r.width > 0 && r.height > 0 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth;
		return {what: e.outerHTML.slice(0, 120), visible: ` + focusSeen + `, inWindow};
	},
	missed() {
		return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((e) =>
			e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}) && !(e.type === 'radio' && !e.checked) && !this.touched.has(e)).map((e) => e.outerHTML.slice(0, 120));
	},
};
document.addEventListener('focusin', ({target}) => walk.touched.add(target));
true`

// walk presses Tab, with modifiers, until the focus comes back to where it has been. It
// must have been on everything that can have it, and always have been visible.
func (p *tab) walk(modifiers ...int64) {
	p.t.Helper()
	eval[bool](p, walkScript)
	const most = 500 // more than any page has
	for range most {
		p.key("Tab", modifiers...)
		stop := eval[struct {
			Between  bool // nothing has the focus, as between the end and the beginning of the page
			End      bool // it has been here before
			What     string
			Visible  bool
			InWindow bool
		}](p, "walk.stop()")
		if stop.End {
			if missed := eval[[]string](p, "walk.missed()"); len(missed) > 0 {
				p.t.Errorf("%s: the keyboard (modifiers %v) never leads to %q", p.location(), modifiers, missed)
			}
			return
		}
		if stop.Between {
			continue
		}
		if !stop.Visible {
			p.t.Errorf("%s: nothing shows that %s has the focus", p.location(), stop.What)
		}
		if !stop.InWindow {
			p.t.Errorf("%s: %s has the focus outside of the window", p.location(), stop.What)
		}
	}
	p.t.Errorf("%s: after %d keys the focus has not come back", p.location(), most)
}

// testKeyboardEverywhere goes through every page with the keyboard alone, on a phone and on
// a wide screen. The first stop skips the navigation, everything can be reached, what has
// the focus can be seen, and the focus is trapped nowhere.
func testKeyboardEverywhere(t *testing.T, b *browser) {
	n := startFilled(t)
	for _, width := range []int64{360, 1280} {
		p := b.open(tabOptions{width: width, height: 740})
		for _, path := range n.paths {
			p.goTo(n.url + path)
			p.key("Tab")
			p.until("the first key leads to the link that skips the navigation", "document.activeElement.matches('a.skip') && document.activeElement.getBoundingClientRect().top >= 0")
			p.key("Enter")
			p.until("the link has led to the content", "document.activeElement.id === 'main'")
			p.key("Tab")
			if !eval[bool](p, "document.activeElement.closest('main, footer') !== null") {
				t.Errorf("%s: after the link that skips the navigation, Tab leads to %s", path, eval[string](p, "document.activeElement.outerHTML.slice(0, 120)"))
			}
			p.walk()
			if width > 360 {
				p.walk(shift)
			}
		}
	}
}
