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
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/gate"
	"saksi/server/scribe"
	"saksi/web"
)

// A Handler serves the pages of one language.
type Handler struct {
	Scribe  *scribe.Scribe
	Gate    *gate.Gate // is asked before anything is kept or looked up; may be nil
	Pages   *web.Pages
	Lang    web.Lang
	MaxFile int64 // bytes, as shown in forms
	MaxForm int   // bytes of a text that are handed back when it is too long
	// Hold waits until a request may keep so many bytes in memory, of its body and made
	// of it. nil lets it at once. Its error is [gate.ErrBusy].
	Hold func(ctx context.Context, bytes int64) (release func(), err error)
	// Look is held while a picture is looked at: what is packed in it may take some MiB
	// that Hold was not asked for, however small it is. It may be nil.
	Look *sync.Mutex
	// Tick is what the time of every answer about a mailbox is a multiple of.
	Tick time.Duration
	// Padding is in which steps a conversation page grows by what its request typed, in
	// bytes; see padding.go.
	Padding int
}

// render writes a page. Pages are built whole before the first byte leaves.
func (h *Handler) render(c echo.Context, status int, view any) error {
	return h.renderTimed(c, status, view, time.Time{}, 1)
}

// renderTimed writes a page on the next tick after start, at the end of all
// work, padded to a multiple of bytes. Page and padding leave in one write: tor makes
// cells of what it finds, and a break would show where the page ends.
func (h *Handler) renderTimed(c echo.Context, status int, view any, start time.Time, multiple int) error {
	page, err := h.Pages.Page(h.Lang, view)
	if err != nil {
		return err
	}
	page = append(page, bytes.Repeat([]byte(" "), (multiple-len(page)%multiple)%multiple)...)
	if !start.IsZero() {
		h.tick(start)
	}
	header := c.Response().Header()
	header.Set("Content-Type", echo.MIMETextHTMLCharsetUTF8)
	header.Set("Content-Length", strconv.Itoa(len(page)))
	c.Response().WriteHeader(status)
	_, err = c.Response().Write(page)
	return err
}

// Start serves the front page.
func (h *Handler) Start(c echo.Context) error {
	readers, fingerprint := h.readers()
	return h.render(c, http.StatusOK, web.Start{
		Reviewers: readers, Fingerprint: fingerprint, Choice: len(readers) > h.Scribe.Quorum().Needed,
		Closed: h.closed(),
	})
}

// closed reports whether nothing can be taken now, so that nobody writes in vain.
func (h *Handler) closed() bool {
	_, err := h.Scribe.Inbox.Circle()
	return err != nil
}

// Recipients serves the reviewers' direct recipients as an age recipients file,
// for those who seal a file beforehand.
func (h *Handler) Recipients(c echo.Context) error {
	readers, _ := h.Scribe.Readers()
	var file bytes.Buffer
	for _, r := range readers {
		file.WriteString("# " + r.ID + "\n" + r.Direct.String() + "\n")
	}
	return plainText(c, file.Bytes())
}

// Roster serves the newest roster as the roots signed it, and Rosters one of the
// rosters so far, for whoever watches the drop from outside. They are texts like
// any other: who asks for them is not told apart from who reads a page.
func (h *Handler) Roster(c echo.Context) error { return plainText(c, h.Scribe.Inbox.Newest().Note) }

// Rosters serves the roster that the path names, as "3.note".
func (h *Handler) Rosters(c echo.Context) error {
	sequence, ok := roster.ParseNoteName(c.Param("name"))
	if !ok {
		return echo.ErrNotFound
	}
	signed, ok := h.Scribe.Inbox.At(sequence)
	if !ok {
		return echo.ErrNotFound
	}
	return plainText(c, signed.Note)
}

// WeekRecipients serves the recipients file of this week, to which the pages seal
// what is sent now.
func (h *Handler) WeekRecipients(c echo.Context) error {
	text, err := h.Scribe.Inbox.Recipients()
	if err != nil {
		return err
	}
	return plainText(c, []byte(text))
}

// plainText answers with a text, whose size is said as that of a page is.
func plainText(c echo.Context, text []byte) error {
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(text)))
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, text)
}

// Taxonomy serves the questions as the file that a testimony's reference names by
// its hash, for browsers that seal by themselves.
func (h *Handler) Taxonomy(c echo.Context) error {
	file := h.Pages.Taxonomy().File()
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(file)))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, file)
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

// Info serves the page that says what this is.
func (h *Handler) Info(c echo.Context) error { return h.render(c, http.StatusOK, web.Info{}) }

// Receipt shows the receipt of a code once more, as the language switch does.
func (h *Handler) Receipt(c echo.Context) error {
	start := time.Now()
	f, err := h.form(c)
	if err != nil {
		return f.failed(err, "/receipt")
	}
	code, err := f.code()
	if err != nil {
		return err
	}
	remember(c, &Failed{Code: code.Field(), Retry: "/receipt"})
	if err := h.askMailbox(c); err != nil {
		return f.failed(err, "/receipt")
	}
	states, err := h.Scribe.States(code)
	if err != nil {
		return f.failed(unread(err), "/receipt")
	}
	view := h.receiptView(code, receipt.MaxItems-1, f.draft(h.Pages.Taxonomy()))
	view.Again = true
	longest, err := h.Pages.Page(h.Lang, view)
	if err != nil {
		return err
	}
	size := up(len(longest), receiptPadding)
	switch states[0].Stand {
	case parcel.Unused, parcel.Deleted, parcel.Expired, parcel.Lost: // words for nothing are never shown
		r := lookUp(receipt.ErrField)
		return h.renderTimed(c, r.status, web.Failure{Key: r.page}, start, size)
	}
	view.NextN = states.Next()
	return h.renderTimed(c, http.StatusOK, view, start, size)
}

// receiptPadding is what the size of a page with the words is a multiple of, in
// bytes: it lists whom its writer excluded, and who watches the line counts cells.
const receiptPadding = 16 << 10

// tick waits until the time since start is a whole number of ticks: how long
// the work took depends on what is in a mailbox.
func (h *Handler) tick(start time.Time) {
	if h.Tick > 0 {
		time.Sleep(h.Tick - time.Since(start)%h.Tick)
	}
}
