// Package courier is the small API by which bundles leave and outboxes come
// back: HTTP, on a unix socket in the data folder, and over Tor.
//
// Whoever reaches the socket is an operator; what passes through it is sealed or
// counts.
//
//	GET  /v1/status    counts, as JSON (inbox.Status)
//	GET  /v1/check     what is wrong with the store, as a JSON list of lines
//	POST /v1/close     closes a batch; {"batch": 4}
//	GET  /v1/bundle    the bundle, a tar; broken off on an error; a trailer
//	                   Saksi-Damaged names items that were left out, 30,000 at most
//	POST /v1/outbox    takes a desk's outbox; JSON (inbox.Imported)
//	GET  /v1/lost/ITEM     whether the disk has lost an item; if not, an error says so
//	POST /v1/lost/ITEM     gives up an item that the disk has lost
//	GET  /v1/couriers  the list of couriers, as text (pass.List)
//	POST /v1/couriers  adds a courier; the body is a card's line
//	DELETE /v1/couriers/NAME   removes one
//
// An error is a JSON object {"error": "..."} with a status of 4xx when the
// request was at fault, and 507 where there was no room for all of it.
//
// The couriers' onion service has less of it, for those alone who sign their
// requests: see [Remote].
package courier

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"saksi/crypto/outbox"
	"saksi/crypto/pass"
	"saksi/crypto/receipt"
	"saksi/crypto/sign"
	"saksi/server/inbox"
	"saksi/server/store"
)

// Operations are what an operator can do, on a running server or on a data
// folder at rest. [inbox.Inbox] and [Client] both do them.
type Operations interface {
	Status() (inbox.Status, error)
	Check() ([]string, error)
	Close() (uint64, error)
	Bundle(w io.Writer) (damaged []receipt.ItemID, err error)
	Import(file []byte) (inbox.Imported, error)
	Lost(receipt.ItemID) error
	GiveUp(receipt.ItemID) error
}

var _ Operations = (*inbox.Inbox)(nil)

// A Handler serves the API to operators.
type Handler struct {
	Operations Operations
	Book       Book
}

type closed struct {
	Batch uint64 `json:"batch"`
}

type failure struct {
	Error string `json:"error"`
}

// Status serves counts.
func (h *Handler) Status(c echo.Context) error {
	s, err := h.Operations.Status()
	return answer(c, s, err)
}

// Check serves what is wrong.
func (h *Handler) Check(c echo.Context) error {
	wrong, err := h.Operations.Check()
	return answer(c, wrong, err)
}

// Close closes a batch.
func (h *Handler) Close(c echo.Context) error {
	n, err := h.Operations.Close()
	return answer(c, closed{n}, err)
}

// Bundle streams the bundle. An error after its first byte breaks the
// connection off, which the client sees.
func (h *Handler) Bundle(c echo.Context) error {
	header := c.Response().Header()
	header.Set("Content-Type", "application/x-tar")
	header.Set("Trailer", damagedTrailer)
	damaged, err := h.Operations.Bundle(c.Response())
	if err != nil && c.Response().Committed {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		header.Del("Trailer")
		return answer(c, nil, err)
	}
	header.Set(damagedTrailer, formatDamaged(damaged[:min(len(damaged), maxDamaged)]))
	return nil
}

// damagedTrailer names, after a bundle, the items that were left out. Desks miss also
// those that have no room in it.
const (
	damagedTrailer = "Saksi-Damaged"
	maxDamaged     = 30_000
	trailerRoom    = 1 << 20 // net/http takes a trailer that fits into its buffer, else no bundle
)

func formatDamaged(ids []receipt.ItemID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return strings.Join(names, " ")
}

// parseDamaged reads what formatDamaged wrote.
func parseDamaged(text string) (ids []receipt.ItemID, err error) {
	if text == "" {
		return nil, nil
	}
	for name := range strings.SplitSeq(text, " ") {
		id, err := receipt.ParseItemID(name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Outbox takes a desk's outbox.
func (h *Handler) Outbox(c echo.Context) error {
	file, err := io.ReadAll(io.LimitReader(c.Request().Body, outbox.MaxSize+1))
	if err != nil {
		return answer(c, nil, err)
	}
	report, err := h.Operations.Import(file)
	return answer(c, report, err)
}

// Lost tells whether the disk has lost an item.
func (h *Handler) Lost(c echo.Context) error { return h.aboutItem(c, h.Operations.Lost) }

// GiveUp gives up an item that the disk has lost.
func (h *Handler) GiveUp(c echo.Context) error { return h.aboutItem(c, h.Operations.GiveUp) }

func (h *Handler) aboutItem(c echo.Context, do func(receipt.ItemID) error) error {
	id, err := receipt.ParseItemID(c.Param("item"))
	if err != nil {
		return c.JSON(http.StatusBadRequest, failure{err.Error()})
	}
	return answer(c, struct{}{}, do(id))
}

// answer writes a value, or the error. An operator sees it in full: no error of
// these operations holds anything that a reporter sent.
func answer(c echo.Context, value any, err error) error {
	if err != nil {
		return c.JSON(status(err), failure{err.Error()})
	}
	return c.JSON(http.StatusOK, value)
}

func status(err error) int {
	if errors.As(err, new(*inbox.RefusedError)) {
		return http.StatusConflict
	}
	for _, theirs := range []error{
		sign.ErrSignatures, inbox.ErrNoBatch, pass.ErrTaken, pass.ErrMany, pass.ErrNoCourier,
		inbox.ErrWhole, store.ErrGone, store.ErrUnknown,
	} {
		if errors.Is(err, theirs) {
			return http.StatusConflict
		}
	}
	if errors.Is(err, store.ErrFull) {
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}
