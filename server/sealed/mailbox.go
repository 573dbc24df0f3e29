package sealed

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/parcel"
	"saksi/server/inbox"
	"saksi/server/store"
)

// farPage stands for all pages behind it, which have no reply either: so that an int
// of 32 bits counts the entries before it.
const farPage = 1 << 20

// Read answers for a mailbox. Its work is the same for every mailbox, its answer
// has one size, and leaves on a tick: see [inbox.Inbox.Mailbox].
func (h *Handler) Read(c echo.Context) error {
	start := time.Now()
	text, err := readBody(c.Request(), parcel.RequestSize, parcel.RequestSize)
	if err != nil {
		return err
	}
	q, err := parcel.ParseRequest(text)
	if err != nil {
		return err
	}
	if err := h.Gate.Mailbox(c.Request().Context()); err != nil {
		return err
	}
	answer, err := h.answer(q)
	if err != nil {
		return err
	}
	out := answer.Bytes()
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(out)))
	h.tick(start)
	return c.Blob(http.StatusOK, octets, out)
}

func (h *Handler) answer(q parcel.Request) (a parcel.Answer, err error) {
	if a.States, err = h.Inbox.States(q.IDs); err != nil {
		return a, err
	}
	page := int(min(q.Page, farPage))
	entries, err := h.Inbox.Mailbox(q.Token, q.KeyHash, page)
	if err != nil {
		return a, err
	}
	a.Entries = entries
	a.Ends, err = h.Inbox.Ends(q.Token, q.KeyHash, page)
	return a, err
}

// A page has the entries of the format.
var _ = inbox.Page([parcel.PageEntries][]byte{})

// Burn deletes items, and empties a mailbox. It goes on after an error, so that as
// much is destroyed as can be. An id that was never used is no error.
func (h *Handler) Burn(c echo.Context) error {
	start := time.Now()
	text, err := readBody(c.Request(), 1, parcel.MaxBurn)
	if err != nil {
		return err
	}
	burn, err := parcel.ParseBurn(text)
	if err != nil {
		return err
	}
	if err := h.Gate.Mailbox(c.Request().Context()); err != nil {
		return err
	}
	err = h.burn(burn)
	h.tick(start)
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h *Handler) burn(burn parcel.Burn) error {
	var errs []error
	for _, i := range burn.Items {
		if err := h.Inbox.Burn(i.ID, i.Token); !errors.Is(err, store.ErrUnknown) {
			errs = append(errs, err)
		}
	}
	if burn.Empty {
		errs = append(errs, h.Inbox.Empty(burn.Token, burn.KeyHash))
	}
	return errors.Join(errs...)
}

// tick waits until the time since start is a whole number of ticks.
func (h *Handler) tick(start time.Time) {
	if h.Tick > 0 {
		time.Sleep(h.Tick - time.Since(start)%h.Tick)
	}
}
