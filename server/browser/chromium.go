package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A ChromiumPage is a Page in Chromium, which can do more.
type ChromiumPage struct {
	*Page
	c *chromium
}

// A Request is one that the page made or caused: for itself, what it loads, and
// each step of a redirection. Requests that a policy of the page forbids are none.
type Request struct{ Method, URL, Type string }

// Media is what a page is shown on.
type Media struct{ Print, Dark, ForcedColors bool }

// chromium is Debian's Chromium, headless, driven through a pipe.
type chromium struct {
	t             testing.TB
	home          string
	pid           int
	ctx           context.Context // chromedp's tab
	stop          func()
	once          sync.Once
	script        bool
	interpreted   bool
	socks         string
	width, height int

	mu       sync.Mutex
	requests []Request
	idle     cdp.LoaderID // the last document that asked for nothing any more
	stay     bool         // what is answered when a page asks whether to leave it
	asked    int          // how often one did
}

var _ engine = (*chromium)(nil)

// Chromium starts Chromium. It ends with the test.
func Chromium(t testing.TB, opts Options) *ChromiumPage {
	t.Helper()
	c := &chromium{t: t, home: newHome(t), script: opts.JavaScript, interpreted: opts.Interpreted, socks: nobody}
	if opts.SOCKS != "" {
		c.socks = opts.SOCKS
	}
	allocated, stopAll := chromedp.NewExecAllocator(context.Background(), c.flags(find(t, "chromium"))...)
	quiet := func(string, ...any) {}
	tab, stopTab := chromedp.NewContext(allocated, chromedp.WithLogf(quiet), chromedp.WithErrorf(quiet))
	c.ctx, c.stop = tab, func() { stopTab(); stopAll() }
	t.Cleanup(c.end)
	if err := c.start(); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	p := &Page{engine: c, name: "Chromium"}
	if err := p.Resize(size(opts)); err != nil {
		t.Fatal(err)
	}
	return &ChromiumPage{Page: p, c: c}
}

// nobody is a port of loopback on which nobody listens.
const nobody = "127.0.0.1:9"

// flags returns the options of the process. No name and no address but 127.0.0.1
// and the proxy's resolves, and all others go to the proxy, by default one that is not
// there: without any, a page that is not found makes Chromium ask 8.8.8.8 whether
// there is a network.
func (c *chromium) flags(program string) []chromedp.ExecAllocatorOption {
	proxy, _, _ := strings.Cut(c.socks, ":")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoInheritEnv,
		chromedp.UserDataDir(filepath.Join(c.home, "profile")),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { own(cmd, c.home) }),
		chromedp.ProxyServer("socks5://"+c.socks),
		chromedp.Flag("proxy-bypass-list", "<-loopback>;127.0.0.1"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE "+proxy),
		chromedp.Flag("disable-features", "Translate,MediaRouter,OptimizationHints,AsyncDns,DnsOverHttps"))
	for _, name := range []string{
		"disable-component-update", "disable-domain-reliability", "disable-crash-reporter", "no-pings", "disable-gpu",
		"disable-component-extensions-with-background-pages", "disable-quic",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	if c.interpreted {
		options = append(options, chromedp.Flag("js-flags", "--jitless"))
	}
	return options
}

// start starts the process and waits for its tab. chromedp ties the process to the
// context of the first call, so the limit is beside it.
func (c *chromium) start() error {
	done := make(chan error, 1)
	go func() {
		done <- chromedp.Do(c.ctx, allowScripts(c.script))
	}()
	select {
	case err := <-done:
		if err != nil {
			return err
		}
	case <-time.After(patience):
		return fmt.Errorf("nothing for %v", patience)
	}
	c.pid = chromedp.FromContext(c.ctx).Browser.Process().Pid
	return chromedp.Listen(c.ctx, c.log)
}

func (c *chromium) end() {
	c.once.Do(func() {
		if err := kill(c.pid, c.home); err != nil {
			c.t.Error(err)
		}
		c.stop()
	})
}

// log keeps what the page asks for. It runs in the loop that reads the pipe.
func (c *chromium) log(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		c.requests = append(c.requests, Request{e.Request.Method, e.Request.URL, string(e.Type)})
	case *page.EventLifecycleEvent:
		if e.Name == "networkIdle" {
			c.idle = e.LoaderID
		}
	case *page.EventJavascriptDialogOpening:
		c.asked++
		// Not here: what answers is read by the loop that waits for this.
		go c.answer(!c.stay)
	}
}

// answer closes the browser's question. When it fails, what waits for the page does.
func (c *chromium) answer(yes bool) {
	_ = c.do(step(page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: yes}))
}

// do runs actions in the tab, for as long as a wait may last.
func (c *chromium) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// step makes an action of one command of the protocol.
func step[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// allowScripts switches the pages' own scripts.
func allowScripts(allowed bool) chromedp.Action[chromedp.Void] {
	return step(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !allowed})
}

func (c *chromium) navigate(url string) error { return c.do(chromedp.Navigate(url)) }

func (c *chromium) evaluate(expression string, out any) error {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	object, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(object, out)
}

func (c *chromium) document() (id string, loading bool, err error) {
	err = c.do(func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		tree, err := cdp.Call(ctx, t, page.GetFrameTree, cdp.Empty{})
		if err == nil {
			id = string(tree.FrameTree.Frame.LoaderID)
		}
		return v, err
	})
	if err != nil {
		return "", false, err
	}
	err = c.evaluate("document.readyState != 'complete'", &loading)
	return id, loading, err
}

// middleJS scrolls to an element and returns its middle, if a click there meets
// the element or its label.
const middleJS = `s => {
	const e = one(s)
	e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" })
	const r = e.getClientRects()[0]
	if (!r) throw new Error("the element is not shown")
	const x = r.left + r.width / 2, y = r.top + r.height / 2, top = document.elementFromPoint(x, y)
	if (!top || !e.contains(top) && top.closest("label")?.control != e)
		throw new Error("the element is covered by " + (top ? top.localName : "nothing: it is out of view"))
	return [x, y]
}`

func (c *chromium) hit(selector string) error {
	var at [2]float64
	if err := c.evaluate(call(middleJS, selector), &at); err != nil {
		return err
	}
	return c.do(chromedp.MouseClickXY(at[0], at[1]))
}

func (c *chromium) attach(selector string, paths []string) error {
	if err := c.evaluate(call("s => void one(s)", selector), nil); err != nil {
		return err
	}
	return c.do(chromedp.SetUploadFiles(chromedp.CSS(selector), paths))
}

// keys translates the code points of WebDriver into those of chromedp.
var keys = strings.NewReplacer(Backspace, kb.Backspace, Tab, kb.Tab, Enter, kb.Enter, Escape, kb.Escape,
	PageUp, kb.PageUp, PageDown, kb.PageDown, End, kb.End, Home, kb.Home,
	Left, kb.ArrowLeft, Up, kb.ArrowUp, Right, kb.ArrowRight, Down, kb.ArrowDown)

func (c *chromium) press(pressed string) error {
	rest, shifted := strings.CutPrefix(pressed, shift)
	if shifted {
		return c.do(chromedp.KeyEvent(keys.Replace(rest), chromedp.KeyModifiers(chromedp.ModifierShift)))
	}
	return c.do(chromedp.KeyEvent(keys.Replace(rest)))
}

func (c *chromium) resize(width, height int) error {
	c.width, c.height = width, height
	return c.zoom(100)
}

// zoom is what zooming does: fewer CSS pixels of more device pixels each.
func (c *chromium) zoom(percent int) error {
	return c.do(step(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(c.width * 100 / percent), Height: int64(c.height * 100 / percent),
		DeviceScaleFactor: float64(percent) / 100,
	}))
}

func (c *chromium) screenshot() (png []byte, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
}

// Zoom zooms the page: at 400 percent a view of 1280 pixels has 320 CSS pixels.
// Resize ends it.
func (p *ChromiumPage) Zoom(percent int) error {
	return p.wrap(p.c.zoom(percent), "zooming to %d %%", percent)
}

// Show shows the page on other media, until the next Show.
func (p *ChromiumPage) Show(m Media) error {
	// What is not asked for is named too: left out, it would stay as it was.
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: when(m.Dark, "dark")},
		{Name: "forced-colors", Value: when(m.ForcedColors, "active")},
	}, Media: when(m.Print, "print")}
	return p.wrap(p.c.do(step(emulation.SetEmulatedMedia, params)), "showing on %+v", m)
}

func when(asked bool, value string) string {
	if asked {
		return value
	}
	return ""
}

// Stay does something that makes the browser ask whether to leave the page, and
// answers no. Otherwise all such questions are answered with yes, as Firefox does
// for whoever drives it.
func (p *ChromiumPage) Stay(do func() error) error {
	before := p.c.answers(true)
	err := do()
	if after := p.c.answers(false); err == nil && after == before {
		err = p.wrap(errors.New("it did not ask"), "staying on the page")
	}
	return err
}

// answers sets what is answered, and returns how often it was asked.
func (c *chromium) answers(stay bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stay = stay
	return c.asked
}

// Offline cuts the network, and mends it.
func (p *ChromiumPage) Offline(cut bool) error {
	return p.wrap(p.c.network(cut, -1), "cutting the network: %t", cut)
}

// Slow lets no more than so many bytes a second be sent; -1 ends it.
func (p *ChromiumPage) Slow(perSecond int) error {
	return p.wrap(p.c.network(false, float64(perSecond)), "slowing the network")
}

func (c *chromium) network(cut bool, up float64) error {
	rules := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{Offline: cut, DownloadThroughput: -1, UploadThroughput: up},
	}}
	state := network.OverrideNetworkStateParams{Offline: cut, DownloadThroughput: -1, UploadThroughput: up}
	return c.do(step(network.OverrideNetworkState, state), step(network.EmulateNetworkConditionsByRule, rules))
}

// Requests returns all that has been asked for since the start, in order. It waits
// until nothing was asked for during half a second. The icon that a browser asks for
// by itself, if the page names none, comes when it likes, and may be missing here.
func (p *ChromiumPage) Requests() (all []Request, err error) {
	err = await(func() (bool, error) {
		id, _, err := p.c.document()
		p.c.mu.Lock()
		defer p.c.mu.Unlock()
		all = slices.Clone(p.c.requests)
		return len(all) == 0 || id == string(p.c.idle), err
	})
	return all, p.wrap(err, "waiting until the page asks for nothing more")
}

// PDF prints the page, on the paper that its style asks for.
func (p *ChromiumPage) PDF() (pdf []byte, err error) {
	ctx, cancel := context.WithTimeout(p.c.ctx, patience)
	defer cancel()
	pdf, err = chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
	return pdf, p.wrap(err, "printing")
}
