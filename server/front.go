package server

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"saksi/web"
)

// Front returns the handler for the ordinary internet: one page that says what
// this is and how to come by Tor Browser. It asks for nothing, reads nothing that
// is sent and writes nothing down.
func (s *Server) Front() http.Handler {
	e := echo.New()
	e.Use(s.recoverPanic, strictHeaders(false))
	methods := []string{http.MethodGet, http.MethodHead}
	for _, lang := range []web.Lang{web.ID, web.EN} {
		e.Match(methods, web.Prefix(lang)+"/", func(c echo.Context) error { return s.front(c, http.StatusOK) })
	}
	e.Match(methods, "/style.css", s.handler(web.ID).Style)
	e.HTTPErrorHandler = s.failFront
	return s.steady(unread(e), false)
}

// front shows the page. Tor Browser offers to go to Onion-Location, if the page
// came over https, with a certificate that it trusts.
func (s *Server) front(c echo.Context, status int) error {
	onion := s.Hosts.Onion()
	if !onion.IsZero() {
		c.Response().Header().Set("Onion-Location", onion.URL())
	}
	return s.page(c, status, web.Front{
		Onion: onion.String(), Fingerprint: s.Inbox.Trusted.Fingerprint(), Missing: status != http.StatusOK,
	})
}

// failFront shows the same page for all that is not there.
func (s *Server) failFront(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusNotFound
	switch {
	case errors.Is(err, echo.ErrMethodNotAllowed):
		status = http.StatusMethodNotAllowed
	case !errors.Is(err, echo.ErrNotFound):
		status = http.StatusInternalServerError
		s.Log.Error("a request to the front failed", "error", withoutAddress(err))
	}
	if err := s.front(c, status); err != nil && !ofNetwork(err) {
		s.Log.Error("a page of the front failed", "error", err.Error())
	}
}

// page writes a page in the language of the path.
func (s *Server) page(c echo.Context, status int, view any) error {
	page, err := s.pages.Page(language(c.Request().URL.Path), view)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(page)))
	return c.Blob(status, echo.MIMETextHTMLCharsetUTF8, page)
}

// errUnread ends a body before its first byte.
var errUnread = errors.New("the body is not read")

// unread has exchanges leave a body where it is: the connection ends with the
// answer. No page of the front sends one.
func unread(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x, ok := w.(*exchange); ok && x.ended == nil {
			x.ended = errUnread
		}
		next.ServeHTTP(w, r)
	})
}
