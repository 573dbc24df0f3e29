package reporter

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/server/inbox"
	"saksi/web"
)

// Client serves the views and texts that the script takes. They are the same for
// everyone.
func (h *Handler) Client(c echo.Context) error {
	return h.render(c, http.StatusOK, web.Client{
		Later: h.readersOf(web.Draft{}, laterForm), Next: h.readersOf(web.Draft{}, nextForm),
		MaxFile: h.MaxFile, MaxText: item.MaxText, KeepSpread: inbox.KeepSpread, KeepMost: inbox.KeepAtMost,
	})
}

// Regions serves all regions at once: to ask for those of one province would tell
// which one it is.
func (h *Handler) Regions(c echo.Context) error {
	list := web.Regions()
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(list)))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, list)
}
