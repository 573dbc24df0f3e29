// Package servertest runs a whole drop inside a test: a real store in a
// temporary folder, real keys, real HTTP on loopback.
package servertest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/outbox"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/server"
	"saksi/server/courier"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/boltstore"
	"saksi/web"
)

// A Drop is a running server with everyone around it.
type Drop struct {
	*partytest.Party
	Inbox  *inbox.Inbox
	Client *http.Client // that asks
	URL    string       // of the reporters' pages, without a slash at the end
	Remote string       // address of the couriers' surface, if there is one
	Dir    string       // of the store
	Log    *Log
	T      testing.TB
	// Stop tells the server to stop and returns how it ended. The end of the test
	// stops it otherwise.
	Stop func() error

	engine    *boltstore.Store
	options   Options
	gate      *gate.Gate
	tor       string // socket on which a tor would connect; "" without a gate
	connected *atomic.Int64
	hosts     *server.Hosts
	book      courier.Book
	onion     string
}

// Connected returns how many connections there are to the reporters' pages.
func (d *Drop) Connected() int { return int(d.connected.Load()) }

// counted is a listener that counts its connections.
type counted struct {
	net.Listener
	open *atomic.Int64
}

func (l counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return &countedConn{TCPConn: c.(*net.TCPConn), open: l.open}, nil
}

type countedConn struct {
	*net.TCPConn
	open *atomic.Int64
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.TCPConn.Close()
}

// Options change a drop from its default.
type Options struct {
	MaxFile   int64
	Reviewers int                           // 3 if 0
	Wrap      func(store.Store) store.Store // around the real store
	Now       func() time.Time              // the real clock if nil
	Limits    server.Limits                 // those of production if zero
	Site      web.Site                      // civil servants' if zero
	Gate      *gate.Gate                    // none if nil; see [Drop.By]
	Hosts     *server.Hosts                 // loopback alone if nil
	Couriers  courier.Book                  // no couriers' surface if nil
	Onion     string                        // its address
	Decoys    int                           // that each batch gets
	Script    []byte                        // none if nil
}

// New starts a drop; the test's end stops it, and holds its store against its
// invariants.
func New(t testing.TB, o Options) *Drop {
	t.Helper()
	if o.Reviewers == 0 {
		o.Reviewers = 3
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Drop{
		Party: partytest.New(t, o.Now(), o.Reviewers), Dir: t.TempDir(), Log: &Log{}, T: t, options: o, hosts: o.Hosts,
		gate: o.Gate, Client: http.DefaultClient, connected: &atomic.Int64{},
	}
	d.book, d.onion = o.Couriers, o.Onion
	d.check(boltstore.Create(d.Dir))
	s := d.open()
	t.Cleanup(func() { d.check(d.engine.Close()) })
	_, err := inbox.AdmitRoster(s, d.Trusted, d.Server.Key(), d.Roster.Note, d.Files(), o.Now())
	d.check(err)
	d.Inbox, err = inbox.New(inbox.Config{
		Store: s, Trusted: d.Trusted, Signer: d.Server, Now: o.Now, Limits: inbox.Limits{MaxFile: o.MaxFile},
		Decoys: func() int { return o.Decoys },
	})
	d.check(err)
	t.Cleanup(func() {
		if wrong, err := d.Inbox.Check(); err != nil || len(wrong) > 0 {
			t.Errorf("check: %q, %v", wrong, err)
		}
	})
	d.serve(t, o.Limits)
	return d
}

// open opens the store.
func (d *Drop) open() store.Store {
	var err error
	d.engine, err = boltstore.Open(d.Dir, d.options.Now)
	d.check(err)
	if d.options.Wrap != nil {
		return d.options.Wrap(d.engine)
	}
	return d.engine
}

// Restart stops the server, closes the store, and starts both again, at another URL.
func (d *Drop) Restart() {
	d.T.Helper()
	d.check(d.Stop())
	d.check(d.engine.Close())
	c := d.Inbox.Config
	c.Store = d.open()
	var err error
	d.Inbox, err = inbox.New(c)
	d.check(err)
	d.serve(d.T, d.options.Limits)
}

// Admit has the roots sign another roster, as edit leaves its draft, takes it in
// and serves with it, at another URL.
func (d *Drop) Admit(edit func(*reviewer.Draft)) {
	d.T.Helper()
	c := d.Inbox.Config
	draft := d.Draft(c.Now())
	edit(&draft)
	d.Sign(d.T, draft)
	_, err := inbox.AdmitRoster(c.Store, d.Trusted, d.Server.Key(), d.Roster.Note, d.Files(), c.Now())
	d.check(err)
	d.Inbox, err = inbox.New(c)
	d.check(err)
	d.serve(d.T, server.Limits{})
}

func (d *Drop) serve(t testing.TB, limits server.Limits) {
	srv, err := server.New(server.Config{
		Inbox: d.Inbox, Log: slog.New(slog.NewTextHandler(d.Log, nil)), Limits: limits, Site: d.options.Site, Hosts: d.hosts,
		Gate: d.gate, Script: d.options.Script,
		Couriers: d.book, Onion: func() string { return d.onion },
	})
	d.check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	d.check(err)
	d.URL = "http://" + l.Addr().String()
	on := server.Listeners{Reporters: []net.Listener{counted{l, d.connected}}}
	if d.gate != nil {
		on.Reporters = append(on.Reporters, d.listenForTor(t))
	}
	if d.book != nil {
		remote, err := net.Listen("tcp", "127.0.0.1:0")
		d.check(err)
		d.Remote, on.Couriers = remote.Addr().String(), []net.Listener{remote}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, on) }()
	d.Stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { d.check(d.Stop()) })
}

func (d *Drop) check(err error) {
	d.T.Helper()
	if err != nil {
		d.T.Fatal(err)
	}
}

// A Page is an answer.
type Page struct {
	Status int
	Header http.Header
	Body   string
}

// Get fetches a page.
func (d *Drop) Get(path string) Page {
	d.T.Helper()
	resp, err := d.Client.Get(d.URL + path)
	d.check(err)
	return d.read(resp)
}

// Required are answers to the questions that must be answered, in pairs.
func Required() []string {
	return []string{
		"q.tempat", "73", "q.waktu", "2026-10", "q.tindakan", "hadir", "q.tekanan", "lisan", "q.pelaku", "camat",
		"q.cara_tahu", "mengalami", "q.jumlah_tahu", "banyak", "q.izin", "informasi",
	}
}

// Fields makes a form of pairs: of those with the same name the last counts, but
// all of those that exclude readers. The form for a testimony is answered as far as it must be.
func Fields(path string, pairs ...string) url.Values {
	if strings.HasSuffix(path, "/write") {
		pairs = slices.Concat(Required(), pairs)
	}
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != web.SkipField {
			values.Del(pairs[i])
		}
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// Post submits a form; values come in pairs of name and value.
func (d *Drop) Post(path string, pairs ...string) Page {
	d.T.Helper()
	resp, err := d.Submit(path, pairs...)
	d.check(err)
	return d.read(resp)
}

// Submit is Post for any goroutine.
func (d *Drop) Submit(path string, pairs ...string) (*http.Response, error) {
	return d.Client.PostForm(d.URL+path, Fields(path, pairs...))
}

// Upload submits the form with a file, as a browser does.
func (d *Drop) Upload(path, name string, content []byte, pairs ...string) Page {
	d.T.Helper()
	body, kind := Multipart(d.T, name, content, pairs...)
	resp, err := d.Client.Post(d.URL+path, kind, bytes.NewReader(body))
	d.check(err)
	return d.read(resp)
}

func (d *Drop) read(resp *http.Response) Page {
	d.T.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	d.check(err)
	return Page{resp.StatusCode, resp.Header, string(b)}
}

// Multipart builds the body of a form whose last field is a file.
func Multipart(t testing.TB, name string, content []byte, pairs ...string) (body []byte, kind string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(content)
	w.Close()
	return out.Bytes(), w.FormDataContentType()
}

var codeField = regexp.MustCompile(`name="code" value="([0-9a-f]{30})"`)

// Code returns the code in a page's hidden field.
func (p Page) Code(t testing.TB) receipt.Code {
	t.Helper()
	found := codeField.FindStringSubmatch(p.Body)
	if found == nil {
		t.Fatalf("the page (%d) has no code", p.Status)
	}
	code, err := receipt.ParseField(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Send writes a testimony and returns its code.
func (d *Drop) Send(text string) receipt.Code {
	d.T.Helper()
	code := d.Get("/write").Code(d.T)
	if p := d.Post("/write", "code", code.Field(), "text", text); p.Status != http.StatusOK {
		d.T.Fatalf("sending: status %d", p.Status)
	}
	return code
}

// Answer takes in a reply by reviewer r, the number-th of his in this thread.
func (d *Drop) Answer(code receipt.Code, r int, number uint64, text string) {
	d.T.Helper()
	keys := code.Keys()
	by := d.Reviewers[r]
	sealed, _, err := reply.Seal(
		reply.Reply{Reviewer: by.Line.ID, Roster: 1, Number: number, Status: reply.Reviewed, Text: text},
		reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}, by.Signer)
	d.check(err)
	box := outbox.Outbox{
		Reviewer: by.Line.ID, Roster: 1, RosterHash: d.Roster.Hash, Number: number,
		Replies: []outbox.Reply{{Mailbox: keys.Mailbox(), Sealed: sealed}},
	}
	report, err := d.Inbox.Import(box.Sign(by.Signer))
	d.check(err)
	if report.Replies != 1 {
		d.T.Fatalf("importing: %+v", report)
	}
}

// A Log collects what a server logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
