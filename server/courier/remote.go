package courier

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/outbox"
	"saksi/crypto/pass"
	"saksi/server/inbox"
)

// Errands are what a courier can do over Tor. [inbox.Inbox] does them.
type Errands interface {
	Batches() ([]inbox.BatchState, error)
	Plan() (*inbox.Plan, error)
	Import(file []byte) (inbox.Imported, error)
}

var _ Errands = (*inbox.Inbox)(nil)

// A Remote serves couriers over their onion service:
//
//	GET  /v1/batches   the batches of a bundle of now, as JSON ([]inbox.BatchState)
//	GET  /v1/bundle    the bundle, which can be resumed: ETag, Range and If-Range
//	POST /v1/outbox    takes a desk's outbox; JSON (inbox.Imported)
//
// Each request is signed by a courier who is on the list at that moment
// ([pass.Request]). To anybody else every path gives the same refusal. No status,
// no check, no closing: who has a pass may carry, and no more.
type Remote struct {
	Errands Errands
	Book    Book
	Onion   func() string // the couriers' address; "" as long as it is unknown
	Now     func() time.Time
	Log     *slog.Logger

	decoy  pass.Card // stands in for whom nobody knows, so that refusing takes as long
	nonces nonces
	turns  turns
}

// NewRemote makes a Remote. A nil book has no couriers.
func NewRemote(errands Errands, book Book, onion func() string, now func() time.Time, log *slog.Logger) *Remote {
	r := &Remote{Errands: errands, Book: book, Onion: onion, Now: now, Log: log}
	public, _, _ := ed25519.GenerateKey(rand.Reader) // never fails
	r.decoy.Sign = [32]byte(public)
	return r
}

// Batches serves what a bundle of now would hold.
func (r *Remote) Batches(c echo.Context, _ Caller) error {
	states, err := r.Errands.Batches()
	if err != nil {
		return r.refuse(c, err)
	}
	return c.JSON(http.StatusOK, states)
}

// Outbox takes a desk's outbox.
func (r *Remote) Outbox(c echo.Context, who Caller) error {
	control := http.NewResponseController(c.Response())
	own, end := r.turns.begin("outbox "+who.card.Name, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
	defer end()
	file, err := io.ReadAll(io.LimitReader(c.Request().Body, outbox.MaxSize+1))
	if err != nil || own.isOver() {
		panic(http.ErrAbortHandler) // the connection broke, or he has begun anew
	}
	if sha256.Sum256(file) != who.stamp.Body {
		return c.JSON(http.StatusBadRequest, failure{"the outbox was changed or cut on the way: send it again"})
	}
	if !r.stillIn(who) {
		return unauthorized(c) // a body takes its time
	}
	report, err := r.Errands.Import(file)
	if err != nil {
		return r.refuse(c, err)
	}
	return c.JSON(http.StatusOK, report)
}

// refuse answers with an error of an errand. A courier is told what is wrong with
// what he brought, and that it has to be brought again when there is room; what is wrong
// with the server is for its operator.
func (r *Remote) refuse(c echo.Context, err error) error {
	code := status(err)
	if code >= http.StatusInternalServerError {
		r.Log.Error("a courier's errand failed", "error", err.Error())
	}
	if code != http.StatusInternalServerError {
		return c.JSON(code, failure{err.Error()})
	}
	return c.JSON(http.StatusInternalServerError, failure{"the server failed: tell its operator to look into the log"})
}

// Bundle streams the bundle, or the rest of one. An error after its first byte
// breaks the connection off, which the courier sees.
func (r *Remote) Bundle(c echo.Context, who Caller) error {
	control := http.NewResponseController(c.Response())
	own, end := r.turns.begin("bundle "+who.card.Name, func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) })
	defer end()
	plan, err := r.Errands.Plan()
	if err != nil {
		return r.refuse(c, err)
	}
	from, code := announce(c, plan)
	if code == http.StatusRequestedRangeNotSatisfiable {
		return c.JSON(code, failure{"there is nothing behind that"})
	}
	c.Response().WriteHeader(code)
	_ = control.Flush() // finding the place may take a while
	out := &gate{w: c.Response(), skip: from, open: func() bool { return !own.isOver() && r.stillIn(who) }}
	if err := plan.Write(out); err != nil {
		if !errors.Is(err, errShut) && !errors.Is(err, inbox.ErrChanged) && out.failed == nil {
			r.Log.Error("a courier's bundle broke off: saksi check may say why") // the error has an item's id
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

// announce sets an answer's headers, and returns where the bundle begins for this
// request, and the status.
func announce(c echo.Context, plan *inbox.Plan) (from int64, code int) {
	h := c.Response().Header()
	tag := `"` + hex.EncodeToString(plan.Tag[:16]) + `"`
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Type", "application/x-tar")
	h.Set("ETag", tag)
	from, ranged := rangeFrom(c.Request().Header.Get("Range"))
	if ranged = ranged && c.Request().Header.Get("If-Range") == tag; !ranged {
		h.Set("Content-Length", strconv.FormatInt(plan.Size, 10))
		return 0, http.StatusOK
	}
	if from >= plan.Size {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", plan.Size))
		return 0, http.StatusRequestedRangeNotSatisfiable
	}
	h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, plan.Size-1, plan.Size))
	h.Set("Content-Length", strconv.FormatInt(plan.Size-from, 10))
	return from, http.StatusPartialContent
}

// rangeFrom reads "bytes=N-" in its one spelling. Other ranges are none.
func rangeFrom(value string) (from int64, ok bool) {
	text := strings.TrimSuffix(strings.TrimPrefix(value, "bytes="), "-")
	n, err := strconv.ParseUint(text, 10, 62)
	return int64(n), err == nil && formatRange(int64(n)) == value
}

func formatRange(from int64) string { return fmt.Sprintf("bytes=%d-", from) }

// errShut is returned by a gate that shuts.
var errShut = errors.New("the courier is no longer served")

// A gate passes a bundle on while it is open, but for the bytes that the courier
// has already: the same store gives the same bytes.
type gate struct {
	w      io.Writer
	skip   int64
	open   func() bool
	failed error // of w: the connection's
}

// gatePiece is how many bytes may leave between two looks.
const gatePiece = 32 << 10

func (g *gate) Write(p []byte) (int, error) {
	if !g.open() {
		return 0, errShut
	}
	skipped := int(min(g.skip, int64(len(p))))
	g.skip -= int64(skipped)
	for written := skipped; written < len(p); {
		if !g.open() {
			return written, errShut
		}
		n, err := g.w.Write(p[written:min(written+gatePiece, len(p))])
		if written += n; err != nil {
			g.failed = err
			return written, err
		}
	}
	return len(p), nil
}
