package watch_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"saksi/cmd/saksi/watch"
	"saksi/server/browser"
)

// tapped is the script of a tap's pages.
const tapped = "/saksi-0123456789abcdef.js"

// A tap is a server that keeps the heads of requests as they came.
type tap struct {
	net.Listener
	mu    sync.Mutex
	heads map[string]string // by path, the first of each
}

func newTap(t *testing.T) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	p := &tap{Listener: l, heads: map[string]string{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *tap) serve(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		path := strings.Fields(head.String())[1]
		p.mu.Lock()
		if p.heads[path] == "" {
			p.heads[path] = head.String()
		}
		p.mu.Unlock()
		kind, body := "text/html; charset=UTF-8", `<!doctype html><html><head><link rel="stylesheet" href="/style.css">`+
			`<link rel="icon" href="data:,"><script src="`+tapped+`" defer></script></head><body><a href="/info">info</a></body></html>`
		switch path {
		case "/style.css":
			kind, body = "text/css; charset=utf-8", ""
		case tapped:
			kind, body = "text/javascript; charset=utf-8", ""
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nReferrer-Policy: no-referrer\r\n"+
			"Cache-Control: no-store\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
	}
}

func (p *tap) head(path string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	// What tells one machine from another, and one release from the next.
	return regexp.MustCompile(`(?m)^(Host|User-Agent): .*\r$`).ReplaceAllString(p.heads[path], "$1\r")
}

// TestAVisitLooksLikeABrowsers: for the page, its style sheet, its script and the page
// behind a link, the monitor sends what a Firefox set up as Tor Browser sends, in its order.
func TestAVisitLooksLikeABrowsers(t *testing.T) {
	real, ours := newTap(t), newTap(t)
	page := browser.Firefox(t, browser.Options{JavaScript: true})
	check(t, page.Open("http://"+real.Addr().String()+"/"))
	check(t, page.Click("a"))
	w := newWorld(t)
	w.relay(ours.Addr().String())
	w.look(watch.Unsigned)
	for _, path := range []string{"/", "/style.css", tapped, "/info"} {
		if want := real.head(path); want == "" || ours.head(path) != want {
			t.Errorf("for %s the monitor sends\n%s, a browser\n%s", path, ours.head(path), want)
		}
	}
	agent, err := http.ReadRequest(bufio.NewReader(strings.NewReader(ours.heads["/"])))
	check(t, err)
	pattern := regexp.MustCompile(`^Mozilla/5\.0 \(Windows NT 10\.0; rv:\d+\.0\) Gecko/20100101 Firefox/\d+\.0$`)
	if !pattern.MatchString(agent.UserAgent()) {
		t.Errorf("the agent is %q", agent.UserAgent())
	}
}
