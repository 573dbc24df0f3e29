package reporter

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/web"
)

// This file is all that the pages know of the gate: when they ask it, and what
// comes with a refusal. What is asked for, and the answer, are the gate's.

const refusedKey = "refused"

// Gated asks the gate for every request, be it for a page that exists or not. A
// refused form goes on to its handler all the same: nobody else can hand back
// what it brought. The handler finds the refusal in [refusal]. Parts are the paths
// of what belongs to a page, beside the style sheet.
func Gated(g *gate.Gate, parts ...string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			ask := g.Page
			if r.URL.Path == "/style.css" || slices.Contains(parts, r.URL.Path) {
				ask = g.Part
			}
			err := ask(r.Context())
			if err != nil && r.Method != http.MethodPost {
				return &Failed{Cause: err, Retry: strings.TrimPrefix(r.URL.Path, web.Prefix(web.EN))}
			}
			c.Set(refusedKey, err)
			return next(c)
		}
	}
}

// refusal returns why a request was refused, or nil.
func refusal(c echo.Context) error {
	err, _ := c.Get(refusedKey).(error)
	return err
}

// askMailbox asks the gate before anything is looked up that a code leads to, so
// that a refusal cannot tell one code from another.
func (h *Handler) askMailbox(c echo.Context) error { return h.Gate.Mailbox(c.Request().Context()) }

// sendText asks the gate for a text, and hands it in. One that is kept already,
// because its answer was lost, asks for nothing; and whoever's text was not kept
// has not had it.
func (h *Handler) sendText(c echo.Context, code receipt.Code, n int, content item.Content) (inbox.Outcome, error) {
	if h.Gate == nil || h.known(code, n) {
		return h.Scribe.Send(code, n, content)
	}
	defer h.Scribe.Expect(code, n)() // the line may be long, and a deletion short
	giveBack, err := h.Gate.Text(c.Request().Context())
	if err != nil {
		return 0, err
	}
	outcome, err := h.Scribe.Send(code, n, content)
	// What was deleted meanwhile has its tombstone: whoever made that has had a text.
	if (err != nil || outcome == inbox.Again) && !errors.Is(err, store.ErrGone) {
		giveBack()
	}
	return outcome, err
}

func (h *Handler) known(code receipt.Code, n int) bool {
	states, err := h.Scribe.States(code)
	return err == nil && states[n].Stand != parcel.Unused
}

// busy puts into the page for an error, and its header, when to come back.
func busy(c echo.Context, err error, page *web.Failure) {
	var refused *gate.Busy
	if errors.As(err, &refused) {
		page.Minutes = refused.Minutes()
		c.Response().Header().Set("Retry-After", strconv.Itoa(60*page.Minutes))
	}
}
