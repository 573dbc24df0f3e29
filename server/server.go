// Package server puts the surfaces of the drop on listeners: pages for
// reporters on one, the couriers' API on another. It never learns where a
// listener comes from, be it a port of loopback or Tor.
//
// # What it writes down
//
// Events of its own ("serving", "batch 4 closed"), and the kinds of errors that
// are its own fault. No request is logged: no address, no path, no agent, no
// time of a visit. net/http's own log, which names addresses, goes nowhere.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/server/courier"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/reporter"
	"saksi/server/scribe"
	"saksi/server/sealed"
	"saksi/web"
)

// A Config has what a server needs.
type Config struct {
	Inbox *inbox.Inbox
	Log   *slog.Logger // events; nil for none
	Site  web.Site     // what the operator chose; may be zero
	Hosts *Hosts       // names for reporters beside loopback; nil for none
	// Couriers are who may come to the couriers' listeners; nil for nobody. Onion
	// returns the address of these listeners as their passes have it, "" as long
	// as nobody knows it.
	Couriers courier.Book
	Onion    func() string
	// Limits are those of [Production] unless set.
	Limits Limits
	Gate   *gate.Gate // what reporters may ask for; nil for no such limits
	Script []byte     // for browsers that seal by themselves; nil for none
}

// A Server serves one drop.
type Server struct {
	Config
	pages    *web.Pages
	script   *script       // nil for none
	places   chan struct{} // of forms with a long text
	pictures *share        // of memory for pictures
	look     sync.Mutex    // at one of them
	stopping chan struct{} // closed when Serve is to end
	work     work
}

// New makes a server.
func New(c Config) (*Server, error) {
	c.Site.Script = ScriptPath(c.Script)
	pages, err := web.New(c.Site)
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Hosts == nil {
		c.Hosts = &Hosts{}
	}
	if c.Onion == nil {
		c.Onion = func() string { return "" }
	}
	if c.Limits == (Limits{}) {
		c.Limits = Production()
	}
	return &Server{
		Config: c, pages: pages, script: newScript(c.Script), places: make(chan struct{}, c.Limits.LongForms),
		stopping: make(chan struct{}), pictures: newShare(c.Limits),
	}, nil
}

// handler returns the pages of one language.
func (s *Server) handler(lang web.Lang) *reporter.Handler {
	return &reporter.Handler{
		Scribe: &scribe.Scribe{Inbox: s.Inbox}, Pages: s.pages, Lang: lang,
		Gate: s.Gate, Hold: s.hold, Look: &s.look, MaxFile: s.Inbox.MaxFile, MaxForm: s.Limits.Form, Tick: s.Limits.Tick, Padding: s.Limits.Padding,
	}
}

// Reporters returns the handler for reporters.
func (s *Server) Reporters() http.Handler {
	e := echo.New()
	e.Use(s.recoverPanic, strictHeaders(s.script != nil), s.outside, s.gated)
	for _, lang := range []web.Lang{web.ID, web.EN} {
		reporterRoutes(e, web.Prefix(lang), s.handler(lang))
	}
	sealedRoutes(e, s.sealed())
	if s.script != nil {
		e.GET(s.script.path, s.script.serve)
	}
	e.HTTPErrorHandler = s.fail
	return s.steady(e, true)
}

// sealed returns the surface for whoever seals by himself.
func (s *Server) sealed() *sealed.Handler {
	return &sealed.Handler{Inbox: s.Inbox, Gate: s.Gate, Tick: s.Limits.Tick}
}

// gated asks the gate for every request, as its surface does.
func (s *Server) gated(next echo.HandlerFunc) echo.HandlerFunc {
	pages, others := reporter.Gated(s.Gate, s.script.parts()...)(next), sealed.Gated(s.Gate)(next)
	return func(c echo.Context) error {
		if sealed.Has(c.Request().URL.Path) {
			return others(c)
		}
		return pages(c)
	}
}

// Operators returns the handler for operators.
func (s *Server) Operators() http.Handler {
	e := echo.New()
	e.Use(s.recoverPanic)
	operatorRoutes(e, &courier.Handler{Operations: s.Inbox, Book: s.Couriers})
	return s.steady(e, false)
}

// Remote returns the handler for couriers that come over Tor.
func (s *Server) Remote() http.Handler {
	e := echo.New()
	r := courier.NewRemote(s.Inbox, s.Couriers, s.Onion, s.Inbox.Now, s.Log)
	e.Use(s.recoverPanic, strictHeaders(false), r.Known)
	remoteRoutes(e, r)
	e.HTTPErrorHandler = r.Fail
	return s.steady(e, false)
}

func reporterRoutes(e *echo.Echo, prefix string, h *reporter.Handler) {
	e.GET(prefix+"/", h.Start)
	if prefix != "" {
		e.GET(prefix, h.Start)
	}
	e.GET(prefix+"/info", h.Info)
	e.GET(prefix+"/client", h.Client)
	e.GET(prefix+"/write", h.WriteForm)
	e.POST(prefix+"/write", h.Write)
	e.POST(prefix+"/receipt", h.Receipt)
	e.GET(prefix+"/open", h.OpenForm)
	e.POST(prefix+"/open", h.Open)
	e.POST(prefix+"/message", h.Message)
	e.POST(prefix+"/file", h.File)
	e.POST(prefix+"/delete", h.Delete)
	if prefix == "" {
		e.GET("/style.css", h.Style)
		e.GET("/regions.json", h.Regions)
		e.GET("/taxonomy.json", h.Taxonomy)
		e.GET("/recipients.txt", h.Recipients)
		e.GET("/roster.note", h.Roster)
		e.GET("/rosters/:name", h.Rosters)
		e.GET("/roster.recipients", h.WeekRecipients)
	}
}

func sealedRoutes(e *echo.Echo, h *sealed.Handler) {
	e.POST(sealed.Items, h.Keep)
	e.POST(sealed.Uploads+":id", h.Begin)
	e.HEAD(sealed.Uploads+":id", h.Offset)
	e.PATCH(sealed.Uploads+":id", h.Append)
	e.DELETE(sealed.Uploads+":id", h.Abandon)
	e.POST(sealed.Mailbox, h.Read)
	e.POST(sealed.Burn, h.Burn)
}

func operatorRoutes(e *echo.Echo, h *courier.Handler) {
	e.GET("/v1/status", h.Status)
	e.GET("/v1/check", h.Check)
	e.POST("/v1/close", h.Close)
	e.GET("/v1/bundle", h.Bundle)
	e.POST("/v1/outbox", h.Outbox)
	e.GET("/v1/lost/:item", h.Lost)
	e.POST("/v1/lost/:item", h.GiveUp)
	if h.Book == nil {
		return
	}
	e.GET("/v1/couriers", h.Couriers)
	e.POST("/v1/couriers", h.AddCourier)
	e.DELETE("/v1/couriers/:name", h.RemoveCourier)
}

func remoteRoutes(e *echo.Echo, r *courier.Remote) {
	e.GET("/v1/batches", r.Signed(r.Batches))
	e.GET("/v1/bundle", r.Signed(r.Bundle))
	e.POST("/v1/outbox", r.Signed(r.Outbox))
}

// fail shows the page for an error, in the language of the path. What was sent
// is in no error, so an error may be logged.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if reporter.Internal(err) {
		s.Log.Error("a request failed", "error", withoutAddress(err))
	}
	answer := s.handler(language(c.Request().URL.Path)).Fail
	if forPrograms(c.Request().URL.Path) {
		answer = s.sealed().Fail
	}
	if err := answer(c, err); err != nil && !ofNetwork(err) {
		s.Log.Error("a page failed", "error", err.Error())
	}
}

// forPrograms reports whether a path is one that the script asks for and no person: it
// can say what is wrong by the error's name alone, and not by a page.
func forPrograms(path string) bool {
	texts := []string{"/roster.note", "/roster.recipients", "/regions.json", "/taxonomy.json"}
	return sealed.Has(path) || strings.HasPrefix(path, "/rosters/") || slices.Contains(texts, path)
}

// language returns the language of a path.
func language(path string) web.Lang {
	if path == "/en" || strings.HasPrefix(path, "/en/") {
		return web.EN
	}
	return web.ID
}

// withoutAddress returns an error's text, unless it is one of the network: those
// have both ends of the connection in them.
func withoutAddress(err error) string {
	if ofNetwork(err) {
		return "the connection broke"
	}
	return err.Error()
}

// ofNetwork reports whether a connection is at fault. That is nobody's error but
// a visit, and no visit is logged.
func ofNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.As(err, new(*net.OpError))
}

// Listeners are where a server serves what. Any may be empty.
type Listeners struct {
	Reporters []net.Listener // pages
	Operators []net.Listener // the API: whoever reaches it may do all it does
	Front     []net.Listener // one page for the ordinary internet
	Couriers  []net.Listener // what couriers may do over Tor; each request is signed
}

// Serve serves until the context ends. Then it takes nothing new, lets requests
// under way finish while they move, and returns nil, though some may have to be
// cut off. It is called once. Batches close when they are due.
func (s *Server) Serve(ctx context.Context, on Listeners) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.work.begin() {
		go func() {
			defer s.work.end()
			s.keepHouse(ctx)
		}()
	}
	var running []serving
	surfaces := s.surfaces(on)
	failed := make(chan error, len(surfaces))
	for _, surface := range surfaces {
		h := newHouse(surface.listener, s.Limits)
		hs := newHTTPServer(surface.handler, h)
		running = append(running, serving{hs, h})
		go func() { failed <- hs.Serve(h) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serving: %w", err)
	}
	cancel()
	return errors.Join(err, s.shutdown(running))
}

// A surface is a handler on a listener.
type surface struct {
	listener net.Listener
	handler  http.Handler
}

func (s *Server) surfaces(on Listeners) (all []surface) {
	for _, of := range []struct {
		listeners []net.Listener
		handler   http.Handler
	}{{on.Reporters, s.Reporters()}, {on.Operators, s.Operators()}, {on.Front, s.Front()}, {on.Couriers, s.Remote()}} {
		for _, l := range of.listeners {
			all = append(all, surface{l, of.handler})
		}
	}
	return all
}

func newHTTPServer(handler http.Handler, h *house) *http.Server {
	return &http.Server{
		Handler: handler, ConnState: h.state, ConnContext: h.context, MaxHeaderBytes: h.limits.Header,
		ReadHeaderTimeout: h.limits.HeaderTime, IdleTimeout: h.limits.IdleTime,
		ErrorLog:                     log.New(io.Discard, "", 0), // it names addresses
		DisableGeneralOptionsHandler: true,                       // its answer has a date
	}
}

// serving is a server with its connections.
type serving struct {
	*http.Server
	house *house
}

func (s *Server) shutdown(running []serving) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.Limits.Stop)
	defer cancel()
	close(s.stopping)
	var errs []error
	for _, r := range running {
		r.house.close()
	}
	for _, r := range running {
		err := r.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			s.Log.Info("requests were cut off, as they took too long to stop")
			err = r.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("stopping: %w", err))
		}
	}
	s.work.finish()
	return errors.Join(errs...)
}

// work counts what uses the store. When Serve has returned nothing does, and the
// store may be closed: net/http does not wait for handlers that it cuts off.
type work struct {
	mu       sync.Mutex
	finished bool
	running  sync.WaitGroup
}

func (w *work) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.finished {
		return false
	}
	w.running.Add(1)
	return true
}

func (w *work) end() { w.running.Done() }

// finish waits for what runs, and lets nothing begin.
func (w *work) finish() {
	w.mu.Lock()
	w.finished = true
	w.mu.Unlock()
	w.running.Wait()
}

// keepHouse begins a roster and closes a batch whenever one is due; deletes once a day,
// and at the start, what has been kept for its time; and ends once an hour the uploads
// that nobody goes on with.
func (s *Server) keepHouse(ctx context.Context) {
	const pause = time.Minute // a clock that was set is noticed by then
	swept, tidied, trouble := "", "", ""
	for {
		trouble = s.begin(trouble)
		if hour := s.Inbox.Now().UTC().Format("2006-01-02T15"); hour != tidied {
			if day := hour[:len(time.DateOnly)]; day != swept && s.expire() == nil { // else in an hour again
				swept = day
			}
			s.sweepUploads()
			tidied = hour
		}
		if err := s.closeDue(); err != nil {
			s.Log.Error("closing a batch failed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// begin puts a roster that waited in force when its day has come. What keeps it from
// that is logged once; it returns what was said last.
func (s *Server) begin(said string) string {
	begun, err := s.Inbox.Begin()
	if begun != nil {
		s.Log.Info("roster in force", "roster", begun.Sequence)
	}
	if err == nil {
		return ""
	}
	if err.Error() != said {
		s.Log.Error("the next roster does not begin", "error", err.Error())
	}
	return err.Error()
}

func (s *Server) closeDue() error {
	due, err := s.Inbox.NextClosing()
	if err != nil || s.Inbox.Now().Before(due) {
		return err
	}
	n, err := s.Inbox.Close()
	if err != nil {
		return err
	}
	s.Log.Info("batch closed", "batch", n)
	return nil
}

func (s *Server) expire() error {
	swept, err := s.Inbox.Expire()
	if err != nil {
		s.Log.Error("expiring failed", "error", err.Error())
	}
	if swept.Items > 0 || swept.Replies > 0 {
		s.Log.Info("expired", "items", swept.Items, "replies", swept.Replies)
	}
	return err
}

// sweepUploads says nothing of what it did: when somebody gave up is nobody's business.
func (s *Server) sweepUploads() {
	if _, err := s.Inbox.SweepUploads(); err != nil {
		s.Log.Error("sweeping uploads failed", "error", err.Error())
	}
}
