package reporter

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"saksi/crypto/receipt"
	"saksi/web"
)

// Errors of requests that no page of ours makes.
var (
	// ErrForm is returned for a body that is no form.
	ErrForm = errors.New("the form is damaged")
	// ErrFormSize is returned for a form without file above the limit.
	ErrFormSize = errors.New("the form is too large")
	// ErrNumber is returned for an item number out of range.
	ErrNumber = errors.New("no such item number")
)

// form is a urlencoded body: a text, never a file.
type form struct{ values url.Values }

// form reads the body of a form without a file, in memory.
func (h *Handler) form(c echo.Context) (form, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return form{}, fmt.Errorf("reading form: %w", ErrForm)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, h.MaxForm+1))
	if err != nil {
		return form{}, fmt.Errorf("reading form: %w", ErrCut)
	}
	if int64(len(body)) > h.MaxForm {
		drain(r.Body)
		return form{}, &Failed{Cause: ErrFormSize, Limit: h.MaxForm}
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return form{}, fmt.Errorf("reading form: %w", ErrForm)
	}
	return form{values}, nil
}

func (f form) has(name string) bool { return f.values.Has(name) }

// text returns a field with line breaks as everywhere but in forms.
func (f form) text(name string) string {
	return strings.ReplaceAll(f.values.Get(name), "\r\n", "\n")
}

func (f form) draft() web.Draft {
	return web.Draft{Text: f.text("text"), Place: f.text("place"), From: f.text("from"), To: f.text("to")}
}

// code returns the code of the hidden field.
func (f form) code() (receipt.Code, error) {
	return receipt.ParseField(f.values.Get("code"))
}

// number returns the item number that the form will use. A first testimony has
// a form of its own, so follow-ups begin at 1; a person whose page said 0 had
// nothing with this code, and may still send.
func (f form) number() (int, error) { return parseNumber(f.values.Get("n")) }

func parseNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n >= receipt.MaxItems {
		return 0, fmt.Errorf("reading form: %w", ErrNumber)
	}
	return n, nil
}
