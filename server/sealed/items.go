package sealed

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/reporter"
	"saksi/server/store"
)

// Keep takes a parcel. The gate is asked between its head and its payload: a text
// that waits in line waits in its sender's socket.
func (h *Handler) Keep(c echo.Context) error {
	r := c.Request()
	if err := checkBody(r, octets, parcel.MinHead(), 2*parcel.MaxPayload()); err != nil {
		return err
	}
	in := body{r.Body}
	head, err := parcel.ReadHead(in)
	if err != nil {
		return err
	}
	if head.Length() != r.ContentLength {
		return malformed("another length")
	}
	defer h.Inbox.Expect(head.ID, head.Burn)() // the line may be long, and a burn short
	giveBack, err := h.ask(r.Context(), head)
	if err != nil {
		return err
	}
	outcome, err := h.Inbox.Accept(parcelOf(head, in))
	// What was deleted meanwhile has its tombstone: whoever made that has had a text.
	if (err != nil || outcome != inbox.Kept) && !errors.Is(err, store.ErrGone) {
		giveBack()
	}
	if err != nil {
		return withoutUpload(err)
	}
	switch outcome {
	case inbox.Kept:
		return whole(c, http.StatusCreated)
	case inbox.Again:
		return whole(c, http.StatusOK)
	}
	return store.ErrExists
}

func parcelOf(head parcel.Head, in io.Reader) inbox.Parcel {
	return inbox.Parcel{
		ID: head.ID, Burn: head.Burn, Roster: head.Roster, Slots: head.Slots, Size: head.Size,
		Staged: head.Staged, Upload: head.Upload,
		Payload: func(w io.Writer) error {
			if n, err := io.Copy(w, io.LimitReader(in, head.Size)); err != nil || n == head.Size {
				return err
			}
			return reporter.ErrCut
		},
	}
}

// ask asks the gate for what a parcel brings: a text, or a file. What is kept
// already, because its answer was lost, asks for nothing; nor does a file that was
// staged, whose slices did.
func (h *Handler) ask(ctx context.Context, head parcel.Head) (giveBack func(), err error) {
	switch {
	case h.Gate == nil || head.Staged || h.known(head.ID):
		return func() {}, nil
	case head.Size > item.PayloadSize(item.Floor):
		return h.Gate.File(ctx, head.Size)
	default:
		return h.Gate.Text(ctx)
	}
}

func (h *Handler) known(id receipt.ItemID) bool {
	states, err := h.Inbox.Store.States([]receipt.ItemID{id})
	return err == nil && states[0] != (store.State{})
}

// withoutUpload says of what the store does not know that there is no upload.
func withoutUpload(err error) error {
	if errors.Is(err, store.ErrUnknown) {
		return reporter.ErrNoUpload
	}
	return err
}
