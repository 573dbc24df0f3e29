package browser

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// firefox is Firefox ESR, headless, behind Marionette.
type firefox struct {
	*marionette
	t    testing.TB
	home string
	pid  int
	gone chan struct{} // closed when the process has ended
	once sync.Once
}

var _ engine = (*firefox)(nil)

// Firefox starts Firefox ESR. It ends with the test.
func Firefox(t testing.TB, opts Options) *Page {
	t.Helper()
	f := &firefox{t: t, home: newHome(t), gone: make(chan struct{})}
	program := find(t, "firefox-esr")
	if err := os.WriteFile(filepath.Join(f.home, "profile", "user.js"), preferences(opts), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.end)
	if err := f.start(program); err != nil {
		t.Fatalf("starting Firefox: %v\n%s", err, f.log())
	}
	if err := f.connect(); err != nil {
		t.Fatalf("connecting to Firefox: %v\n%s", err, f.log())
	}
	p := &Page{engine: f, name: "Firefox"}
	if err := p.Resize(size(opts)); err != nil {
		t.Fatal(err)
	}
	return p
}

// size returns the view that was asked for.
func size(opts Options) (width, height int) {
	if opts.Width == 0 || opts.Height == 0 {
		return 1280, 800
	}
	return opts.Width, opts.Height
}

// start starts the process from a thread that stays until it has ended: the
// signal at the parent's death goes by threads.
func (f *firefox) start(program string) error {
	log, err := os.Create(filepath.Join(f.home, "log"))
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access",
		"--profile", filepath.Join(f.home, "profile"))
	own(cmd, f.home)
	cmd.Stdout, cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(f.gone)
		defer log.Close()
		err := cmd.Start()
		if err == nil {
			f.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
	}()
	return <-started
}

// connect waits for the port that Firefox writes into its profile, and opens a
// session there.
func (f *firefox) connect() error {
	var port int
	err := await(func() (bool, error) {
		text, err := os.ReadFile(filepath.Join(f.home, "profile", "MarionetteActivePort"))
		if err == nil {
			port, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return port > 0, err
	})
	if err != nil {
		return fmt.Errorf("waiting for its port: %w", err)
	}
	if f.marionette, err = dialMarionette(port); err != nil {
		return err
	}
	wait := patience.Milliseconds()
	return f.command("WebDriver:NewSession", map[string]any{
		"timeouts": map[string]any{"implicit": 0, "pageLoad": wait, "script": wait},
	}, nil)
}

// log returns the end of what Firefox wrote.
func (f *firefox) log() string {
	text, _ := os.ReadFile(filepath.Join(f.home, "log"))
	return string(text[max(0, len(text)-2000):])
}

func (f *firefox) end() {
	f.once.Do(func() {
		if f.marionette != nil {
			_ = f.conn.Close()
		}
		if err := kill(f.pid, f.home); err != nil {
			f.t.Error(err)
		}
		if f.pid > 0 {
			<-f.gone
		}
	})
}

func (f *firefox) navigate(url string) error {
	return f.command("WebDriver:Navigate", map[string]any{"url": url}, nil)
}

func (f *firefox) evaluate(expression string, out any) error {
	script := map[string]any{"script": "return (" + expression + "\n)", "args": []any{}}
	return f.command("WebDriver:ExecuteScript", script, out)
}

// chrome runs a script in the browser's own window, around the page.
func (f *firefox) chrome(script string, out any, args ...any) error {
	if err := f.command("Marionette:SetContext", map[string]any{"value": "chrome"}, nil); err != nil {
		return err
	}
	params := map[string]any{"script": script, "args": append([]any{}, args...)}
	err := f.command("WebDriver:ExecuteScript", params, out)
	if back := f.command("Marionette:SetContext", map[string]any{"value": "content"}, nil); err == nil {
		err = back
	}
	return err
}

func (f *firefox) document() (id string, loading bool, err error) {
	var state struct {
		ID      string
		Loading bool
	}
	err = f.chrome(`const b = gBrowser.selectedBrowser, w = b.browsingContext.currentWindowGlobal
		return { ID: String(w.innerWindowId), Loading: b.webProgress.isLoadingDocument || w.isInitialDocument }`, &state)
	return state.ID, state.Loading, err
}

// element returns the protocol's handle of an element.
func (f *firefox) element(selector string) (string, error) {
	var handle map[string]string
	query := map[string]any{"using": "css selector", "value": selector}
	if err := f.command("WebDriver:FindElement", query, &handle); err != nil {
		return "", err
	}
	for _, id := range handle {
		return id, nil // its one key is a constant of the protocol
	}
	return "", fmt.Errorf("finding %q: no handle", selector)
}

func (f *firefox) hit(selector string) error {
	id, err := f.element(selector)
	if err != nil {
		return err
	}
	return f.command("WebDriver:ElementClick", map[string]any{"id": id}, nil)
}

func (f *firefox) attach(selector string, paths []string) error {
	id, err := f.element(selector)
	if err != nil {
		return err
	}
	text := strings.Join(paths, "\n")
	return f.command("WebDriver:ElementSendKeys", map[string]any{"id": id, "text": text}, nil)
}

// press presses and lets go key by key; shift is held until the last.
func (f *firefox) press(keys string) error {
	var steps []map[string]any
	step := func(kind string, key rune) {
		steps = append(steps, map[string]any{"type": kind, "value": string(key)})
	}
	for _, key := range keys {
		step("keyDown", key)
		if string(key) != shift {
			step("keyUp", key)
		}
	}
	if strings.HasPrefix(keys, shift) {
		step("keyUp", []rune(shift)[0])
	}
	keyboard := map[string]any{"type": "key", "id": "keyboard", "actions": steps}
	return f.command("WebDriver:PerformActions", map[string]any{"actions": []any{keyboard}}, nil)
}

// resize makes the window large enough and gives the page in it its size: a
// window itself is never narrower than 500 pixels.
func (f *firefox) resize(width, height int) error {
	rect := map[string]any{"width": max(width, 500), "height": height + 200}
	if err := f.command("WebDriver:SetWindowRect", rect, nil); err != nil {
		return err
	}
	err := f.chrome(`const [width, height] = arguments, style = gBrowser.selectedBrowser.style
		style.width = style.minWidth = style.maxWidth = width + "px"
		style.height = style.minHeight = style.maxHeight = height + "px"`, nil, width, height)
	if err != nil {
		return err
	}
	return await(func() (bool, error) {
		var got [2]int
		err := f.evaluate("[innerWidth, innerHeight]", &got)
		return got == [2]int{width, height}, err
	})
}

func (f *firefox) screenshot() (png []byte, err error) {
	err = f.command("WebDriver:TakeScreenshot", map[string]any{"full": true}, &png) // base64, as JSON has it
	return png, err
}

// preferences returns the user.js of a profile.
func preferences(opts Options) []byte {
	var b strings.Builder
	write := func(name string, value any) {
		encoded, err := json.Marshal(value)
		if err != nil {
			panic("browser: internal error: " + err.Error())
		}
		fmt.Fprintf(&b, "user_pref(%q, %s);\n", name, encoded)
	}
	for _, group := range []map[string]any{torBrowser, silence} {
		for name, value := range group {
			write(name, value)
		}
	}
	for name, value := range level(opts) {
		write(name, value)
	}
	if host, port, err := net.SplitHostPort(opts.SOCKS); err == nil {
		number, _ := strconv.Atoi(port)
		write("network.proxy.socks", host)
		write("network.proxy.socks_port", number) // of two the last counts
		write("network.proxy.no_proxies_on", "")
	}
	return []byte(b.String())
}

// level returns the preferences of the security level of Tor Browser that is asked for.
func level(opts Options) map[string]any {
	switch {
	case !opts.JavaScript:
		return safest
	case opts.Interpreted:
		return safer
	}
	return standard
}
