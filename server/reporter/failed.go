package reporter

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/web"
)

// Failed is an error that knows what its request brought, so that the page for
// it loses nothing. Its text is that of the cause alone.
type Failed struct {
	Cause error
	Code  string     // hidden field; empty if the request had none
	Draft *web.Draft // what was typed
	Retry string     // path of the form to send it again, such as "/write"
	N     int        // number that the item would have had
	// Chosen is whom a form without a draft excludes, for the next one.
	Chosen web.Draft
	Limit  int64 // bytes, for pages that name a limit
	// Form returns the form once more, with a problem in it.
	Form func(problem string) any
	// Doubt is the page of a deletion of which nobody knows whether it was done. What
	// pages of failures say is about sending.
	Doubt any
}

func (f *Failed) Error() string { return f.Cause.Error() }

// Unwrap returns the cause.
func (f *Failed) Unwrap() error { return f.Cause }

// errUnread is of a page that sends nothing, changes nothing, and could not be made.
var errUnread = errors.New("a mailbox could not be read")

// unread marks what is our own fault as the error of a page that sends nothing. What
// the disk failed in stays: that may have been this reporter's last sending.
func unread(err error) error {
	if err == nil || lookUp(err).page != "internal" {
		return err
	}
	return fmt.Errorf("%w: %w", errUnread, err)
}

// ErrNoUpload is returned when there is no upload under an id.
var ErrNoUpload = errors.New("there is no such upload")

// A row of the table says how an error is shown.
type row struct {
	err    error
	status int
	page   string // a failure in the catalog
	form   string // a problem in the catalog: shown in the form, where there is one
}

// table is the one place where errors become statuses and pages. The first row
// that fits counts.
func table() []row {
	return []row{
		{errUnread, http.StatusInternalServerError, "unread", ""},
		{item.ErrEmpty, http.StatusUnprocessableEntity, "bad_request", "empty"},
		{item.ErrLongField, http.StatusUnprocessableEntity, "too_large", "field_long"},
		{item.ErrTooLong, http.StatusUnprocessableEntity, "too_large", "too_long"},
		{item.ErrNotText, http.StatusUnprocessableEntity, "bad_request", "not_text"},
		{ErrNoFile, http.StatusUnprocessableEntity, "form_damaged", "no_file"},
		{ErrEmptyFile, http.StatusUnprocessableEntity, "form_damaged", "empty_file"},
		{ErrPicture, http.StatusUnprocessableEntity, "form_damaged", "picture_damaged"},
		{gate.ErrBusy, http.StatusTooManyRequests, "busy", ""},
		{inbox.ErrClosed, http.StatusServiceUnavailable, "closed", ""},
		{item.ErrFewReaders, http.StatusUnprocessableEntity, "bad_request", "few_readers"},
		{item.ErrNoReader, http.StatusUnprocessableEntity, "bad_request", "no_reader"},
		{inbox.ErrMisfit, http.StatusUnprocessableEntity, "no_reader", "no_reader"}, // sealed for those of a moment ago
		{inbox.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large", ""},
		{ErrFileSize, http.StatusRequestEntityTooLarge, "too_large", ""},
		{ErrFormSize, http.StatusRequestEntityTooLarge, "text_large", "far_too_long"},
		{ErrLength, http.StatusLengthRequired, "length_required", ""},
		{ErrCut, http.StatusBadRequest, "upload_cut", ""},
		{ErrFormCut, http.StatusBadRequest, "form_cut", "cut"},
		{ErrForm, http.StatusBadRequest, "form_damaged", "damaged"},
		{ErrNumber, http.StatusBadRequest, "form_damaged", ""},
		{receipt.ErrField, http.StatusBadRequest, "code_invalid", ""},
		{store.ErrGone, http.StatusGone, "deleted", ""},
		{inbox.ErrFilesFull, http.StatusInsufficientStorage, "files_full", ""},
		{store.ErrFull, http.StatusInsufficientStorage, "store", ""},
		{store.ErrFailed, http.StatusServiceUnavailable, "disk", ""},
		{parcel.ErrMalformed, http.StatusBadRequest, "form_damaged", ""},
		{store.ErrSize, http.StatusBadRequest, "form_damaged", ""},
		{inbox.ErrToken, http.StatusForbidden, "code_invalid", ""},
		{inbox.ErrUploads, http.StatusServiceUnavailable, "busy", ""},
		{store.ErrOffset, http.StatusConflict, "upload_cut", ""},
		{store.ErrBusy, http.StatusConflict, "upload_cut", ""},
		{store.ErrExists, http.StatusConflict, "file_number_used", "file_number_used"},
		{ErrNoUpload, http.StatusNotFound, "upload_cut", ""},
		{echo.ErrNotFound, http.StatusNotFound, "not_found", ""},
		{echo.ErrMethodNotAllowed, http.StatusMethodNotAllowed, "method", ""},
	}
}

// lookUp returns the row for an error. What is in no row is our own fault.
func lookUp(err error) row {
	for _, r := range table() {
		if errors.Is(err, r.err) {
			return r
		}
	}
	return row{err, http.StatusInternalServerError, "internal", ""}
}

// inDoubt reports whether a deletion that ended so may have been done, or in part.
func (r row) inDoubt() bool { return slices.Contains([]string{"store", "disk", "internal"}, r.page) }

// Explain returns what the table has for an error: the status, and the name of the
// failure, for answers that are no pages.
func Explain(err error) (status int, name string) {
	r := lookUp(err)
	return r.status, r.page
}

// problemOf returns what is wrong with a form, or "" for other errors and nil.
func problemOf(err error) string {
	if err == nil {
		return ""
	}
	return lookUp(err).form
}

// Internal reports whether an error has no page of its own, and so belongs in
// the log.
func Internal(err error) bool { return lookUp(err).status == http.StatusInternalServerError }

const typedKey = "typed"

// remember keeps what a request brought until its end, for an error that knows
// nothing of it, as after a panic.
func remember(c echo.Context, f *Failed) { c.Set(typedKey, f) }

// typed returns what was remembered.
func typed(c echo.Context) *Failed {
	if f, ok := c.Get(typedKey).(*Failed); ok {
		return f
	}
	return &Failed{}
}

// Fail shows the page for an error.
func (h *Handler) Fail(c echo.Context, err error) error {
	r := lookUp(err)
	var f *Failed
	if !errors.As(err, &f) {
		f = typed(c)
	}
	if r.form != "" && f.Form != nil {
		return h.render(c, r.status, f.Form(r.form))
	}
	if r.inDoubt() && f.Doubt != nil {
		return h.render(c, r.status, f.Doubt)
	}
	page := web.Failure{
		Key: r.page, Limit: f.Limit, Code: f.Code, Draft: f.Draft, Retryat: f.Retry, N: f.N, Chosen: f.Chosen,
	}
	if f.Draft != nil {
		page.Chosen = *f.Draft
	}
	busy(c, err, &page)
	return h.render(c, r.status, page)
}
