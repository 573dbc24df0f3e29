// Package browser drives two real browsers from tests: Firefox ESR over
// Marionette, with the standard library alone, and Chromium over chromedp. Only
// tests import it; no program links it.
//
// # What the two stand for
//
// Firefox is set up like Tor Browser: resistFingerprinting, HTTPS-only, private
// browsing, and everything through a SOCKS proxy; without JavaScript, SVG, MathML
// and fonts of pages, as at its level Safest, unless Options.JavaScript asks for
// scripts, and Options.Interpreted for its level Safer, where scripts run without
// the compilers and without WebAssembly. Chromium stands
// for the phone, and does what Firefox cannot: it tells each request that it
// made, takes on dark and forced colours, print and zoom, and runs axe-core.
//
// # What they cannot do
//
// Neither reaches anything but 127.0.0.1, and what a proxy on loopback leads to that
// is asked for: to Chromium no other name or address resolves, and Firefox's proxy is
// a loopback port on which nobody listens. Chromium has no proxy's names for secure,
// so that pages at them miss what secure contexts alone have; Firefox has, as Tor
// Browser has, those of onion services. Their
// home is a temporary folder of the test, and with the test they end, with all
// processes that they started.
//
// # Reading a page
//
// Both read pages with a script of the test's own, which runs although the
// page's scripts do not: Text, Value, Focused and their like are the same few
// lines for both. Clicks and keys are real ones, of the browser's own making.
package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// patience is how long each wait may last. A healthy browser needs a second;
// a crowded machine has taken ten.
const patience = 60 * time.Second

// Options say what a browser is started with.
type Options struct {
	JavaScript    bool // whether the pages' own scripts run
	Interpreted   bool // scripts run without JIT compilers and WebAssembly
	Width, Height int  // of the view, in CSS pixels; 1280 and 800 if zero
	// SOCKS is the address of a proxy on loopback for everything, names included.
	// Chromium goes to 127.0.0.1 without it.
	SOCKS string
}

// Keys for Page.Press, beside characters, which stand for themselves. They are
// the code points of the WebDriver protocol.
const (
	Backspace = "\ue003"
	Tab       = "\ue004"
	ShiftTab  = shift + "\ue004"
	Enter     = "\ue007"
	Escape    = "\ue00c"
	Space     = " "
	PageUp    = "\ue00e"
	PageDown  = "\ue00f"
	End       = "\ue010"
	Home      = "\ue011"
	Left      = "\ue012"
	Up        = "\ue013"
	Right     = "\ue014"
	Down      = "\ue015"

	shift = "\ue008"
)

// A Page is the one tab of a browser. Selectors are CSS and mean the first
// element that matches; a selector that matches nothing is an error at once, as
// pages without scripts do not change by themselves. A Page is for one goroutine.
type Page struct {
	engine
	name string // for errors
}

// engine is what differs between the browsers.
type engine interface {
	navigate(url string) error
	// evaluate runs a JavaScript expression in the page and decodes what it gives.
	evaluate(expression string, out any) error
	// hit clicks the middle of an element, and fails if something covers it.
	hit(selector string) error
	attach(selector string, paths []string) error
	press(keys string) error
	resize(width, height int) error
	screenshot() ([]byte, error)
	// document returns what tells the present document from all before it, and
	// whether it still loads.
	document() (id string, loading bool, err error)
	end()
}

// Open goes to a URL and waits until the page and all that belongs to it are there.
func (p *Page) Open(url string) error {
	return p.wrap(p.navigate(url), "opening %q", url)
}

// Click clicks an element. If that is a link to a page, or a button that sends a
// form which may be sent as it is filled in, Click waits for the page that
// follows. Links that download or open a window are not waited for.
func (p *Page) Click(selector string) error {
	var leads bool
	if err := p.evaluate(call(leadsJS, selector), &leads); err != nil {
		return p.wrap(err, "clicking %q", selector)
	}
	if !leads {
		return p.Hit(selector)
	}
	return p.Follow(func() error { return p.Hit(selector) })
}

// Hit clicks an element and waits for nothing.
func (p *Page) Hit(selector string) error {
	return p.wrap(p.hit(selector), "clicking %q", selector)
}

// Follow does something that makes the browser load another page (Enter on a
// link, say), and waits until that is loaded.
func (p *Page) Follow(do func() error) error {
	before, _, err := p.document()
	if err != nil {
		return p.wrap(err, "reading which document this is")
	}
	if err := do(); err != nil {
		return err
	}
	return p.wrap(await(func() (bool, error) {
		id, loading, err := p.document()
		return id != before && !loading, err
	}), "waiting for the page that follows")
}

// Until waits until a JavaScript expression is true. Pages with scripts need it.
func (p *Page) Until(expression string) error {
	return p.UntilWithin(patience, expression)
}

// UntilText waits until an element's text, as it is shown, has a part.
func (p *Page) UntilText(selector, part string) error {
	return p.UntilWithin(patience, call(saysJS, selector, part))
}

// UntilWithin is Until for work that may last longer than a page's answer: sealing
// and sending a large file.
func (p *Page) UntilWithin(limit time.Duration, expression string) error {
	return p.wrap(awaitFor(limit, func() (done bool, err error) {
		err = p.evaluate(expression, &done)
		return done, err
	}), "waiting until %.200s", expression)
}

// Guarded reports whether the page would have the browser ask before it is left.
func (p *Page) Guarded() (guarded bool, err error) {
	err = p.wrap(p.evaluate(call(guardedJS), &guarded), "asking whether the page may be left")
	return guarded, err
}

// Fill replaces what is in a text field. It clicks the field, so that this has to
// be in reach, and inserts the text in one piece; maxlength holds as for a hand.
func (p *Page) Fill(selector, text string) error {
	if err := p.hit(selector); err != nil {
		return p.wrap(err, "filling %q", selector)
	}
	return p.wrap(p.evaluate(call(fillJS, selector, text), nil), "filling %q", selector)
}

// Select chooses the option of a select with that value.
func (p *Page) Select(selector, value string) error {
	return p.wrap(p.evaluate(call(selectJS, selector, value), nil), "selecting %q in %q", value, selector)
}

// Attach puts files into a file input.
func (p *Page) Attach(selector string, paths ...string) error {
	return p.wrap(p.attach(selector, paths), "attaching to %q", selector)
}

// Press presses keys, one after the other, and waits for no page: see Follow.
func (p *Page) Press(keys ...string) error {
	for _, k := range keys {
		if err := p.press(k); err != nil {
			return p.wrap(err, "pressing %q", k)
		}
	}
	return nil
}

// Has reports whether an element matches. States can be asked for: "#a:checked".
func (p *Page) Has(selector string) (has bool, err error) {
	err = p.wrap(p.evaluate(call("s => document.querySelector(s) != null", selector), &has), "finding %q", selector)
	return has, err
}

// Text returns the text of an element as it is shown.
func (p *Page) Text(selector string) (text string, err error) {
	err = p.wrap(p.evaluate(call("s => one(s).innerText", selector), &text), "reading %q", selector)
	return text, err
}

// Texts returns the texts of all elements that match, none if there are none.
func (p *Page) Texts(selector string) (texts []string, err error) {
	const js = "s => [...document.querySelectorAll(s)].map(e => e.innerText)"
	err = p.wrap(p.evaluate(call(js, selector), &texts), "reading %q", selector)
	return texts, err
}

// Value returns what is in a field.
func (p *Page) Value(selector string) (value string, err error) {
	err = p.wrap(p.evaluate(call("s => String(one(s).value)", selector), &value), "reading %q", selector)
	return value, err
}

// Attribute returns an attribute of an element, "" if it has none of that name.
func (p *Page) Attribute(selector, name string) (value string, err error) {
	const js = "(s, n) => one(s).getAttribute(n) || ''"
	err = p.wrap(p.evaluate(call(js, selector, name), &value), "reading %q of %q", name, selector)
	return value, err
}

// URL returns the address of the page.
func (p *Page) URL() (url string, err error) {
	err = p.wrap(p.evaluate("document.URL", &url), "reading the address")
	return url, err
}

// Title returns the title of the page.
func (p *Page) Title() (title string, err error) {
	err = p.wrap(p.evaluate("document.title", &title), "reading the title")
	return title, err
}

// An Element says which element it is.
type Element struct{ Tag, ID, Name, Type, Text string }

// Focused returns the element that has the focus, the body if none has.
func (p *Page) Focused() (e Element, err error) {
	err = p.wrap(p.evaluate(call(focusedJS), &e), "reading the focus")
	return e, err
}

// Evaluate runs a JavaScript expression in the page, although the page's own
// scripts may be off, and decodes its value, as JSON, into out unless that is nil.
func (p *Page) Evaluate(expression string, out any) error {
	return p.wrap(p.evaluate(expression, out), "evaluating %.60q", expression)
}

// Resize gives the view a size in CSS pixels.
func (p *Page) Resize(width, height int) error {
	return p.wrap(p.resize(width, height), "resizing to %dx%d", width, height)
}

// Screenshot writes the whole page to a PNG file, also what is out of view. The
// picture is as wide as the view, or as the page if that is wider.
func (p *Page) Screenshot(path string) error {
	png, err := p.screenshot()
	if err == nil {
		err = os.WriteFile(path, png, 0o600)
	}
	return p.wrap(err, "taking a screenshot")
}

// Close ends the browser and all its processes. The end of the test does it otherwise.
func (p *Page) Close() { p.end() }

// wrap says which browser did what when it failed.
func (p *Page) wrap(err error, format string, values ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", p.name, fmt.Sprintf(format, values...), err)
}

// await asks until the answer is yes. An error counts as a no: while a page goes
// and the next comes, a browser may have neither to ask.
func await(done func() (bool, error)) error { return awaitFor(patience, done) }

func awaitFor(limit time.Duration, done func() (bool, error)) error {
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		yes, err := done()
		switch late := time.Since(start) > limit; {
		case yes && err == nil:
			return nil
		case late && err != nil:
			return fmt.Errorf("nothing for %v: %w", limit, err)
		case late:
			return fmt.Errorf("nothing for %v", limit)
		}
	}
}

// call writes the call of a JavaScript function with values.
func call(function string, values ...any) string {
	var args []string
	for _, v := range values {
		encoded, err := json.Marshal(v)
		if err != nil {
			panic("browser: internal error: " + err.Error())
		}
		args = append(args, string(encoded))
	}
	return "(() => { " + oneJS + " return (" + function + ")(" + strings.Join(args, ", ") + ") })()"
}

// oneJS is at hand for all functions that are called.
const oneJS = `const one = s => {
	const e = document.querySelector(s)
	if (!e) throw new Error("no element matches " + s + " in " + document.URL)
	return e
};`

// leadsJS tells whether a click leads to another page.
const leadsJS = `s => {
	const a = one(s).closest("a[href]"), b = one(s).closest("button, input")
	if (a) {
		const here = a.href.includes("#") && a.href.split("#")[0] == location.href.split("#")[0]
		return !here && !a.hasAttribute("download") && a.target != "_blank"
	}
	if (!b || !b.form || b.disabled || b.type != "submit" && b.type != "image") return false
	return b.formNoValidate || b.form.noValidate || !b.form.matches(":invalid")
}`

// saysJS tells whether an element is there and says something.
const saysJS = `(s, part) => [...document.querySelectorAll(s)].some(e => e.innerText.includes(part))`

// guardedJS asks the page what it is asked when it is left.
const guardedJS = `() => !dispatchEvent(new Event("beforeunload", { cancelable: true }))`

// fillJS inserts text as if it were pasted: limits of the field hold, and what it
// did not take is an error.
const fillJS = `(s, text) => {
	const e = one(s)
	e.focus()
	e.select()
	document.execCommand(text ? "insertText" : "delete", false, text)
	if (e.value == text.replace(/\r\n?/g, "\n")) return
	throw new Error("the field holds " + e.value.length + " of " + text.length + " characters")
}`

// selectJS sets the choice: headless browsers draw no menu to click in.
const selectJS = `(s, value) => {
	const e = one(s), o = [...e.options].find(o => o.value == value)
	if (!o) throw new Error("no such option")
	if (e.disabled || o.disabled || !e.getClientRects().length) throw new Error("it is disabled or not shown")
	e.focus()
	e.value = value
	for (const type of ["input", "change"]) e.dispatchEvent(new Event(type, { bubbles: true }))
}`

// focusedJS describes the element that has the focus.
const focusedJS = `() => {
	const e = document.activeElement || document.body
	return { Tag: e.localName, ID: e.id, Name: e.name || "", Type: e.type || "", Text: e.innerText || "" }
}`
