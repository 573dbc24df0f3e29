// Package reporter has the pages for reporters. A handler parses a request,
// calls the scribe and renders a view; the rules are in package inbox.
//
// House rules: nothing that a reporter sent reaches a log, an error or a
// header. A code arrives in the body of a POST and leaves in a hidden field.
// Nothing calls ParseMultipartForm, or any echo method that does (FormValue,
// Bind, FormFile): it writes plaintext to /tmp.
package reporter

import (
	"bytes"
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/scribe"
	"saksi/web"
)

// A Handler serves the pages of one language.
type Handler struct {
	Scribe  *scribe.Scribe
	Pages   *web.Pages
	Lang    web.Lang
	MaxFile int64 // bytes, as shown in forms
	MaxForm int   // bytes of a text that are handed back when it is too long
	// Tick is what the time of every answer about a mailbox is a multiple of.
	Tick time.Duration
	// Padding is what the size of every conversation page is a multiple of.
	Padding int
}

// render writes a page. Pages are built whole before the first byte leaves.
func (h *Handler) render(c echo.Context, status int, view any) error {
	return h.renderTimed(c, status, view, time.Time{}, 1)
}

// renderTimed writes a page on the next tick after start, at the end of all
// work, padded to a multiple of bytes.
func (h *Handler) renderTimed(c echo.Context, status int, view any, start time.Time, multiple int) error {
	page, err := h.Pages.Page(h.Lang, view)
	if err != nil {
		return err
	}
	padding := bytes.Repeat([]byte(" "), (multiple-len(page)%multiple)%multiple)
	if !start.IsZero() {
		h.tick(start)
	}
	header := c.Response().Header()
	header.Set("Content-Type", echo.MIMETextHTMLCharsetUTF8)
	header.Set("Content-Length", strconv.Itoa(len(page)+len(padding)))
	c.Response().WriteHeader(status)
	if _, err := c.Response().Write(page); err != nil {
		return err
	}
	_, err = c.Response().Write(padding)
	return err
}

// Start serves the front page.
func (h *Handler) Start(c echo.Context) error {
	readers, fingerprint := h.readers()
	return h.render(c, http.StatusOK, web.Start{Reviewers: readers, Fingerprint: fingerprint})
}

// Recipients serves the reviewers' direct recipients as an age recipients file,
// for those who seal a file beforehand.
func (h *Handler) Recipients(c echo.Context) error {
	readers, _ := h.Scribe.Readers()
	var file bytes.Buffer
	for _, r := range readers {
		file.WriteString("# " + r.ID + "\n" + r.Direct.String() + "\n")
	}
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", file.Bytes())
}

// Style serves the style sheet.
func (h *Handler) Style(c echo.Context) error {
	return c.Blob(http.StatusOK, "text/css; charset=utf-8", h.Pages.Style())
}

func (h *Handler) readers() ([]web.Reviewer, []string) {
	reviewers, fingerprint := h.Scribe.Readers()
	var readers []web.Reviewer
	for _, r := range reviewers {
		readers = append(readers, web.Reviewer{Label: r.Label, Organisation: r.Organisation, Region: region(r.Region)})
	}
	return readers, fingerprint
}

// region returns a roster's region as the pages know it: "-" for the whole
// country.
func region(code string) string {
	if code == "00" {
		return "-"
	}
	return code
}

// WriteForm serves the empty form, with a fresh code in its hidden field.
func (h *Handler) WriteForm(c echo.Context) error {
	return h.render(c, http.StatusOK, h.writeView(receipt.New(), web.Draft{}, ""))
}

func (h *Handler) writeView(code receipt.Code, d web.Draft, problem string) web.Write {
	readers, _ := h.readers()
	if problem == "not_text" {
		d = marked(d)
	}
	return web.Write{
		Code: code.Field(), Draft: d, Problem: problem, Length: len(d.Text), MaxText: item.MaxText, Reviewers: readers,
	}
}

// Write takes a first testimony and shows the receipt.
func (h *Handler) Write(c echo.Context) error {
	f, formErr := h.form(c)
	d := f.draft()
	code, err := f.code()
	if err != nil {
		return &Failed{Cause: cmp.Or(formErr, err), Draft: f.typed(), Retry: "/write"}
	}
	failed := &Failed{
		Code: code.Field(), Draft: &d, Retry: "/write", Limit: item.MaxText,
		Form: func(problem string) any { return h.writeView(code, d, problem) },
	}
	if formErr != nil {
		failed.Cause = formErr
		return failed
	}
	if f.has("switch") {
		return h.render(c, http.StatusOK, h.writeView(code, d, ""))
	}
	var outcome inbox.Outcome
	outcome, failed.Cause = h.Scribe.Send(code, 0, item.Content{
		Kind: item.Testimony, Language: string(h.Lang), Text: d.Text,
		Form: item.Form{Place: d.Place, From: d.From, To: d.To},
	})
	if failed.Cause != nil {
		return failed
	}
	next := 1 // nothing but this item has the code
	if outcome == inbox.Again {
		states, err := h.Scribe.States(code)
		if err != nil {
			// The item is kept: sending the form again shows the words.
			return &Failed{Cause: err, Code: code.Field(), Draft: &d, Retry: "/write"}
		}
		next = states.Next()
	}
	return h.showReceipt(c, code, next, outcome, &d, time.Time{})
}

// showReceipt shows the words of a code whose first item is kept. Its next item
// will have the number next.
func (h *Handler) showReceipt(
	c echo.Context, code receipt.Code, next int, outcome inbox.Outcome, d *web.Draft, start time.Time,
) error {
	view := web.Receipt{
		Words: code.Words(), Code: code.Field(), NextN: next, MaxFile: h.MaxFile, MaxText: item.MaxText,
		KeepSpread: inbox.KeepSpread, KeepAtMost: inbox.KeepAtMost,
	}
	if outcome == inbox.Again {
		view.Again, view.Unsent = true, d
	}
	return h.renderTimed(c, http.StatusOK, view, start, 1)
}

// Receipt shows the receipt of a code once more, as the language switch does.
func (h *Handler) Receipt(c echo.Context) error {
	start := time.Now()
	f, err := h.form(c)
	if err != nil {
		return err
	}
	code, err := f.code()
	if err != nil {
		return err
	}
	states, err := h.Scribe.States(code)
	if err != nil {
		return err
	}
	switch states[0].Stand {
	case inbox.Unused, inbox.Deleted, inbox.Expired:
		return &Failed{Cause: receipt.ErrField} // a code for nothing is never shown
	}
	return h.showReceipt(c, code, states.Next(), inbox.Again, nil, start)
}

// tick waits until the time since start is a whole number of ticks: how long
// the work took depends on what is in a mailbox.
func (h *Handler) tick(start time.Time) {
	if h.Tick > 0 {
		time.Sleep(h.Tick - time.Since(start)%h.Tick)
	}
}
