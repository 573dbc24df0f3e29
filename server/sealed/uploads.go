package sealed

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/server/reporter"
	"saksi/server/store"
)

// Headers of uploads, as the IETF's draft of resumable uploads has them.
const (
	headerLength   = "Upload-Length"
	headerOffset   = "Upload-Offset"
	headerComplete = "Upload-Complete"
)

// maxSlice is how many bytes a slice has at most: a browser sends half of that. What is
// announced counts against the budget of all files until it has come or broken off.
const maxSlice = 8 << 20

// A slice is what a request brings of an upload.
type slice struct {
	id     store.UploadID
	size   int64 // of the whole payload
	offset int64
	length int64
	in     io.Reader
}

// Begin begins an upload. One that there is, with this size, is left as it is, and
// the answer says how far it came: its first answer may have been lost.
func (h *Handler) Begin(c echo.Context) error {
	s, err := sliceOf(c)
	if err != nil {
		return err
	}
	if s.size, err = number(c.Request().Header, headerLength); err != nil {
		return err
	}
	if s.size <= item.PayloadSize(item.Floor) || !item.ValidPayloadSize(s.size) {
		return malformed("no size of a file's payload")
	}
	if err := s.check(c.Request().Header); err != nil {
		return err
	}
	size, offset, err := h.Inbox.Upload(s.id)
	switch {
	case errors.Is(err, store.ErrUnknown):
		return h.append(c, s, true)
	case err != nil:
		return err
	case size != s.size:
		return store.ErrSize
	}
	progress(c, size, offset)
	return c.NoContent(http.StatusOK)
}

// Append appends a slice. What another request of the upload had still under way
// is over then: the sender has given it up.
func (h *Handler) Append(c echo.Context) error {
	s, err := sliceOf(c)
	if err != nil {
		return err
	}
	if s.offset, err = number(c.Request().Header, headerOffset); err != nil {
		return err
	}
	size, offset, err := h.Inbox.Upload(s.id)
	if err != nil {
		return withoutUpload(err)
	}
	if s.size = size; s.offset != offset {
		progress(c, size, offset)
		return store.ErrOffset
	}
	if err := s.check(c.Request().Header); err != nil {
		return err
	}
	return h.append(c, s, false)
}

// append asks the gate by the announced length, before a byte is read, and gives
// back what did not arrive.
func (h *Handler) append(c echo.Context, s slice, first bool) error {
	kept, err := h.Gate.Slice(c.Request().Context(), s.length, first)
	if err != nil {
		return err
	}
	now, err := h.Inbox.Stage(s.id, s.size, s.offset, s.in)
	kept(max(0, now-s.offset))
	if err == nil && now != s.offset+s.length {
		err = reporter.ErrCut
	}
	if now > 0 || err == nil {
		progress(c, s.size, now)
	}
	switch {
	case err != nil:
		return withoutUpload(err)
	case first:
		return c.NoContent(http.StatusCreated)
	default:
		return c.NoContent(http.StatusNoContent)
	}
}

// Offset says how far an upload is.
func (h *Handler) Offset(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	size, offset, err := h.Inbox.Upload(id)
	if err != nil {
		return withoutUpload(err)
	}
	progress(c, size, offset)
	c.Response().Header().Set(headerLength, strconv.FormatInt(size, 10))
	return c.NoContent(http.StatusNoContent)
}

// Abandon ends an upload, if there is one.
func (h *Handler) Abandon(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	if err := h.Inbox.Abandon(id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// progress says how much of an upload survives.
func progress(c echo.Context, size, offset int64) {
	c.Response().Header().Set(headerOffset, strconv.FormatInt(offset, 10))
	c.Response().Header().Set(headerComplete, flag(offset == size))
}

// whole says that the item itself is kept: no other answer has this header without an
// offset, so that nothing in between passes for it.
func whole(c echo.Context, status int) error {
	c.Response().Header().Set(headerComplete, flag(true))
	return c.NoContent(status)
}

func flag(set bool) string {
	if set {
		return "?1"
	}
	return "?0"
}

func idOf(c echo.Context) (store.UploadID, error) {
	id, err := store.ParseUploadID(c.Param("id"))
	if err != nil {
		return id, echo.ErrNotFound
	}
	return id, nil
}

// sliceOf reads what the line and the header of a request say of its body.
func sliceOf(c echo.Context) (s slice, err error) {
	if s.id, err = idOf(c); err != nil {
		return s, err
	}
	r := c.Request()
	switch {
	case r.ContentLength < 0:
		return s, reporter.ErrLength
	case r.ContentLength > 0 && r.Header.Get("Content-Type") != partial:
		return s, malformed("another type")
	}
	s.length, s.in = r.ContentLength, body{r.Body}
	return s, nil
}

// check holds a slice against the upload: it ends within it, and is not said to be
// its last unless it is.
func (s slice) check(h http.Header) error {
	last := h.Get(headerComplete)
	switch {
	case last != "?0" && last != "?1":
		return malformed("another " + headerComplete)
	case s.length > maxSlice:
		return malformed("a slice that is too large")
	case s.length > s.size-s.offset:
		return malformed("a slice beyond the end")
	case last == "?1" && s.offset+s.length != s.size:
		return malformed("a last slice before the end")
	}
	return nil
}

// number reads a header that is a number, in its one spelling.
func number(h http.Header, name string) (int64, error) {
	n, err := strconv.ParseInt(h.Get(name), 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != h.Get(name) {
		return 0, malformed("another " + name)
	}
	return n, nil
}
