// Package sealed is the surface for whoever seals by himself: a browser with
// script, or a program. It takes ciphertext and tokens and gives ciphertext and
// weeks. No code, no key and no plaintext ever reaches it; package scribe does for
// browsers without script what these requests do without it.
//
//	POST   /v1/items          a parcel (package parcel)
//	POST   /v1/uploads/<id>   begins an upload of a payload, perhaps with a slice
//	HEAD   /v1/uploads/<id>   says how far it is
//	PATCH  /v1/uploads/<id>   appends a slice
//	DELETE /v1/uploads/<id>   ends it
//	POST   /v1/mailbox        a read request, for a read answer
//	POST   /v1/burn           a burn request
//
// docs/protocol.md, section 24, has every header. Both ways in come to the same
// rules (package inbox) and leave the same things in the store.
//
// House rules: those of package reporter. Nothing of a request reaches a log or an
// error. A payload is a stream: it is never whole in memory, but for a text's. What
// a body has too much or too little is found by its announced length, before
// anything of it is kept.
package sealed

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/roster"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/reporter"
)

// Paths of the surface. All that begin with Prefix are its own.
const (
	Prefix  = "/v1/"
	Items   = Prefix + "items"
	Uploads = Prefix + "uploads/"
	Mailbox = Prefix + "mailbox"
	Burn    = Prefix + "burn"
)

// Types of bodies. A page of another origin cannot send either without asking,
// and is never allowed to.
const (
	octets  = "application/octet-stream"
	partial = "application/partial-upload"
)

// crowdedMinutes is when to come back if too many files are on their way in: one of
// them will have come to its end, or have been given up.
const crowdedMinutes = 10

// A Handler serves the surface.
type Handler struct {
	Inbox *inbox.Inbox
	Gate  *gate.Gate // is asked before anything is kept or looked up; may be nil
	// Tick is what the time of every answer about a mailbox is a multiple of.
	Tick time.Duration
}

// Has reports whether a path is one of this surface.
func Has(path string) bool { return strings.HasPrefix(path, Prefix) }

// MaxText is the size of the largest parcel of a text, in bytes. It is in memory
// while it arrives.
func MaxText() int64 {
	largest := item.SlotSize(roster.Quorum{Needed: 2, Outside: 1})
	return parcel.MinHead() + roster.MaxReviewers*largest + item.PayloadSize(item.Floor)
}

// BringsFile reports whether a request's body is, or may be, part of a file.
func BringsFile(r *http.Request) bool {
	switch {
	case strings.HasPrefix(r.URL.Path, Uploads):
		return r.ContentLength != 0
	case r.URL.Path == Items:
		return r.ContentLength < 0 || r.ContentLength > MaxText()
	default:
		return false
	}
}

// Gated asks the gate for every request. There is no page that belongs to it, and
// nothing to hand back: who sealed it still has it.
func Gated(g *gate.Gate) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := g.Part(c.Request().Context()); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// failure is the body for an error.
type failure struct {
	Error   string `json:"error"`             // a row's page in the table of errors
	Minutes int    `json:"minutes,omitempty"` // when to come back
	Limit   int64  `json:"limit,omitempty"`   // bytes
}

// Fail answers with an error, as the one table of errors has it.
func (h *Handler) Fail(c echo.Context, err error) error {
	status, name := reporter.Explain(err)
	f := failure{Error: name}
	var refused *gate.Busy
	switch {
	case errors.As(err, &refused):
		f.Minutes = refused.Minutes()
	case errors.Is(err, inbox.ErrUploads):
		f.Minutes = crowdedMinutes
	case errors.Is(err, inbox.ErrTooLarge):
		f.Limit = h.Inbox.MaxFile
	}
	if f.Minutes > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(60*f.Minutes))
	}
	if c.Request().Method == http.MethodHead {
		return c.NoContent(status)
	}
	return c.JSON(status, f)
}

func malformed(what string) error { return fmt.Errorf("%w: %s", parcel.ErrMalformed, what) }

// checkBody holds the header of a request against what its body must be.
func checkBody(r *http.Request, kind string, least, most int64) error {
	switch {
	case r.ContentLength < 0:
		return reporter.ErrLength
	case r.Header.Get("Content-Type") != kind:
		return malformed("another type")
	case r.ContentLength < least || r.ContentLength > most:
		return malformed("another length")
	}
	return nil
}

// readBody reads a small body.
func readBody(r *http.Request, least, most int) ([]byte, error) {
	if err := checkBody(r, octets, int64(least), int64(most)); err != nil {
		return nil, err
	}
	b := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(body{r.Body}, b); err != nil {
		return nil, reporter.ErrCut
	}
	return b, nil
}

// body reads a request's body. Its errors name no address.
type body struct{ io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = reporter.ErrCut
	}
	return n, err
}
